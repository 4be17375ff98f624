"""A slice: one sitting of a backup run over one stream, from the first changed item to the committed snapshot.

Commit order: packs, then index, then snapshot, created only if absent. That create is the fence: of two writers one
wins, and the other's packs are garbage for the next prune, never half a snapshot.
"""

from __future__ import annotations

from typing import BinaryIO

from backupd.errors import Busy, RolledBack
from backupd.vault.access import WriteAccess
from backupd.vault.entries import Entry, Failure, Version
from backupd.vault.index import write_indexes
from backupd.vault.intake import Intake
from backupd.vault.pack import PackRecord
from backupd.vault.packer import Packer
from backupd.vault.sealing import Kind
from backupd.vault.snapshot import PageWriter, SnapshotHeader, SnapshotInfo, read_snapshot, snapshot_name
from backupd.vault.source import SourceItem
from backupd.vault.stores.base import ObjectExists
from backupd.vault.timeline import Timeline
from backupd.vault.view import View

EMBEDDED_BLOBS = 1024
"""Up to this many new blobs are described in the snapshot itself instead of an index object."""

CLOCK_TOLERANCE_S = 60.0
"""How far the store's clock may go back during a slice; beyond that its age cannot be told."""


class SliceExpired(Busy):
    """The slice took longer than the vault allows between its start and its commit; run it again."""


class StreamMoved(Busy):
    """Another writer committed to the stream first; nothing of this slice was recorded."""


