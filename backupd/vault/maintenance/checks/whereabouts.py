"""Whereabouts: says of a blob that a snapshot needs whether it can be had, and if not, which finding that is."""

from __future__ import annotations

from typing import NamedTuple

from backupd.vault.maintenance.checks.examination import Examination
from backupd.vault.maintenance.reports import Finding, FindingKind
from backupd.vault.pack import Location, pack_name


class _Pack(NamedTuple):
    stored: int | None
    described: bool


class Whereabouts:
    """Looks blobs up for one stream."""

    def __init__(self, exam: Examination, stream: str, place: str) -> None:
        self._exam = exam
        self._stream = stream
        self._place = place
        self._packs: dict[bytes, _Pack] = {}
        self._nowhere: Finding | None = None

    def fault(self, blob_id: bytes) -> Finding | None:
        """Return why the blob cannot be had, or None if nothing speaks against it."""
        at = self._exam.index.find(blob_id)
        if at is None:
            return self._in_no_pack()
        pack = self._pack(at.pack)
        if pack.stored is None:
            return self._gone(at.pack)
        if not pack.described:
            return self._unindexed(at.pack)
        faults = self._exam.pack_faults
        if at.pack in faults and at.extent.offset + at.extent.length > pack.stored:
            return faults[at.pack]
        return self._bad(at, blob_id)

    def _bad(self, at: Location, blob_id: bytes) -> Finding | None:
        finding = self._exam.bad_packs.get(at.pack)
        if finding is None:
            return None
        row = self._exam.ledger.execute(
            "SELECT 1 FROM bad WHERE id = ? AND pack = ?", (blob_id, at.pack)
        ).fetchone()
        return None if row is None else finding

    def _pack(self, pack_id: bytes) -> _Pack:
        known = self._packs.get(pack_id)
        if known is None:
            row = self._exam.ledger.execute(
                "SELECT stored, described FROM packs WHERE id = ?", (pack_id,)
            ).fetchone()
            known = _Pack(None, False) if row is None else _Pack(row[0], row[1] is not None)
            self._packs[pack_id] = known
        return known

    def _in_no_pack(self) -> Finding:
        if self._nowhere is None:
            sentence = f"Items of {self._stream} need blobs that are in no pack of the vault."
            self._nowhere = self._exam.found(FindingKind.MISSING, self._place, sentence)
        return self._nowhere

    def _gone(self, pack_id: bytes) -> Finding:
        known = self._exam.pack_faults.get(pack_id)
        if known is None:
            name = pack_name(pack_id)
            known = self._exam.found(FindingKind.MISSING, name, f"The pack {name} is missing from the vault.")
            self._exam.pack_faults[pack_id] = known
        return known

    def _unindexed(self, pack_id: bytes) -> Finding:
        known = self._exam.pack_faults[pack_id]
        if known.kind is FindingKind.UNINDEXED:
            known.kind = FindingKind.INDEX
            known.sentence = (
                f"The pack {known.object} is needed but in no index; rebuild-index puts it into one."
            )
        return known
