"""What the commands that look after vaults share: progress by stages, and findings as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backupd.cli.context import Context
from backupd.cli.progress import wanted
from backupd.cli.terminal import clean

if TYPE_CHECKING:
    from backupd.vault.maintenance.reports import Finding, Progress

_SHOWN = 20
_SHOWN_ITEMS = 5


@contextmanager
def stages(context: Context, title: str) -> Iterator[Progress]:
    """Show stages of long work on a terminal; elsewhere say nothing."""
    from backupd.vault.maintenance.reports import no_progress

    if not wanted(context.as_json):
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(clean(title), markup=False),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield show


def finding_lines(findings: list[Finding], labels: dict[str, str]) -> list[str]:
    """Return what is wrong as lines: the sentence, then whose items it touches."""
    lines: list[str] = []
    for finding in findings[:_SHOWN]:
        lines.append(f"  {finding.kind}: {finding.sentence} [{finding.object}]")
        lines += [
            f"    touches {labels.get(item.stream, item.stream)}: {item.item_id}"
            for item in finding.affected[:_SHOWN_ITEMS]
        ]
        if finding.affected_count > _SHOWN_ITEMS:
            lines.append(f"    and {finding.affected_count - _SHOWN_ITEMS:,} more item versions")
    if len(findings) > _SHOWN:
        lines.append(f"  and {len(findings) - _SHOWN:,} more findings; --json lists all of them.")
    return lines


def finding_documents(findings: list[Finding], labels: dict[str, str]) -> list[dict[str, Any]]:
    """Return the findings' JSON shape."""
    return [
        {
            "kind": str(finding.kind),
            "harmless": finding.kind.harmless,
            "object": finding.object,
            "message": finding.sentence,
            "affected": [
                {
                    "stream": item.stream,
                    "label": labels.get(item.stream),
                    "seq": item.seq,
                    "item": item.item_id,
                }
                for item in finding.affected
            ],
            "affected_count": finding.affected_count,
        }
        for finding in findings
    ]