class Slice:
    """Collects changes of one stream and commits them as one snapshot. One thread uses it; it ends once."""

    def __init__(
        self,
        access: WriteAccess,
        timeline: Timeline,
        run_id: str,
        *,
        started_s: float,
        expect: tuple[int, bytes] | None = None,
    ) -> None:
        """Begin. `started_s`: the store's clock before the condemned list was read."""
        self._access = access
        self._timeline = timeline
        self._run_id = run_id
        self._started_s = started_s
        self.head = timeline.head()
        check_head(timeline, self.head, expect)
        self.known: View = timeline.view(self.head.seq if self.head else None)
        self._entries: dict[str, Entry] = {}
        self._new_blobs: set[bytes] = set()
        self._packer = Packer(
            access.store, access.keys, access.workshop, random=access.random, spool_dir=access.spool_dir
        )
        self._intake = Intake(access.names, access.chunker, self._add_blob)
        self._first = access.cache.is_empty()
        self.bytes_in = 0

    @property
    def cursor(self) -> bytes | None:
        """The cursor of the newest snapshot, or None for a stream without any."""
        return self.head.cursor if self.head else None

    @property
    def entries(self) -> int:
        """How many items this slice says something of so far."""
        return len(self._entries)

    def upsert(self, item: SourceItem, content: BinaryIO | bytes | None) -> None:
        """Store an item's content (None: it has none) and record it as current. Errors of the source pass through."""
        stored = None
        size = item.size_bytes
        if content is not None:
            stored = self._intake.take(content, size, is_mail=item.kind == "message")
            size = stored.size
            self.bytes_in += size
        version = Version(
            item.id,
            str(item.kind),
            item.tag,
            item.folder,
            item.name,
            item.modified_ms,
            size,
            item.meta,
            stored,
        )
        self._entries[item.id] = Entry(item.id, version)

    def delete(self, item_id: str) -> None:
        """Record that the item is gone; what was never there stays unsaid."""
        if self.known.entry(item_id) is not None:
            self._entries[item_id] = Entry(item_id, deleted=True)
        else:
            self._entries.pop(item_id, None)

    def fail(self, item_id: str, failure: Failure) -> None:
        """Record that the item could not be had; its last good version stays current."""
        current = self._entries.get(item_id)
        if current is None:
            known = self.known.entry(item_id)
            if known is not None and known.failure == failure:
                return
        kept = current.version if current is not None else None
        gone = current.deleted if current is not None else False
        self._entries[item_id] = Entry(item_id, kept, gone, failure)

    def commit(self, cursor: bytes, *, complete: bool, as_of_ms: int) -> SnapshotInfo | None:
        """Make everything durable and visible as one snapshot; None if there was nothing to say.

        Raises StreamMoved when another writer was first, SliceExpired, StoreFull, StoreDenied, StoreUnavailable.
        """
        if not self._entries and not (complete and (self.head is None or not self.head.complete)):
            self._packer.abort()
            return None
        try:
            return self._commit(cursor, complete, as_of_ms)
        except BaseException:
            self._packer.abort()
            raise
        finally:
            self._forget()

    def abort(self) -> None:
        """Drop the slice; the vault looks as it did before."""
        self._packer.abort()
        self._forget()

    def _forget(self) -> None:
        """Give back what the slice collected: slice and intake know each other, so only the collector would."""
        self._entries = {}
        self._new_blobs = set()

    def _commit(self, cursor: bytes, complete: bool, as_of_ms: int) -> SnapshotInfo:
        access = self._access
        records = self._packer.finish()
        embedded: list[PackRecord] = []
        if sum(len(record.directory.lengths) for record in records) <= EMBEDDED_BLOBS:
            embedded = records
        else:
            for name in write_indexes(access.store, access.keys, records, access.random):
                access.cache.add((), name)
            access.cache.add(records)
        header = self._header(cursor, complete, as_of_ms, records, embedded)
        age_s = access.store.now() - self._started_s
        if not -CLOCK_TOLERANCE_S <= age_s <= access.slice_limit_s:
            raise SliceExpired(
                f"The slice took {age_s:.0f} s; {access.slice_limit_s:.0f} s are allowed.",
                hint="Run the backup again.",
            )
        info = self._create(header)
        # Not before: packs that no index and no snapshot describes must never be hits.
        access.cache.add(embedded)
        if access.store.now() - self._started_s > 2 * access.slice_limit_s:
            self._doubt(info)
        return info

    def _doubt(self, info: SnapshotInfo) -> None:
        """Look again after a create that was held up (a sleeping machine) past the time a sweep waits.

        What the snapshot leans on may have been swept meanwhile. Items of which a blob is gone become pending
        failures in a snapshot of their own, so that the next run fetches them again.
        """
        access, timeline = self._access, self._timeline
        access.sync()
        failure = Failure(
            "committed-too-late", "The backup was held up while it was committed; it is tried again."
        )
        doubtful = {
            item_id: Entry(item_id, failure=failure)
            for item_id, entry in self._entries.items()
            if entry.version is not None
            and entry.version.content is not None
            and not all(map(access.cache.has, entry.version.content.blobs))
        }
        if doubtful:
            self.head, self._entries = info, doubtful
            self._create(self._header(info.cursor, info.complete, info.as_of_ms, [], []))
            raise SliceExpired(
                f"The commit of {timeline.stream} was held up; {len(doubtful)} items have to be fetched again.",
                hint="Run the backup again.",
            )

    def _header(
        self,
        cursor: bytes,
        complete: bool,
        as_of_ms: int,
        records: list[PackRecord],
        embedded: list[PackRecord],
    ) -> SnapshotHeader:
        said = self._entries.values()
        return SnapshotHeader(
            stream=self._timeline.stream,
            seq=self.head.seq + 1 if self.head else 1,
            parent_hash=self.head.hash if self.head else b"",
            run_id=self._run_id,
            attempt=self._access.random(16),
            as_of_ms=as_of_ms,
            committed_ms=int(self._access.clock() * 1000),
            complete=complete,
            cursor=cursor,
            upserts=sum(entry.version is not None for entry in said),
            deletes=sum(entry.deleted for entry in said),
            failures=sum(entry.failure is not None for entry in said),
            bytes_in=self.bytes_in,
            bytes_stored=sum(record.size for record in records),
            pages=[],
            packs=embedded,
        )

    def _create(self, header: SnapshotHeader) -> SnapshotInfo:
        access, timeline = self._access, self._timeline
        name = snapshot_name(timeline.key, header.seq)
        writer = PageWriter(access.keys, Kind.SNAPSHOT, name, access.random, access.spool_dir)
        try:
            writer.add(self._entries[item_id] for item_id in sorted(self._entries))
            header.pages.extend(writer.pages)
            writer.create(access.store, header)
        except ObjectExists:
            winner, _ = read_snapshot(access.store, access.keys, name, timeline.stream)
            if winner.attempt != header.attempt:
                raise StreamMoved(
                    f"Another backup of {timeline.stream} was committed meanwhile.",
                    hint="Run it again if needed.",
                ) from None
        finally:
            writer.close()
        return timeline.info(header.seq)

    def _add_blob(self, blob_id: bytes, data: bytes, binary: bool) -> None:
        if blob_id in self._new_blobs or (not self._first and self._access.cache.has(blob_id)):
            return
        self._new_blobs.add(blob_id)
        self._packer.add(blob_id, data, binary=binary)


def check_head(timeline: Timeline, head: SnapshotInfo | None, expect: tuple[int, bytes] | None) -> None:
    """Refuse a vault that shows an older or another history than the one remembered."""
    if expect is None or expect[0] == 0:
        return
    seq, identity = expect
    if head is None or head.seq < seq:
        shown = "none" if head is None else f"snapshot {head.seq}"
        raise RolledBack(
            f"The vault shows {shown} as the newest of {timeline.stream}, but snapshot {seq} was committed.",
            hint="The vault was rolled back or restored from an older copy. Nothing was written.",
        )
    found = head if head.seq == seq else timeline.info(seq)
    if found.hash != identity:
        raise RolledBack(
            f"Snapshot {seq} of {timeline.stream} is not the one that was committed.",
            hint="The vault's history was replaced. Nothing was written.",
        )
