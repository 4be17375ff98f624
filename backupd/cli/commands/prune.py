"""`backupd prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, iso, size, when
from backupd.errors import Integrity, UsageError

if TYPE_CHECKING:
    from backupd.catalog.organizations import Organization
    from backupd.vault.maintenance.reports import PruneReport


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and change nothing.")
@click.option(
    "--after-rebuild",
    is_flag=True,
    help="Prune although the catalog was made again: I have looked at the accounts.",
)
@options.organization
@click.pass_obj
def command(context: Context, dry_run: bool, after_rebuild: bool, organization: str | None) -> int:
    """Retire what the retention no longer keeps, and give back the room that no snapshot needs any more.

    Works in two phases, safe beside running backups: what is condemned today is deleted by a prune at least 20 minutes
    later. Without a retention (see 'backupd retention') nothing ever expires, and only garbage is removed.
    """
    from backupd.cli.naming import choose_organizations

    documents, lines, has_findings = [], [], False
    for one in choose_organizations(context.workspace.catalog, organization):
        if one.rebuilt_ms is not None and not dry_run:
            if not after_rebuild:
                raise UsageError(
                    f"The catalog of {one.name} was made again on {when(one.rebuilt_ms)}; "
                    "until you say so, nothing is pruned.",
                    hint="Look at 'backupd accounts' and 'snapshots'; if nothing is missing, add --after-rebuild.",
                )
            _confirm(context, one)
        report, document, text = _prune(context, one, dry_run)
        documents.append(document)
        lines += text
        has_findings = has_findings or bool(report.findings)
    context.report({"dry_run": dry_run, "organizations": documents}, lines)
    return Integrity.exit_code if has_findings else 0


def _confirm(context: Context, one: Organization) -> None:
    from backupd.catalog import organizations

    with context.workspace.catalog.writing() as tx:
        organizations.confirm_rebuilt(tx, one.id)


def _prune(
    context: Context, one: Organization, dry_run: bool
) -> tuple[PruneReport, dict[str, Any], list[str]]:
    from backupd.cli.maintaining import finding_documents, finding_lines, stages
    from backupd.cli.naming import choose_streams
    from backupd.runs.prune import plan_prune, prune
    from backupd.runs.surroundings import Surroundings

    workspace = context.workspace
    labels = {meant.stream.name: meant.label for meant in choose_streams(workspace.catalog, (), one.id)}
    vault, surroundings = workspace.vault(one), Surroundings()
    with stages(context, one.name) as progress:
        if dry_run:
            report = plan_prune(vault, progress)
        else:
            run_id = workspace.new_run_id()
            report = prune(vault, workspace.catalog, one.id, run_id, list(labels), surroundings, progress)
    document = {
        "organization": one.name,
        "phase": str(report.phase),
        "snapshots_retired": report.snapshots_retired,
        "packs": report.packs_total,
        "bytes_total": report.bytes_total,
        "bytes_referenced": report.bytes_referenced,
        "packs_condemned": report.packs_condemned,
        "bytes_condemned": report.bytes_condemned,
        "packs_deleted": report.packs_swept,
        "bytes_deleted": report.bytes_swept,
        "packs_compacted": report.packs_compacted,
        "delete_after": iso(report.sweep_after_ms),
        "retained": [
            {"object": kept.name, "bytes": kept.size_bytes, "until": iso(int(kept.until_s * 1000))}
            for kept in report.retained
        ],
        "findings": finding_documents(report.findings, labels),
    }
    return report, document, _lines(one.name, report, dry_run) + finding_lines(report.findings, labels)


def _lines(name: str, report: PruneReport, dry_run: bool) -> list[str]:
    would = "would be " if dry_run else ""
    lines = [f"{name}: {count(report.packs_total, 'pack')}, {size(report.bytes_total)}."]
    if report.snapshots_retired:
        lines.append(f"  {count(report.snapshots_retired, 'snapshot')} {would}retired by the retention.")
    if report.packs_swept:
        lines.append(f"  {count(report.packs_swept, 'pack')}, {size(report.bytes_swept)} {would}deleted.")
    if report.packs_condemned:
        lines.append(
            f"  {count(report.packs_condemned, 'pack')}, {size(report.bytes_condemned)} {would}condemned."
        )
    if report.sweep_after_ms is not None and not dry_run:
        lines.append(f"  What is condemned is deleted by a prune after {when(report.sweep_after_ms)}.")
    if report.retained:
        until_ms = int(max(kept.until_s for kept in report.retained) * 1000)
        lines.append(
            f"  {count(len(report.retained), 'object')} retained by the store's locks until {when(until_ms)}."
        )
    if len(lines) == 1:
        lines.append("  Nothing to give back.")
    return lines
