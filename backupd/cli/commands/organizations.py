"""`backupd organizations`."""

from __future__ import annotations

import click

from backupd.cli.context import Context
from backupd.cli.wording import iso, table, when


@click.command("organizations")
@click.pass_obj
def command(context: Context) -> None:
    """List the organizations: how many accounts each has, and since when."""
    from backupd.catalog import accounts, organizations

    with context.workspace.catalog.reading() as tx:
        rows = [(one, len(accounts.of_organization(tx, one.id))) for one in organizations.every(tx)]
    document = [
        {
            "id": one.id,
            "name": one.name,
            "vault": one.vault_id,
            "accounts": count,
            "retention": one.retention,
            "created": iso(one.created_ms),
        }
        for one, count in rows
    ]
    lines = [
        (one.name, f"{count:,}", one.retention, when(one.created_ms), one.vault_id) for one, count in rows
    ]
    context.report(
        {"organizations": document},
        table(("ORGANIZATION", "ACCOUNTS", "RETENTION", "SINCE", "VAULT"), lines, right="ACCOUNTS"),
    )
