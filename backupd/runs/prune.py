"""One prune of a vault: retention, then the two phases; afterwards the catalog forgets the retired snapshots."""

from __future__ import annotations

from backupd.catalog import snapshots
from backupd.catalog import streams as streams_table
from backupd.catalog.database import Catalog
from backupd.catalog.runs import Outcome
from backupd.domain.runs import RunKind, RunState
from backupd.runs.record import recorded
from backupd.runs.surroundings import Surroundings
from backupd.vault.maintenance.pruning import prune as prune_vault
from backupd.vault.maintenance.reports import Progress, PruneReport
from backupd.vault.vault import Vault


def prune(
    vault: Vault,
    catalog: Catalog,
    organization_id: str,
    run_id: str,
    streams: list[str],
    surroundings: Surroundings,
    progress: Progress,
) -> PruneReport:
    """Prune one organization's vault; `streams` are the catalog's. Raises `Busy`, `Integrity` (nothing was deleted)."""
    with recorded(catalog, RunKind.PRUNE, run_id, organization_id, surroundings) as record:
        with catalog.reading() as tx:
            remembered = [streams_table.get(tx, stream) for stream in streams]
        heads = {stream.name: stream.head for stream in remembered if stream is not None and stream.head}
        # Ages are measured by the store's clock: a wrong one on this machine would expire everything.
        report = prune_vault(vault, heads=heads, progress=progress)
        if report.snapshots_retired:
            left = {stream: {info.seq for info in vault.snapshots(stream)} for stream in streams}
            with catalog.writing() as tx:
                for stream, seqs in left.items():
                    snapshots.keep_only(tx, stream, seqs)
        state = RunState.PARTIAL if report.findings else RunState.COMPLETED
        record.outcome = Outcome(state, report.snapshots_retired, report.packs_swept, len(report.findings))
    return report


def plan_prune(vault: Vault, progress: Progress) -> PruneReport:
    """Return what a prune would do now, without changing anything."""
    return prune_vault(vault, dry_run=True, progress=progress)
