"""`backupd export`."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, duration, iso, size, when
from backupd.domain.formats import ExportFormat
from backupd.errors import Integrity, UsageError

if TYPE_CHECKING:
    from backupd.cli.naming import Meant
    from backupd.cli.wiring import Workspace
    from backupd.runs.export import ExportJob, ExportResult
    from backupd.vault.snapshot import SnapshotInfo

_SHOWN_FAILURES = 20


@click.command("export")
@options.accounts
@click.option("--all", "everything", is_flag=True, help="Export every account.")
@click.option(
    "--to", required=True, metavar="DIR|FILE.zip", help="Where to: an empty or new folder, or a ZIP file."
)
@click.option(
    "--format",
    "export_format",
    type=click.Choice([str(one) for one in ExportFormat]),
    default=str(ExportFormat.ORIGINAL),
    show_default=True,
    help="original: the source's own files and folders, byte for byte. eml: one file per message, named by date and "
    "subject. mbox: one mbox per folder.",
)
@options.at
@click.option(
    "--force", is_flag=True, help="Write into a folder that is not empty; replace files of the same name."
)
@options.organization
@click.pass_obj
def command(
    context: Context,
    accounts: tuple[str, ...],
    everything: bool,
    to: str,
    export_format: str,
    at: str | None,
    force: bool,
    organization: str | None,
) -> int:
    """Write accounts out of the vault, in an open format, each item checked.

    A damaged item is reported and left out, the others are written, and the command ends with exit code 5.
    """
    from backupd.cli.interrupting import stop_on_interrupt
    from backupd.cli.naming import choose_streams, points
    from backupd.cli.progress import Display, wanted
    from backupd.runs.export import export
    from backupd.runs.exporting.folder import FolderTarget
    from backupd.runs.exporting.target import ExportTarget
    from backupd.runs.exporting.zip_file import ZipTarget
    from backupd.runs.surroundings import Surroundings

    if bool(accounts) == everything:
        raise UsageError(
            "Name the accounts to export, or write --all.", hint="'backupd accounts' lists them."
        )
    workspace = context.workspace
    chosen = choose_streams(workspace.catalog, accounts, organization)
    jobs = _jobs(workspace, points(workspace, chosen, options.point(context, at)), export_format)
    path = Path(to).expanduser().absolute()
    began = time.monotonic()
    stop = threading.Event()
    with (
        stop_on_interrupt(stop, context.say),
        Display("export", shown=wanted(context.as_json), total_bytes=_total(jobs, context)) as display,
    ):
        is_zip = path.suffix.lower() == ".zip"
        target: ExportTarget = ZipTarget(path, force=force) if is_zip else FolderTarget(path, force=force)
        surroundings = Surroundings(stop=stop, progress=display.update)
        result = export(jobs, target, ExportFormat(export_format), surroundings)
    seconds = time.monotonic() - began
    labels = {job.snapshot.stream: job.label for job in jobs}
    context.report(
        _document(result, labels, path, export_format, seconds), _lines(result, labels, path, seconds)
    )
    if result.stopped:
        return 130
    return Integrity.exit_code if result.failures else 0


def _jobs(
    workspace: Workspace, chosen: list[tuple[Meant, SnapshotInfo]], export_format: str
) -> list[ExportJob]:
    """Return one job per stream, with the folder it goes into."""
    from backupd.runs.export import ExportJob
    from connectors.registry import connector
    from connectors.sdk.safe_paths import PortableNames

    names = PortableNames()
    folders: dict[str, tuple[str, ...]] = {}
    sources = {meant.connection.id for meant, _ in chosen}
    jobs = []
    for meant, snapshot in chosen:
        if export_format == ExportFormat.ORIGINAL:
            # One source is given back as it was; several get a folder each, so that none writes over another.
            owner, title = meant.connection.id, Path(meant.connection.name).name if len(sources) > 1 else ""
        else:
            owner, title = meant.account.id, meant.account.name
        if owner not in folders:
            folders[owner] = names.claim((title,)) if title else ()
        jobs.append(
            ExportJob(
                vault=workspace.vault(meant.organization),
                snapshot=snapshot,
                label=meant.label,
                folder=folders[owner],
                account=meant.account.source_id,
                original=connector(meant.connection.kind).original,
            )
        )
    return jobs


def _total(jobs: list[ExportJob], context: Context) -> int | None:
    """On a terminal, add up what there is to write, so that the bar can tell the time left."""
    from backupd.cli.progress import wanted

    if not wanted(context.as_json):
        return None
    return sum(
        version.size
        for job in jobs
        for version in job.vault.view(job.snapshot.stream, job.snapshot.seq).versions()
    )


def _document(
    result: ExportResult, labels: dict[str, str], path: Path, export_format: str, seconds: float
) -> dict[str, Any]:
    return {
        "to": str(path),
        "format": export_format,
        "streams": [
            {"stream": stream, "label": labels[stream], "as_of": iso(as_of_ms)}
            for stream, as_of_ms in result.as_of_ms.items()
        ],
        "items": result.items,
        "files": result.files,
        "bytes": result.bytes,
        "seconds": round(seconds, 3),
        "stopped": result.stopped,
        "failures": [
            {"stream": one.stream, "label": labels[one.stream], "item": one.item_id, "message": one.message}
            for one in result.failures
        ],
    }


def _lines(result: ExportResult, labels: dict[str, str], path: Path, seconds: float) -> list[str]:
    as_of = sorted({when(moment) for moment in result.as_of_ms.values()})
    span = as_of[0] if len(as_of) == 1 else f"{as_of[0]} to {as_of[-1]}" if as_of else "nothing backed up"
    lines = [
        f"{count(result.items, 'item')}, {size(result.bytes)} in {count(result.files, 'file')} written to {path} "
        f"in {duration(seconds)} (as of {span})."
    ]
    if result.stopped:
        lines.append("Stopped before the end: the export is not whole.")
    if result.failures:
        what = count(len(result.failures), "item is", "items are")
        lines.append(f"{what} damaged in the vault and NOT written:")
        lines += [
            f"  {labels[one.stream]}: {one.item_id}: {one.message}"
            for one in result.failures[:_SHOWN_FAILURES]
        ]
        if len(result.failures) > _SHOWN_FAILURES:
            lines.append(f"  and {len(result.failures) - _SHOWN_FAILURES:,} more; --json lists all of them.")
        lines.append("'backupd check --read-data' says how far the damage goes.")
    return lines
