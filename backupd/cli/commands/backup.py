"""`backupd backup`."""

from __future__ import annotations

import click

from backupd.cli import options
from backupd.cli.context import Context


@click.command("backup")
@options.accounts
@options.organization
@click.pass_obj
def command(context: Context, accounts: tuple[str, ...], organization: str | None) -> int:
    """Back up what changed since the last time: everything, or only the named accounts or streams.

    Accounts that are new at a source are found and backed up, too, when no account is named.
    """
    from backupd.catalog import connections
    from backupd.cli.backing_up import Summary, back_up_connection
    from backupd.cli.naming import choose_organizations, choose_streams

    workspace = context.workspace
    chosen: dict[str, set[str]] = {}
    for meant in choose_streams(workspace.catalog, accounts, organization) if accounts else ():
        chosen.setdefault(meant.connection.id, set()).add(meant.stream.name)
    summary = Summary()
    for one in choose_organizations(workspace.catalog, organization):
        with workspace.catalog.reading() as tx:
            rows = connections.of(tx, one.id)
        for row in rows:
            if accounts and row.id not in chosen:
                continue
            back_up_connection(context, workspace, one, row, summary, chosen.get(row.id))
            if summary.stopped:
                break
    context.report(summary.document(), summary.lines())
    return summary.exit_code()
