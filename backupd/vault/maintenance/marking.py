"""Marking: walks all kept snapshots and all packs of a vault into a survey.

The order of the listings matters beside running backups. Snapshots come first and packs last, for a writer goes the
other way: what a snapshot or index describes is in the later listing, whenever its writer stood between the two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

from backupd.errors import Busy, Integrity, KeyDenied, UnsupportedFormat
from backupd.vault.entries import Entry
from backupd.vault.index import index_names, read_index
from backupd.vault.maintenance.reports import Finding, FindingKind, Progress, PruneReport
from backupd.vault.maintenance.retention import StreamPlan
from backupd.vault.maintenance.survey import Survey
from backupd.vault.pack import PackRecord, pack_id_of, read_record
from backupd.vault.snapshot import Layer, SnapshotHeader, read_snapshot, snapshot_name
from backupd.vault.stores.base import ObjectNotFound
from backupd.vault.timeline import Timeline
from backupd.vault.vault import Vault


def take_survey(
    vault: Vault,
    plans: Mapping[str, StreamPlan],
    doomed: Collection[bytes],
    report: PruneReport,
    progress: Progress,
) -> Survey:
    """Return the settled survey of the vault.

    `plans` (by stream name) say which snapshots count as kept, for a dry run; streams without one keep all that is
    not retired. Raises Integrity if a snapshot or index does not open (nothing is pruned by half a picture), Busy if
    another prune changes the vault meanwhile.
    """
    survey = Survey(vault.spool_dir, vault.random)
    try:
        oldest_s = vault.store.now() - 2 * vault.format.slice_limit_s
        keys = vault.stream_keys()
        embedded: list[tuple[str, int]] = []
        for number, key in enumerate(keys):
            progress("marking", number, len(keys))
            timeline = vault.timeline_of_key(key)
            embedded += mark_stream(vault, timeline, survey, plans.get(timeline.stream))
        _add_described(vault, survey, embedded, doomed, progress)
        _add_listed(vault, survey, doomed, oldest_s, report)
        survey.settle()
    except BaseException:
        survey.close()
        raise
    return survey


def mark_stream(
    vault: Vault, timeline: Timeline, survey: Survey, planned: StreamPlan | None
) -> list[tuple[str, int]]:
    """Mark what one stream needs; return (key, seq) of the snapshots that describe packs themselves."""
    kept = None if planned is None else set(planned.kept)
    describing = []
    since = 0
    previous = b""
    seqs = timeline.seqs()
    if any(later != seq + 1 for seq, later in pairwise([0, *seqs])):
        raise Integrity(f"A snapshot of {timeline.stream} is missing from the vault.", hint="Run check.")
    for seq in seqs:
        name = snapshot_name(timeline.key, seq)
        header, reader = read_snapshot(vault.store, vault.keys, name, timeline.stream)
        if header.parent_hash != previous:
            raise Integrity(f"Snapshot {seq} of {timeline.stream} does not follow from snapshot {seq - 1}.")
        previous = header.original or reader.identity
        if header.packs:
            describing.append((timeline.key, seq))
        if header.retired or (kept is not None and seq not in kept):
            continue
        alone = seq - since == 1
        entries = Layer(reader, header.pages).entries() if alone else timeline.changes(seq, since).changes()
        for entry in entries:
            survey.mark(needed_blobs(entry))
        since = seq
    return describing


def needed_blobs(entry: Entry) -> list[bytes]:
    """Return the blobs that an entry's version is made of."""
    version = entry.version
    return version.content.blobs if version is not None and version.content is not None else []


def _add_described(
    vault: Vault,
    survey: Survey,
    embedded: list[tuple[str, int]],
    doomed: Collection[bytes],
    progress: Progress,
) -> None:
    """Add the packs that snapshots and indexes describe (a retired snapshot's went into an index before)."""
    for key, seq in embedded:
        _add(survey, _header(vault, snapshot_name(key, seq)).packs, doomed)
    names = list(index_names(vault.store))
    for number, name in enumerate(names):
        progress("reading indexes", number, len(names))
        try:
            records = read_index(vault.store, vault.keys, name)
        except ObjectNotFound:
            raise Busy("Another prune is running in this vault.", hint="Run it again later.") from None
        _add(survey, records, doomed)


def _add(survey: Survey, records: Iterable[PackRecord], doomed: Collection[bytes]) -> None:
    for record in records:
        survey.add_pack(record, doomed=record.id in doomed)


def _header(vault: Vault, name: str) -> SnapshotHeader:
    return read_snapshot(vault.store, vault.keys, name, "")[0]


def _add_listed(
    vault: Vault, survey: Survey, doomed: Collection[bytes], oldest_s: float, report: PruneReport
) -> None:
    """See which packs there are; open those that nothing describes and that no running slice can still commit."""
    for info in vault.store.list("packs/"):
        pack_id = pack_id_of(info.name)
        report.packs_total += 1
        report.bytes_total += info.size_bytes
        if survey.see(pack_id) or info.modified_s >= oldest_s:
            continue
        try:
            record = read_record(vault.store, vault.keys, info.name)
        except ObjectNotFound:
            continue
        except (Integrity, KeyDenied, UnsupportedFormat) as error:
            # It may hold what an index that was lost described: left alone, whatever it is.
            report.findings.append(Finding(FindingKind.DAMAGED, info.name, error.message))
            continue
        survey.add_pack(record, doomed=pack_id in doomed, indexed=False)
        survey.see(pack_id)
