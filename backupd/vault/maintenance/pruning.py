"""Pruning: retention first, then the sweep of what an earlier prune condemned, then what is to be condemned now."""

from __future__ import annotations

from collections.abc import Mapping

from backupd.vault.condemned import CondemnedList
from backupd.vault.maintenance.condemn import LIVE_SHARE, adopt, condemn
from backupd.vault.maintenance.expiry import plan_stream, retire
from backupd.vault.maintenance.marking import take_survey
from backupd.vault.maintenance.merging import count_indexes, merge_indexes
from backupd.vault.maintenance.reports import Finding, FindingKind, Phase, Progress, PruneReport, no_progress
from backupd.vault.maintenance.retention import StreamPlan
from backupd.vault.maintenance.survey import Survey
from backupd.vault.maintenance.sweep import list_in_force, sweep, sweep_after_s
from backupd.vault.slice import check_head
from backupd.vault.vault import Vault

Head = tuple[int, bytes]
"""Seq and identity of a stream's newest snapshot."""

ERASURE = "erase:"
"""Policy records that a purge leaves begin so: while there is one, packs are copied for a single blob too many."""


def prune(
    vault: Vault,
    *,
    now_ms: int | None = None,
    dry_run: bool = False,
    heads: Mapping[str, Head] | None = None,
    progress: Progress = no_progress,
) -> PruneReport:
    """Retire expired snapshots and give back the room that nothing needs any more, in two phases over two calls.

    The first call condemns packs; a call at least twice the slice limit later deletes them and condemns what has
    become garbage since. `now_ms` is what retention is measured at (None: the store's clock); the phases always go by
    the store's clock. `heads` are the newest snapshots that the caller remembers, by stream: a vault that was rolled
    back must not be pruned by what it shows. Raises RolledBack, Busy when another prune is in the way, Integrity when
    the vault is too damaged to tell what is needed: then nothing was deleted.
    """
    report = PruneReport(dry_run=dry_run, indexes_before=count_indexes(vault))
    for stream, head in (heads or {}).items():
        timeline = vault.timeline(stream)
        check_head(timeline, timeline.head(), head)
    at_ms = int(vault.store.now() * 1000) if now_ms is None else now_ms
    erasures = pending_erasures(vault)
    plans = _expire(vault, at_ms, report, progress)
    listed = list_in_force(vault)
    ready_s = sweep_after_s(vault, listed) if listed.packs else 0.0
    ripe = vault.store.now() >= ready_s
    with take_survey(vault, plans, frozenset(listed.packs), report, progress) as survey:
        report.bytes_referenced = survey.referenced()[1]
        if missing := survey.homeless():
            sentence = (
                f"{missing} blobs that snapshots need are in no pack; check names the items they belong to."
            )
            report.findings.append(Finding(FindingKind.MISSING, "packs/", sentence))
        adopt(vault, survey, report)
        if ripe:
            listed = _sweep_and_condemn(vault, survey, listed, erasures, report, progress)
        else:
            report.phase = Phase.WAITING
    if not dry_run and ripe:
        merge_indexes(vault, ())
    report.generation = listed.generation
    if listed.packs:
        ready_s = sweep_after_s(vault, listed)
        report.sweep_after_ms = int(ready_s * 1000)
    report.indexes_after = count_indexes(vault)
    return report


def _expire(vault: Vault, now_ms: int, report: PruneReport, progress: Progress) -> dict[str, StreamPlan]:
    """Retire what is expired; in a dry run only count it, and return what would stay, by stream."""
    plans: dict[str, StreamPlan] = {}
    keys = vault.stream_keys()
    for number, key in enumerate(keys):
        progress("retention", number, len(keys))
        timeline = vault.timeline_of_key(key)
        planned = plan_stream(vault, timeline, now_ms, report)
        if planned is None or not planned.expired:
            continue
        if report.dry_run:
            plans[timeline.stream] = planned
            report.snapshots_retired += len(planned.expired)
        else:
            retire(vault, timeline, planned, report)
    return plans


def pending_erasures(vault: Vault) -> list[str]:
    """Return the keys of the records that purges left and no prune has answered yet."""
    return [key for key, _ in vault.records.list("policy") if key.startswith(ERASURE)]


def _sweep_and_condemn(
    vault: Vault,
    survey: Survey,
    listed: CondemnedList,
    erasures: list[str],
    report: PruneReport,
    progress: Progress,
) -> CondemnedList:
    if listed.packs:
        listed = sweep(vault, survey, listed, report, progress)
    share = 1.0 if erasures else LIVE_SHARE
    listed = condemn(vault, survey, listed, report, progress, live_share=share)
    if not report.dry_run and not report.packs_left:
        # Only those that were there before the survey: what a later purge freed is not condemned yet.
        for key in erasures:
            vault.records.delete("policy", key)
    return listed
