"""Expiry: retires the snapshots of a stream that retention no longer keeps.

A snapshot is what changed since its parent, so those kept after it lean on it. The order below makes every crash
harmless: (1) bases and roll-ups that stand in for what goes, each compared with it; (2) index entries that only
expiring snapshots carry; (3) roll-ups at kept points that lean on an expiring one; (4) tombstones, newest first, so
that what is not yet retired can still be read down to the kept point below; (5) bases at retired seqs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress

import msgspec

from backupd.domain.retention import Retention
from backupd.vault.index import write_indexes
from backupd.vault.maintenance.reports import PruneReport, Retained
from backupd.vault.maintenance.retention import StreamPlan, plan, retention_of
from backupd.vault.pack import PackRecord
from backupd.vault.sealing import SALT_BYTES, Kind, ObjectWriter
from backupd.vault.snapshot import base_name, read_snapshot, snapshot_name
from backupd.vault.stores.base import ObjectLocked
from backupd.vault.timeline import SnapshotRetired, Timeline
from backupd.vault.vault import Vault


def plan_stream(vault: Vault, timeline: Timeline, now_ms: int, report: PruneReport) -> StreamPlan | None:
    """Return what stays of the stream (None: all); an expired snapshot under an object lock stays and is reported."""
    if retention_of(vault, timeline.stream) == Retention():
        return None
    planned = plan(vault, timeline.snapshots(), timeline.stream, now_ms)
    locked = set()
    now_s = vault.store.now()
    for seq in planned.expired:
        name = snapshot_name(timeline.key, seq)
        until_s = vault.store.retained_until(name)
        if until_s > now_s:
            locked.add(seq)
            report.retained.append(Retained(name, vault.store.size(name), until_s))
    if not locked:
        return planned
    expired = [seq for seq in planned.expired if seq not in locked]
    return StreamPlan(planned.stream, sorted({*planned.kept, *locked}), expired)


def retire(vault: Vault, timeline: Timeline, planned: StreamPlan, report: PruneReport) -> None:
    """Retire the expired snapshots of one stream; everything kept reads as before, at every moment.

    Raises Integrity before anything is changed if what stands in does not read back as what it stands for.
    """
    if not planned.expired:
        return
    _write_stand_ins(timeline, planned)
    write_indexes(vault.store, vault.keys, _embedded(vault, timeline, planned), vault.random)
    gone = set(range(1, planned.kept[-1])).difference(planned.kept)
    kept = set(planned.kept)
    _delete_bases(vault, timeline, lambda seq, since: seq in kept and since in gone)
    for seq in reversed(planned.expired):
        try:
            report.snapshots_retired += _put_tombstone(vault, timeline, seq)
        except ObjectLocked:
            # Locked since it was planned. What is below must stay readable for it.
            name = snapshot_name(timeline.key, seq)
            report.retained.append(Retained(name, vault.store.size(name), vault.store.retained_until(name)))
            return
    _delete_bases(vault, timeline, lambda seq, _since: seq in gone)


def _write_stand_ins(timeline: Timeline, planned: StreamPlan) -> None:
    """Make every kept point readable without the snapshots between it and the kept one before it."""
    bases = timeline.bases()
    for seq, since in planned.spans():
        expiring = any(since < expired < seq for expired in planned.expired)
        stands = not {0, since}.isdisjoint(bases.get(seq, ()))
        if seq - since == 1 or (stands and not expiring):
            continue
        try:
            timeline.write_base(seq, since)
        except SnapshotRetired:
            # A retirement that a hold or another rule stopped half-way left no way down to `since` alone.
            timeline.write_base(seq, 0)


def _embedded(vault: Vault, timeline: Timeline, planned: StreamPlan) -> Iterator[PackRecord]:
    for seq in planned.expired:
        header, _ = read_snapshot(vault.store, vault.keys, snapshot_name(timeline.key, seq), timeline.stream)
        yield from header.packs


def _put_tombstone(vault: Vault, timeline: Timeline, seq: int) -> int:
    """Replace a snapshot by what is left of it; return how many were replaced (0: it was retired already)."""
    name = snapshot_name(timeline.key, seq)
    header, reader = read_snapshot(vault.store, vault.keys, name, timeline.stream)
    if header.retired:
        return 0
    tombstone = msgspec.structs.replace(
        header, pages=[], packs=[], cursor=b"", original=header.original or reader.identity, retired=True
    )
    out = io.BytesIO()
    writer = ObjectWriter(vault.keys, Kind.SNAPSHOT, name, vault.random(SALT_BYTES), out)
    writer.finish(msgspec.msgpack.encode(tombstone))
    vault.store.put(name, out.getvalue())
    return 1


def _delete_bases(vault: Vault, timeline: Timeline, unneeded: Callable[[int, int], bool]) -> None:
    for seq, sinces in timeline.bases().items():
        for since in sinces:
            if unneeded(seq, since):
                with suppress(
                    ObjectLocked
                ):  # It says nothing that is not said elsewhere; a later prune gets it.
                    vault.store.delete(base_name(timeline.key, seq, since))
