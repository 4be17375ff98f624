"""`backupd check`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, duration, size
from backupd.errors import Integrity, UsageError

if TYPE_CHECKING:
    from backupd.catalog.organizations import Organization
    from backupd.runs.verify import Verification


@click.command("check")
@click.option(
    "--read-data",
    is_flag=False,
    flag_value="100%",
    metavar="N%",
    help="Also read and authenticate the data itself: all of it, or --read-data=N% of the packs.",
)
@options.organization
@click.pass_obj
def command(context: Context, read_data: str | None, organization: str | None) -> int:
    """Prove that the vault is whole: every object opens, every snapshot's items are there, no history was replaced.

    Ends with exit code 5 if anything is damaged, and names whose items it touches.
    """
    from backupd.cli.naming import choose_organizations

    percent = None if read_data is None else _percent(read_data)
    every = choose_organizations(context.workspace.catalog, organization)
    documents, lines, is_whole = [], [], True
    for one in every:
        found, document, text = _check(context, one, percent)
        documents.append(document)
        lines += text
        is_whole = is_whole and found.ok
    context.report({"ok": is_whole, "organizations": documents}, lines)
    return 0 if is_whole else Integrity.exit_code


def _percent(text: str) -> float:
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:
        raise UsageError(
            f"--read-data={text} is not a share.", hint="Write --read-data or, for example, --read-data=10%."
        )
    return percent


def _check(
    context: Context, one: Organization, percent: float | None
) -> tuple[Verification, dict[str, Any], list[str]]:
    from backupd.cli.maintaining import finding_documents, finding_lines, stages
    from backupd.cli.naming import choose_streams
    from backupd.runs.surroundings import Surroundings
    from backupd.runs.verify import verify

    workspace = context.workspace
    streams = choose_streams(workspace.catalog, (), one.id)
    labels = {meant.stream.name: meant.label for meant in streams}
    began = time.monotonic()
    with stages(context, one.name) as progress:
        found = verify(
            workspace.vault(one),
            workspace.catalog,
            one.id,
            workspace.new_run_id(),
            [meant.stream for meant in streams],
            percent,
            Surroundings(),
            progress,
        )
    report, seconds = found.report, time.monotonic() - began
    looked = (
        f"{count(report.objects, 'object')}, {count(report.snapshots, 'snapshot')} "
        f"of {count(report.streams, 'stream')}, "
        f"{count(report.item_versions, 'item version')}"
    )
    if percent is not None:
        looked += f"; {count(report.packs_read, 'pack')} with {size(report.bytes_read)} read"
    damage = [finding for finding in report.findings if not finding.kind.harmless]
    harmless = [finding for finding in report.findings if finding.kind.harmless]
    lines = [f"{one.name}: {'whole' if found.ok else 'DAMAGED'} ({looked}; {duration(seconds)})."]
    lines += finding_lines(damage, labels)
    lines += [
        f"  history: {labels.get(wrong.stream, wrong.stream)}: {wrong.sentence}"
        for wrong in found.wrong_heads
    ]
    if harmless:
        lines.append(f"  {count(len(harmless), 'finding')} that harm nothing (the next prune tidies up).")
    document = {
        "organization": one.name,
        "ok": found.ok,
        "objects": report.objects,
        "streams": report.streams,
        "snapshots": report.snapshots,
        "item_versions": report.item_versions,
        "packs": report.packs,
        "packs_read": report.packs_read,
        "blobs_read": report.blobs_read,
        "bytes_read": report.bytes_read,
        "contents_read": report.contents_read,
        "seconds": round(seconds, 3),
        "findings": finding_documents(report.findings, labels),
        "wrong_heads": [
            {"stream": wrong.stream, "label": labels.get(wrong.stream), "message": wrong.sentence}
            for wrong in found.wrong_heads
        ],
    }
    return found, document, lines
