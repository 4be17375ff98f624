"""`backupd failures`."""

from __future__ import annotations

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, iso, table, when


@click.command("failures")
@options.accounts
@options.organization
@click.pass_obj
def command(context: Context, accounts: tuple[str, ...], organization: str | None) -> None:
    """List the items that could not be backed up, and why. Each is tried again at every backup."""
    from backupd.catalog import failures
    from backupd.cli.naming import choose_streams

    catalog = context.workspace.catalog
    labels = {meant.stream.name: meant for meant in choose_streams(catalog, accounts, organization)}
    with catalog.reading() as tx:
        pending = failures.of_streams(tx, list(labels))
    document = [
        {
            "organization": labels[one.stream].organization.name,
            "account": labels[one.stream].account.name,
            "service": labels[one.stream].stream.service,
            "stream": one.stream,
            "item": one.item_id,
            "folder": one.folder,
            "name": one.name,
            "reason": one.reason,
            "message": one.message,
            "since": iso(one.since_ms),
        }
        for one in pending
    ]
    if pending:
        rows = [(labels[one.stream].label, one.reason, when(one.since_ms), one.message) for one in pending]
        lines = table(("STREAM", "REASON", "SINCE", "WHAT HAPPENED"), rows, widest=110)
        lines.append(f"{count(len(pending), 'item')} pending; every backup tries again.")
    else:
        lines = ["Nothing is pending."]
    context.report({"failures": document}, lines)
