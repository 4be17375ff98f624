"""`backupd snapshots`."""

from __future__ import annotations

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import iso, size, table, when


@click.command("snapshots")
@options.accounts
@options.organization
@click.pass_obj
def command(context: Context, accounts: tuple[str, ...], organization: str | None) -> None:
    """List the snapshots: the points in time that can be listed, exported and restored.

    A snapshot that is not complete holds a part of a backup that went on in the next one; it is no point in time.
    """
    from backupd.catalog import snapshots
    from backupd.cli.naming import choose_streams

    catalog = context.workspace.catalog
    found = choose_streams(catalog, accounts, organization)
    document, rows = [], []
    with catalog.reading() as tx:
        for meant in found:
            for one in snapshots.of_stream(tx, meant.stream.name):
                document.append(
                    {
                        "organization": meant.organization.name,
                        "account": meant.account.name,
                        "service": meant.stream.service,
                        "stream": one.stream,
                        "seq": one.seq,
                        "as_of": iso(one.as_of_ms),
                        "committed": iso(one.committed_ms),
                        "complete": one.complete,
                        "run": one.run_id,
                        "upserts": one.upserts,
                        "deletes": one.deletes,
                        "failures": one.failures,
                        "bytes_in": one.bytes_in,
                        "bytes_stored": one.bytes_stored,
                    }
                )
                rows.append(
                    (
                        meant.label,
                        f"{one.seq:,}",
                        when(one.as_of_ms),
                        "yes" if one.complete else "no",
                        f"{one.upserts:,}",
                        f"{one.deletes:,}",
                        f"{one.failures:,}",
                        size(one.bytes_in),
                        size(one.bytes_stored),
                    )
                )
    headings = ("STREAM", "SEQ", "AS OF", "COMPLETE", "CHANGED", "DELETED", "FAILED", "READ", "STORED")
    numbers = "SEQ CHANGED DELETED FAILED READ STORED"
    context.report({"snapshots": document}, table(headings, rows, right=numbers))
