"""`backupd restore`."""

from __future__ import annotations

import threading
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, duration, iso, size, table, when
from backupd.errors import Integrity, NotFound, Partial, UsageError

if TYPE_CHECKING:
    from backupd.cli.naming import Meant
    from backupd.cli.wiring import Workspace
    from backupd.runs.restore import RestoreJob, RestoreResult
    from backupd.runs.surroundings import Surroundings
    from connectors.sdk.records import OnConflict, Target

_SHOWN_FAILURES = 20


@click.command("restore")
@options.accounts
@click.option("--all", "everything", is_flag=True, help="Restore every account.")
@options.at
@click.option("--folder", metavar="FOLDER", help="Only what lies in this folder, and below it.")
@click.option(
    "--item", "items", multiple=True, metavar="ITEM", help="Only this item (as 'ls' names it); repeatable."
)
@click.option("--to", metavar="DIR", help="Restore into this folder instead of the original place.")
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "copy", "replace"]),
    default="skip",
    show_default=True,
    help="What to do where something else is in the way: leave it, write beside it, or replace it.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and write nothing.")
@options.organization
@click.pass_obj
def command(
    context: Context,
    accounts: tuple[str, ...],
    everything: bool,
    at: str | None,
    folder: str | None,
    items: tuple[str, ...],
    to: str | None,
    on_conflict: str,
    dry_run: bool,
    organization: str | None,
) -> int:
    """Put items back as they were: whole accounts, a stream, a folder or single items.

    Nothing is ever deleted at the target. A restore that was interrupted is run again and goes on.
    """
    from backupd.cli.naming import choose_streams, points
    from backupd.runs.restore import Choice, RestoreJob
    from connectors.registry import connector

    if bool(accounts) == everything:
        raise UsageError(
            "Name the accounts to restore, or write --all.", hint="'backupd accounts' lists them."
        )
    if items and folder is not None:
        raise UsageError("--item and --folder exclude each other.")
    workspace = context.workspace
    chosen = choose_streams(workspace.catalog, accounts, organization)
    choice = Choice(None if folder is None else folder.strip("/"), frozenset(items))
    work = []
    for meant, snapshot in points(workspace, chosen, options.point(context, at)):
        vault, original = workspace.vault(meant.organization), connector(meant.connection.kind).original
        work.append((meant, RestoreJob(vault, snapshot, meant.label, choice, original)))
    _refuse_nothing([job for _, job in work], items, folder)
    if dry_run:
        _show_plan(context, [job for _, job in work], on_conflict, to)
        return 0
    return _run(context, workspace, work, to, on_conflict)


def _refuse_nothing(jobs: list[RestoreJob], items: tuple[str, ...], folder: str | None) -> None:
    """A name that matches nothing is a mistake, and must not look like a successful restore of nothing."""
    from backupd.runs.restore import chosen

    if items:
        found = {version.id for job in jobs for version in chosen(job)}
        missing = sorted(set(items) - found)
        if missing:
            raise NotFound(
                f"There is no item {missing[0]!r} at that time.",
                hint="'backupd ls' shows items in the column ITEM.",
            )
    elif folder is not None and not any(next(chosen(job), None) for job in jobs):
        raise NotFound(f"There is no folder {folder!r} at that time.", hint="'backupd ls' lists the folders.")


def _show_plan(context: Context, jobs: list[RestoreJob], on_conflict: str, to: str | None) -> None:
    from backupd.runs.restore import plan

    plans = [(job, plan(job)) for job in jobs]
    document = [
        {
            "stream": job.snapshot.stream,
            "label": job.label,
            "as_of": iso(one.as_of_ms),
            "compared_with": iso(one.newest_ms),
            "items": one.items,
            "bytes": one.bytes,
            "missing": one.missing,
            "changed": one.changed,
            "same": one.same,
        }
        for job, one in plans
    ]
    rows = [
        (
            job.label,
            when(one.as_of_ms),
            f"{one.items:,}",
            size(one.bytes),
            f"{one.missing:,}",
            f"{one.changed:,}",
            f"{one.same:,}",
        )
        for job, one in plans
    ]
    headings = ("STREAM", "AS OF", "ITEMS", "SIZE", "MISSING", "CHANGED", "SAME")
    lines = table(headings, rows, right="ITEMS SIZE MISSING CHANGED SAME")
    place = f"into {to}" if to else "to the original place"
    newest = max(one.newest_ms for _, one in plans)
    lines += [
        "",
        f"Nothing was written. The restore would go {place}; where something is in the way: {on_conflict}.",
        f"Missing, changed and same are told by the newest backup, of {when(newest)}.",
    ]
    context.report({"dry_run": True, "on_conflict": on_conflict, "to": to, "streams": document}, lines)


