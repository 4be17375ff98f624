"""Copying: brings needed blobs out of packs that are to go, into new packs, index first."""

from __future__ import annotations

from collections.abc import Iterable

from backupd.errors import Integrity, KeyDenied, UnsupportedFormat
from backupd.vault.index import write_indexes
from backupd.vault.intake import looks_binary
from backupd.vault.maintenance.reports import Finding, FindingKind, Progress, PruneReport
from backupd.vault.maintenance.survey import PackState, Survey
from backupd.vault.pack import PackRecord, locations, pack_name, read_record
from backupd.vault.packer import Packer
from backupd.vault.sealing import Kind, ObjectSeal, expand
from backupd.vault.stores.base import ObjectNotFound
from backupd.vault.vault import Vault

INDEX_AFTER_BYTES = 1 << 30
"""So many plain bytes are copied before an index is written: what a crash can waste."""


class Copier:
    """Copies what is at home in some packs. `copied` are the packs whose needed blobs are durable elsewhere."""

    def __init__(self, vault: Vault, survey: Survey, report: PruneReport) -> None:
        self._vault = vault
        self._survey = survey
        self._report = report
        self._packer = Packer(
            vault.store, vault.keys, vault.workshop, random=vault.random, spool_dir=vault.spool_dir
        )
        self._bytes = 0
        self._read: list[bytes] = []
        self.copied: set[bytes] = set()

    def copy(self, packs: Iterable[PackState], stage: str, progress: Progress) -> None:
        """Copy out of each pack in turn; a pack that cannot be read is reported and left as it is."""
        chosen = list(packs)
        try:
            for number, state in enumerate(chosen):
                progress(stage, number, len(chosen))
                self._copy_pack(state)
                if self._bytes >= INDEX_AFTER_BYTES:
                    self._finish()
            self._finish()
        except BaseException:
            self._packer.abort()
            raise

    def _copy_pack(self, state: PackState) -> None:
        name = pack_name(state.id)
        try:
            self._add_needed(read_record(self._vault.store, self._vault.keys, name))
        except (Integrity, KeyDenied, UnsupportedFormat, ObjectNotFound) as error:
            self._report.findings.append(Finding(FindingKind.DAMAGED, name, error.message))
        else:
            self._read.append(state.id)

    def _add_needed(self, record: PackRecord) -> None:
        vault = self._vault
        needed = self._survey.at_home(record.id)
        seal = ObjectSeal(vault.keys, Kind.PACK, record.name, record.key_version, record.salt)
        opened, plain = -1, b""
        for blob_id, at in locations(record):
            if blob_id not in needed:
                continue
            if at.frame != opened:
                plain = expand(seal.open(at.frame, vault.store.read(record.name, *at.extent)), record.name)
                opened = at.frame
            data = plain[at.offset : at.offset + at.length]
            if vault.names.blob_id(data) != blob_id:
                raise Integrity(f"A blob in {record.name} is not the one its id was made from.")
            self._packer.add(blob_id, data, binary=looks_binary(data))
            needed.discard(blob_id)
            self._bytes += at.length
            self._report.bytes_copied += at.length
        if needed:
            raise Integrity(f"{record.name} does not hold all that an index says.")

    def _finish(self) -> None:
        """Make what was copied durable and findable; only then do the packs it came from count as copied."""
        vault = self._vault
        records = self._packer.finish()
        for index in write_indexes(vault.store, vault.keys, records, vault.random):
            vault.cache.add((), index)
        vault.cache.add(records)
        self.copied.update(self._read)
        self._read, self._bytes = [], 0
