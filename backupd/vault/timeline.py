"""The timeline of one stream: its snapshots and bases in the store, and the views they give."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from backupd.errors import Integrity, NotFound
from backupd.vault.entries import Entry
from backupd.vault.sealing import DataKeys, Kind, ObjectReader, RandomBytes
from backupd.vault.snapshot import (
    BaseHeader,
    Layer,
    PageWriter,
    SnapshotHeader,
    SnapshotInfo,
    base_name,
    base_span,
    info_of,
    read_base,
    read_snapshot,
    seq_of,
    snapshot_name,
)
from backupd.vault.stores.base import ObjectExists, ObjectNotFound, Store
from backupd.vault.view import View

BASE_AFTER_SNAPSHOTS = 8
BASE_AT_MOST_SNAPSHOTS = 64


class SnapshotRetired(Integrity):
    """The entries of an expired snapshot are needed, and no base or roll-up stands in for them."""


class Timeline:
    """Reads one stream's history. `key` is the stream's keyed name in the store, `stream` its plain one."""

    def __init__(
        self, store: Store, keys: DataKeys, stream: str, key: str, *, random: RandomBytes, spool_dir: Path
    ) -> None:
        self.stream = stream
        self.key = key
        self._store = store
        self._keys = keys
        self._random = random
        self._spool_dir = spool_dir

    def seqs(self) -> list[int]:
        """Return the seqs of all snapshots in the store, retired ones too, ascending."""
        return [seq_of(info.name) for info in self._store.list(f"snapshots/{self.key}/")]

    def info(self, seq: int) -> SnapshotInfo:
        """Return one snapshot's facts; raises NotFound, Integrity."""
        return info_of(*self._snapshot(seq))

    def snapshots(self) -> list[SnapshotInfo]:
        """Return all snapshots that are not retired, ascending; checks the chain of hashes between them."""
        found: list[SnapshotInfo] = []
        previous: SnapshotInfo | None = None
        for expected, seq in enumerate(self.seqs(), start=1):
            if seq != expected:
                raise Integrity(f"Snapshot {expected} of {self.stream} is missing from the vault.")
            info = self.info(seq)
            if previous is not None and info.parent_hash != previous.hash:
                raise Integrity(f"Snapshot {seq} of {self.stream} does not follow from snapshot {seq - 1}.")
            previous = info
            if not info.retired:
                found.append(info)
        return found

    def head(self) -> SnapshotInfo | None:
        """Return the newest snapshot, or None for a stream without any."""
        seqs = self.seqs()
        return self.info(seqs[-1]) if seqs else None

    def at(self, at_ms: int | None) -> SnapshotInfo:
        """Return the newest complete snapshot taken at or before `at_ms` (None: the newest complete one)."""
        seqs = self.seqs()
        for seq in range(seqs[-1] if seqs else 0, 0, -1):
            info = self.info(seq)
            if info.complete and not info.retired and (at_ms is None or info.as_of_ms <= at_ms):
                return info
        raise NotFound(
            f"There is no complete snapshot of {self.stream} at that time.",
            hint="`backupd snapshots` lists the points in time there are.",
        )

    def layer(self, seq: int) -> Layer:
        """Return the entries of one snapshot alone; raises Integrity for a retired one."""
        header, reader = self._snapshot(seq)
        if header.retired:
            raise SnapshotRetired(f"Snapshot {seq} of {self.stream} is retired and nothing stands in for it.")
        return Layer(reader, header.pages)

    def view(self, seq: int | None) -> View:
        """Return the state at `seq` (None or 0: of a stream without snapshots)."""
        return self.changes(seq, 0) if seq else View(())

    def changes(self, seq: int, since: int) -> View:
        """Return what the snapshots after `since`, up to `seq`, say together (`since` 0: the whole state).

        Where a retirement stopped half-way and only a base from further down is left, it says more than that.
        """
        try:
            return View(self._layers(seq, since))
        except SnapshotRetired:
            starts = [start for start in self.bases().get(seq, ()) if start < since]
            if not starts:
                raise
            return View([self.base(seq, max(starts))[1]])

    def bases(self) -> dict[int, list[int]]:
        """Return seq -> the `since` values of the bases and roll-ups at that seq, ascending."""
        found: dict[int, list[int]] = {}
        for info in self._store.list(f"bases/{self.key}/"):
            seq, since = base_span(info.name)
            found.setdefault(seq, []).append(since)
        return {seq: sorted(sinces) for seq, sinces in found.items()}

    def base(self, seq: int, since: int) -> tuple[BaseHeader, Layer]:
        """Open a base or roll-up and check that it is the one its name says."""
        header, layer = read_base(self._store, self._keys, base_name(self.key, seq, since))
        if (header.stream, header.seq, header.since) != (self.stream, seq, since):
            raise Integrity(f"The base {base_name(self.key, seq, since)} is another one than its name says.")
        return header, layer

    def wants_base(self, head: int) -> bool:
        """Return whether reading the state at `head` has become slow enough for a base to pay."""
        if head < BASE_AFTER_SNAPSHOTS:
            return False  # Asked after every commit: no listing for streams that are short anyway.
        newest = max((seq for seq, sinces in self.bases().items() if 0 in sinces and seq <= head), default=0)
        if head == newest or (head - newest) % BASE_AFTER_SNAPSHOTS:
            return False
        if head - newest >= BASE_AT_MOST_SNAPSHOTS:
            return True
        items = self.base(newest, 0)[0].items if newest else 0
        changed = sum(info.upserts + info.deletes for info in map(self.info, range(newest + 1, head + 1)))
        return changed >= items

    def write_base(self, seq: int, since: int = 0) -> str:
        """Write the base at `seq` (or the roll-up of everything after `since`), read it back, return its name.

        The new object is compared with what it stands for before anybody may lean on it; a difference removes it.
        """
        info = self.info(seq)
        name = base_name(self.key, seq, since)
        try:
            # Taken before the base exists: from then on it would stand for itself.
            state = self.without_base(seq, since)
        except SnapshotRetired:
            if since not in self.bases().get(seq, ()):
                raise
            return name  # What it stands for is retired, and that is done only after it was compared.
        writer = PageWriter(self._keys, Kind.BASE, name, self._random, self._spool_dir)
        try:
            writer.add(standing_for(state, since))
            header = BaseHeader(self.stream, seq, since, info.hash, writer.items, writer.pages)
            writer.create(self._store, header)
        except ObjectExists:
            pass  # Another writer's, or left by a crash before it was compared.
        finally:
            writer.close()
        written = self.base(seq, since)[1].entries()
        for expected, found in zip_longest(standing_for(state, since), written):
            if expected != found:
                self._store.delete(name)
                raise Integrity(f"The base {name} does not read back as it was written; it has been removed.")
        return name

    def without_base(self, seq: int, since: int) -> View:
        """Return what the base at `seq` (or roll-up after `since`) stands for, not read from it.

        Raises SnapshotRetired when there is nothing else left to read it from.
        """
        return View(self._layers(seq, since, apart_from=since))

    def _layers(self, seq: int, since: int, *, apart_from: int | None = None) -> list[Layer]:
        """Return the layers that make up the state at `seq` over the one at `since`, newest first.

        `apart_from` is the `since` of a base at `seq` that is not to be used. A prune may put a base in the place of
        snapshots between the listing and the reading; so what is missing is looked for once more.
        """
        try:
            return list(self._chain(seq, since, apart_from))
        except (ObjectNotFound, SnapshotRetired):
            return list(self._chain(seq, since, apart_from))

    def _chain(self, seq: int, since: int, apart_from: int | None) -> Iterator[Layer]:
        bases = self.bases()
        if apart_from is not None:
            bases[seq] = [start for start in bases.get(seq, ()) if start != apart_from]
        while seq > since:
            reach = next((start for start in bases.get(seq, ()) if start >= since), None)
            if reach is None:
                yield self.layer(seq)
                seq -= 1
            else:
                yield self.base(seq, reach)[1]
                seq = reach

    def _snapshot(self, seq: int) -> tuple[SnapshotHeader, ObjectReader]:
        name = snapshot_name(self.key, seq)
        try:
            return read_snapshot(self._store, self._keys, name, self.stream)
        except ObjectNotFound:
            if any(later > seq for later in self.seqs()):
                raise Integrity(f"Snapshot {seq} of {self.stream} is missing from the vault.") from None
            raise NotFound(f"There is no snapshot {seq} of {self.stream}.") from None


def standing_for(state: View, since: int) -> Iterator[Entry]:
    """Yield what a base says: all changes for a roll-up, else what is current or pending."""
    if since:
        return state.changes()
    return (Entry(entry.id, entry.version, False, entry.failure) for entry in state.entries())
