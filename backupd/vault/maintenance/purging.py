"""Purging: removes one person's items from every snapshot and base, so that the next prunes erase the bytes.

A snapshot that is rewritten keeps the identity of the one first committed (`original`), so the chain of hashes and
the heads that a catalog remembers stay valid. Blobs that somebody else's items need as well are not this person's
alone, and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import msgspec

from backupd.errors import Busy, NotFound
from backupd.vault.entries import Entry
from backupd.vault.maintenance.holds import Held, is_held, pinned_seqs
from backupd.vault.maintenance.pruning import ERASURE
from backupd.vault.maintenance.reports import PurgeReport, Retained
from backupd.vault.sealing import Kind
from backupd.vault.snapshot import (
    BaseHeader,
    Layer,
    PageWriter,
    SnapshotHeader,
    base_name,
    read_snapshot,
    snapshot_name,
)
from backupd.vault.stores.base import ObjectLocked, ObjectNotFound
from backupd.vault.timeline import Timeline
from backupd.vault.vault import Vault

ROUNDS = 16

Unwanted = Callable[[str], bool]


def purge(vault: Vault, stream: str, items: Collection[str] | Unwanted | None) -> PurgeReport:
    """Remove items from the whole history of a stream: given ids, those a predicate chooses, or all (None).

    Safe to repeat, and to be repeated after a crash. Stop backing the items up first: a backup that still sees them
    stores them again. Raises Held under a legal hold or pin, NotFound for an unknown stream, Busy if the stream keeps
    changing. Points in time stay listed; the bytes go with the next two prunes.
    """
    timeline = vault.timeline(stream)
    if not timeline.seqs():
        raise NotFound(f"There is no stream {stream} in this vault.")
    if is_held(vault, stream):
        raise Held(f"{stream} is under a legal hold; nothing was removed.", hint="Lift the hold first.")
    if pinned_seqs(vault, stream, int(vault.store.now() * 1000)):
        raise Held(
            f"A restore or export of {stream} is running; nothing was removed.", hint="Try again later."
        )
    purger = _Purger(vault, timeline, _unwanted(items))
    _ask_for_copying(vault)
    purger.run()
    # Again: a prune that ran meanwhile answered the first, and did not see all of it.
    _ask_for_copying(vault)
    return purger.report


class _Purger:
    """Rewrites the objects of one stream."""

    def __init__(self, vault: Vault, timeline: Timeline, unwanted: Unwanted) -> None:
        self._vault = vault
        self._timeline = timeline
        self._unwanted = unwanted
        self.report = PurgeReport()

    def run(self) -> None:
        """Rewrite until nothing was added meanwhile."""
        for _ in range(ROUNDS):
            seqs, bases = self._timeline.seqs(), self._timeline.bases()
            for seq in seqs:
                self._purge_snapshot(seq)
            for seq, sinces in bases.items():
                for since in sinces:
                    self._purge_base(seq, since)
            if (seqs, bases) == (self._timeline.seqs(), self._timeline.bases()):
                return
        raise Busy(f"{self._timeline.stream} keeps changing.", hint="Purge again when its backup has ended.")

    def _purge_snapshot(self, seq: int) -> None:
        vault, timeline = self._vault, self._timeline
        name = snapshot_name(timeline.key, seq)
        header, reader = read_snapshot(vault.store, vault.keys, name, timeline.stream)
        layer = Layer(reader, header.pages)
        removed = sum(self._unwanted(entry.id) for entry in layer.entries())
        if not removed:
            return
        counted = _Counted(self._wanted(layer))
        writer = PageWriter(vault.keys, Kind.SNAPSHOT, name, vault.random, vault.spool_dir)
        try:
            writer.add(counted.entries())
            rewritten = msgspec.structs.replace(
                header,
                upserts=counted.upserts,
                deletes=counted.deletes,
                failures=counted.failures,
                pages=writer.pages,
                original=header.original or reader.identity,
            )
            if self._replace(writer, rewritten):
                self.report.snapshots_rewritten += 1
                self.report.items += removed
        finally:
            writer.close()

    def _purge_base(self, seq: int, since: int) -> None:
        vault, timeline = self._vault, self._timeline
        try:
            header, layer = timeline.base(seq, since)
        except ObjectNotFound:
            return  # A prune had no more need of it.
        if not any(self._unwanted(entry.id) for entry in layer.entries()):
            return
        name = base_name(timeline.key, seq, since)
        writer = PageWriter(vault.keys, Kind.BASE, name, vault.random, vault.spool_dir)
        try:
            writer.add(self._wanted(layer))
            rewritten = msgspec.structs.replace(header, items=writer.items, pages=writer.pages)
            self.report.bases_rewritten += self._replace(writer, rewritten)
        finally:
            writer.close()

    def _wanted(self, layer: Layer) -> Iterator[Entry]:
        return (entry for entry in layer.entries() if not self._unwanted(entry.id))

    def _replace(self, writer: PageWriter, header: SnapshotHeader | BaseHeader) -> bool:
        store = self._vault.store
        try:
            writer.replace(store, header)
        except ObjectLocked:
            until_s = store.retained_until(writer.name)
            self.report.retained.append(Retained(writer.name, store.size(writer.name), until_s))
            return False
        return True


class _Counted:
    """Passes entries on and counts what they say."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self.upserts = self.deletes = self.failures = 0

    def entries(self) -> Iterator[Entry]:
        for entry in self._entries:
            self.upserts += entry.version is not None
            self.deletes += entry.deleted
            self.failures += entry.failure is not None
            yield entry


def _unwanted(items: Collection[str] | Unwanted | None) -> Unwanted:
    if items is None:
        return lambda _item_id: True
    if callable(items):
        return items
    ids = frozenset(items)
    return lambda item_id: item_id in ids


def _ask_for_copying(vault: Vault) -> None:
    """Let the next prune copy every pack that holds a single blob too many, not only the half-empty ones."""
    vault.records.put("policy", ERASURE + vault.random(16).hex(), b"")
