"""Streams: the chain of snapshots holds, pages are as described, bases are what they stand for, blobs can be had."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import zip_longest

from backupd.vault.entries import Content, Entry
from backupd.vault.maintenance.checks.examination import BAD, Examination, sentence_of
from backupd.vault.maintenance.checks.whereabouts import Whereabouts
from backupd.vault.maintenance.reports import Affected, Finding, FindingKind
from backupd.vault.sealing import ObjectReader
from backupd.vault.snapshot import (
    Layer,
    LayerReplaced,
    SnapshotHeader,
    base_name,
    base_span,
    read_snapshot,
    seq_of,
    snapshot_name,
)
from backupd.vault.timeline import SnapshotRetired, Timeline, standing_for


def check_streams(exam: Examination, *, compare_bases: bool) -> None:
    """Check every stream; with `compare_bases` read each base against the snapshots it stands for."""
    keys = exam.vault.stream_keys()
    for number, key in enumerate(keys):
        exam.progress("streams", number, len(keys))
        _Stream(exam, key).check(compare_bases=compare_bases)
        exam.report.streams += 1
    exam.report.blobs_referenced = exam.count("needed")


class _Stream:
    """The check of one stream."""

    def __init__(self, exam: Examination, key: str) -> None:
        self._exam = exam
        self._key = key
        self._place = f"snapshots/{key}/"

    def check(self, *, compare_bases: bool) -> None:
        seqs = self._seqs()
        timeline: Timeline | None = None
        since = 0
        previous: tuple[int, bytes] = (0, b"")
        for seq in seqs:
            name = snapshot_name(self._key, seq)
            opened = self._exam.attempt(name, self._open, seq)
            if opened is None:
                continue
            header, reader = opened
            timeline = timeline or self._timeline(header.stream)
            self._check_link(header, name, previous)
            previous = (seq, header.original or reader.identity)
            if header.retired:
                self._check_tombstone(header, name)
                continue
            self._exam.report.snapshots += 1
            self._check_snapshot(timeline, header, reader, since)
            since = seq
        if timeline is not None:
            self._check_bases(timeline, set(seqs), compare=compare_bases)

    def _seqs(self) -> list[int]:
        seqs = []
        for info in self._exam.vault.store.list(self._place):
            try:
                seqs.append(seq_of(info.name))
            except BAD:
                continue  # A stray, reported as such.
        for expected in sorted(set(range(1, max(seqs, default=0))).difference(seqs)):
            name = snapshot_name(self._key, expected)
            self._exam.found(
                FindingKind.MISSING, name, f"The snapshot {name} is missing; newer ones follow it."
            )
        return seqs

    def _open(self, seq: int) -> tuple[SnapshotHeader, ObjectReader]:
        vault = self._exam.vault
        return read_snapshot(vault.store, vault.keys, snapshot_name(self._key, seq), "")

    def _timeline(self, stream: str) -> Timeline:
        vault = self._exam.vault
        if vault.names.name("stream", stream) != self._key:
            self._exam.found(
                FindingKind.CHAIN, self._place, f"{self._place} holds snapshots of another stream."
            )
        return vault.timeline_of(stream, self._key)

    def _check_link(self, header: SnapshotHeader, name: str, previous: tuple[int, bytes]) -> None:
        seq, identity = previous
        if header.seq == seq + 1 and header.parent_hash != identity:
            sentence = f"The snapshot {name} does not follow from the one before it."
            self._exam.found(FindingKind.CHAIN, name, sentence)

    def _check_tombstone(self, header: SnapshotHeader, name: str) -> None:
        if header.pages or header.packs or not header.original:
            self._exam.found(FindingKind.PAGES, name, f"The retired snapshot {name} is not an empty one.")

    def _check_snapshot(
        self, timeline: Timeline, header: SnapshotHeader, reader: ObjectReader, since: int
    ) -> None:
        name = snapshot_name(self._key, header.seq)
        said = _Tally()
        if not self._read(name, lambda: said.over(Layer(reader, header.pages).entries())):
            return
        if not said.ascending or (said.upserts, said.deletes, said.failures) != (
            header.upserts,
            header.deletes,
            header.failures,
        ):
            self._exam.found(FindingKind.PAGES, name, f"The entries of {name} are not as its header says.")
        self._read(name, lambda: self._check_entries(timeline, header.seq, since))

    def _read(self, name: str, job: Callable[[], None]) -> bool:
        """Do the job; when the object was replaced meanwhile, a later check will see to the new one."""
        try:
            job()
        except LayerReplaced:
            return False
        except BAD as error:
            sentence = f"The point in time of {name} cannot be read: {sentence_of(error, name)}"
            self._exam.found(FindingKind.PAGES, name, sentence)
            return False
        return True

    def _check_entries(self, timeline: Timeline, seq: int, since: int) -> None:
        """Look up every blob of what this snapshot adds to the kept one before it."""
        exam = self._exam
        where = Whereabouts(exam, timeline.stream, self._place)
        needed: list[tuple[bytes]] = []
        for entry in timeline.changes(seq, since).changes():
            if entry.version is None:
                continue
            exam.report.item_versions += 1
            if entry.version.content is not None:
                needed += [(blob_id,) for blob_id in entry.version.content.blobs]
                _look_up(where, entry.version.content, Affected(timeline.stream, seq, entry.id))
            if len(needed) > 4096:
                exam.ledger.executemany("INSERT OR IGNORE INTO needed VALUES(?)", sorted(needed))
                needed = []
        exam.ledger.executemany("INSERT OR IGNORE INTO needed VALUES(?)", sorted(needed))

    def _check_bases(self, timeline: Timeline, seqs: set[int], *, compare: bool) -> None:
        for info in self._exam.vault.store.list(f"bases/{self._key}/"):
            try:
                seq, since = base_span(info.name)
            except BAD:
                continue  # A stray, reported as such.
            if seq not in seqs or info.name != base_name(self._key, seq, since):
                self._exam.found(
                    FindingKind.STRAY, info.name, f"The base {info.name} belongs to no snapshot."
                )
                continue
            try:
                self._check_base(timeline, seq, since, compare=compare)
            except LayerReplaced:
                continue
            except BAD as error:
                self._exam.found(FindingKind.DAMAGED, info.name, sentence_of(error, info.name))

    def _check_base(self, timeline: Timeline, seq: int, since: int, *, compare: bool) -> None:
        name = base_name(self._key, seq, since)
        header, layer = timeline.base(seq, since)
        said = _Tally()
        said.over(layer.entries())
        info = timeline.info(seq)
        if not said.ascending or said.items != header.items or header.snapshot_hash != info.hash:
            self._exam.found(FindingKind.PAGES, name, f"The entries of {name} are not as its header says.")
        if not compare or info.retired:
            return
        try:
            expected = standing_for(timeline.without_base(seq, since), since)
        except SnapshotRetired:
            return  # It stands for what is gone; it was compared before that went.
        if any(one != other for one, other in zip_longest(expected, layer.entries())):
            self._exam.found(FindingKind.PAGES, name, f"The base {name} is not the state it stands for.")


class _Tally:
    """Counts the entries of one object and notes whether they ascend."""

    def __init__(self) -> None:
        self.ascending = True
        self.items = self.upserts = self.deletes = self.failures = 0

    def over(self, entries: Iterable[Entry]) -> None:
        last = ""
        for entry in entries:
            self.ascending = self.ascending and (entry.id > last or not self.items)
            last = entry.id
            self.items += 1
            self.upserts += entry.version is not None
            self.deletes += entry.deleted
            self.failures += entry.failure is not None


def _look_up(where: Whereabouts, content: Content, affected: Affected) -> None:
    faults: list[Finding] = []
    for blob_id in content.blobs:
        fault = where.fault(blob_id)
        if fault is not None and all(fault is not known for known in faults):
            faults.append(fault)
            fault.touches(affected)