def _run(
    context: Context,
    workspace: Workspace,
    work: list[tuple[Meant, RestoreJob]],
    to: str | None,
    on_conflict: str,
) -> int:
    from backupd.cli.interrupting import stop_on_interrupt
    from backupd.cli.progress import Display, wanted
    from backupd.runs.restore import RestoreResult, plan
    from backupd.runs.surroundings import Surroundings
    from connectors.sdk.records import OnConflict, Target

    stop, result, began = threading.Event(), RestoreResult(), time.monotonic()
    place = str(Path(to).expanduser().absolute()) if to is not None else ""
    total = sum(plan(job).bytes for _, job in work) if wanted(context.as_json) else None
    with (
        stop_on_interrupt(stop, context.say),
        Display("restore", shown=wanted(context.as_json), total_bytes=total) as display,
    ):
        for _, group in groupby(work, key=lambda one: one[0].connection.id):
            done_items, done_bytes = sum(result.outcomes.values()), result.bytes
            surroundings = Surroundings(sleep=stop.wait, stop=stop, progress=display.update)
            _restore(workspace, list(group), Target(place), OnConflict(on_conflict), surroundings, result)
            display.end_part(sum(result.outcomes.values()) - done_items, result.bytes - done_bytes)
    labels = {job.snapshot.stream: job.label for _, job in work}
    context.report(_document(result, place, labels), _lines(result, place, labels, time.monotonic() - began))
    if result.stopped:
        return 130
    if result.damaged:
        return Integrity.exit_code
    return Partial.exit_code if result.failures else 0


def _restore(
    workspace: Workspace,
    work: list[tuple[Meant, RestoreJob]],
    target: Target,
    on_conflict: OnConflict,
    surroundings: Surroundings,
    result: RestoreResult,
) -> None:
    """Restore the streams of one connection, as one run."""
    from backupd.catalog.runs import Outcome
    from backupd.cli.wiring import source_errors
    from backupd.domain.runs import RunKind, RunState
    from backupd.runs.record import recorded
    from backupd.runs.restore import restore
    from connectors.sdk.records import Service

    meant, run_id = work[0][0], workspace.new_run_id()
    before = sum(result.outcomes.values()), len(result.failures), result.bytes
    with (
        workspace.connection(meant.connection) as source,
        recorded(workspace.catalog, RunKind.RESTORE, run_id, meant.organization.id, surroundings) as record,
    ):
        for one, job in work:
            with source_errors(one.connection):
                stream = source.stream(one.account.source_id, Service(one.stream.service))
            restore(job, stream, target, on_conflict, surroundings, result)
        items, failed = sum(result.outcomes.values()) - before[0], len(result.failures) - before[1]
        state = RunState.PARTIAL if failed else RunState.COMPLETED
        record.outcome = Outcome(
            RunState.STOPPED if result.stopped else state, items, 0, failed, result.bytes - before[2]
        )


def _document(result: RestoreResult, place: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "dry_run": False,
        "to": place or None,
        "outcomes": {str(outcome): number for outcome, number in sorted(result.outcomes.items())},
        "bytes": result.bytes,
        "stopped": result.stopped,
        "failures": [
            {"stream": one.stream, "label": labels[one.stream], "item": one.item_id, "message": one.message}
            for one in result.failures
        ],
    }


def _lines(result: RestoreResult, place: str, labels: dict[str, str], seconds: float) -> list[str]:
    from connectors.sdk.records import RestoreOutcome

    written = result.outcomes[RestoreOutcome.WRITTEN]
    where = f"to {place}" if place else "to the original place"
    lines = [f"{count(written, 'item')}, {size(result.bytes)} restored {where} in {duration(seconds)}."]
    if again := result.outcomes[RestoreOutcome.ALREADY_RESTORED]:
        lines.append(f"{count(again, 'item was', 'items were')} there already, as they were.")
    if skipped := result.outcomes[RestoreOutcome.SKIPPED_EXISTING]:
        lines.append(
            f"{count(skipped, 'item was', 'items were')} left alone, as something else is in the way: "
            "--on-conflict copy or replace decides otherwise."
        )
    if result.stopped:
        lines.append("Stopped before the end; run it again to go on.")
    if result.failures:
        lines.append(f"{count(len(result.failures), 'item')} could NOT be restored:")
        lines += [
            f"  {labels[one.stream]}: {one.item_id}: {one.message}"
            for one in result.failures[:_SHOWN_FAILURES]
        ]
        if len(result.failures) > _SHOWN_FAILURES:
            lines.append(f"  and {len(result.failures) - _SHOWN_FAILURES:,} more; --json lists all of them.")
    return lines
