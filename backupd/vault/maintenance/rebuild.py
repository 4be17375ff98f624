"""Rebuilding the indexes from the packs alone, when index objects were lost or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from backupd.errors import Integrity, KeyDenied, UnsupportedFormat
from backupd.vault.condemned import CondemnedList, newest_generation, read_condemned, write_condemned
from backupd.vault.index import index_names, read_index, write_indexes
from backupd.vault.maintenance.reports import Finding, FindingKind, Progress, RebuildReport, no_progress
from backupd.vault.pack import PackRecord, pack_id_of, read_record
from backupd.vault.stores.base import ObjectExists, ObjectLocked, ObjectNotFound
from backupd.vault.vault import Vault

_UNREADABLE = (Integrity, KeyDenied, UnsupportedFormat)


def rebuild_index(vault: Vault, *, progress: Progress = no_progress) -> RebuildReport:
    """Write indexes over every pack in the store, then remove the index objects there were before.

    A pack whose own directory does not open keeps the entries that an old index has for it, for its frames may be
    whole: a rebuild never makes an intact item unreadable. Index objects that a backup adds meanwhile stay.
    """
    report = RebuildReport()
    before = list(index_names(vault.store))
    packs = [info.name for info in vault.store.list("packs/")]
    unreadable: set[bytes] = set()
    written = write_indexes(
        vault.store, vault.keys, _records(vault, packs, unreadable, report, progress), vault.random
    )
    if unreadable:
        written += write_indexes(
            vault.store, vault.keys, _carried_over(vault, before, unreadable, report), vault.random
        )
    for name in before:
        with suppress(ObjectLocked):
            vault.store.delete(name)
            report.indexes_removed += 1
    report.indexes_written = len(written)
    _heal_condemned(vault, report)
    vault.cache.clear()
    vault.refresh()
    return report


def _records(
    vault: Vault, packs: list[str], unreadable: set[bytes], report: RebuildReport, progress: Progress
) -> Iterator[PackRecord]:
    for number, name in enumerate(packs):
        progress("reading packs", number, len(packs))
        try:
            record = read_record(vault.store, vault.keys, name)
        except ObjectNotFound:
            continue  # Deleted by a prune since it was listed.
        except _UNREADABLE as error:
            report.findings.append(Finding(FindingKind.DAMAGED, name, error.message))
            with suppress(Integrity):
                unreadable.add(pack_id_of(name))
            continue
        report.packs += 1
        report.blobs += len(record.directory.lengths)
        yield record


def _carried_over(
    vault: Vault, indexes: list[str], unreadable: set[bytes], report: RebuildReport
) -> Iterator[PackRecord]:
    for name in indexes:
        try:
            records = read_index(vault.store, vault.keys, name)
        except (*_UNREADABLE, ObjectNotFound):
            continue
        for record in records:
            if record.id in unreadable:
                unreadable.discard(record.id)
                report.packs_carried_over += 1
                yield record


def _heal_condemned(vault: Vault, report: RebuildReport) -> None:
    """Supersede a condemned list that does not open by an empty one: the next prune condemns anew."""
    generation = newest_generation(vault.store)
    try:
        read_condemned(vault.store, vault.keys, generation)
    except _UNREADABLE as error:
        report.findings.append(Finding(FindingKind.DAMAGED, f"condemned/{generation:010d}", error.message))
        with suppress(ObjectExists):
            write_condemned(vault.store, vault.keys, CondemnedList(generation + 1, 0, []), vault.random)
