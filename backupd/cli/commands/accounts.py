"""`backupd accounts`."""

from __future__ import annotations

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import ago, iso, table


@click.command("accounts")
@options.organization
@click.pass_obj
def command(context: Context, organization: str | None) -> None:
    """List the accounts, their streams, and how fresh each one's newest proven copy is."""
    from backupd.catalog import failures
    from backupd.cli.naming import choose_streams

    catalog = context.workspace.catalog
    found = choose_streams(catalog, (), organization)
    with catalog.reading() as tx:
        pending = failures.counts(tx, [meant.stream.name for meant in found])
    people: dict[str, dict[str, object]] = {}
    listed: dict[str, list[dict[str, object]]] = {}
    for meant in found:
        account, stream = meant.account, meant.stream
        people[account.id] = {
            "id": account.id,
            "organization": meant.organization.name,
            "name": account.name,
            "kind": account.kind,
            "source_id": account.source_id,
            "gone": iso(account.gone_ms),
        }
        listed.setdefault(account.id, []).append(
            {
                "service": stream.service,
                "stream": stream.name,
                "snapshots": stream.head_seq or 0,
                "proven": iso(stream.proven_ms),
                "state": stream.last_state,
                "last_run": iso(stream.last_run_ms),
                "failures": pending.get(stream.name, 0),
            }
        )
    now_ms = context.now_ms()
    rows = [
        (
            meant.organization.name,
            meant.account.name + (" (gone)" if meant.account.gone_ms else ""),
            meant.stream.service,
            ago(meant.stream.proven_ms, now_ms),
            meant.stream.last_state or "never run",
            f"{pending.get(meant.stream.name, 0):,}",
            meant.account.id,
        )
        for meant in found
    ]
    headings = ("ORGANIZATION", "ACCOUNT", "STREAM", "PROVEN", "LAST RUN", "PENDING", "ID")
    document = {
        "accounts": [{**fields, "streams": listed[account_id]} for account_id, fields in people.items()]
    }
    context.report(document, table(headings, rows, right="PENDING"))
