"""`backupd stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.wording import count, iso, size

if TYPE_CHECKING:
    from backupd.catalog.organizations import Organization
    from backupd.cli.wiring import Workspace


@click.command("stats")
@options.organization
@click.pass_obj
def command(context: Context, organization: str | None) -> None:
    """Show what is protected and how much room it takes: items and bytes now, bytes stored, and the ratio."""
    from backupd.cli.naming import choose_organizations

    workspace = context.workspace
    every = [_measure(workspace, one) for one in choose_organizations(workspace.catalog, organization)]
    lines: list[str] = []
    for one in every:
        lines += _lines(one)
    context.report({"organizations": every}, lines)


def _measure(workspace: Workspace, organization: Organization) -> dict[str, Any]:
    from backupd.catalog import failures, snapshots
    from backupd.cli.naming import choose_streams

    catalog, vault = workspace.catalog, workspace.vault(organization)
    streams = [one for one in choose_streams(catalog, (), organization.id) if one.stream.head_seq is not None]
    with catalog.reading() as tx:
        rows = [row for one in streams for row in snapshots.of_stream(tx, one.stream.name)]
        pending = sum(failures.counts(tx, [one.stream.name for one in streams]).values())
    items = logical_bytes = 0
    for one in streams:
        for version in vault.view(one.stream.name).versions():
            if version.kind != "folder":
                items += 1
                logical_bytes += version.size
    objects = stored_bytes = 0
    for info in vault.store.list(""):
        objects += 1
        stored_bytes += info.size_bytes
    times = [row.as_of_ms for row in rows if row.complete]
    return {
        "name": organization.name,
        "vault": organization.vault_id,
        "accounts": len({one.account.id for one in streams}),
        "streams": len(streams),
        "snapshots": len(rows),
        "items": items,
        "bytes": logical_bytes,
        "bytes_read_ever": sum(row.bytes_in for row in rows),
        "bytes_stored": stored_bytes,
        "objects": objects,
        "ratio": round(logical_bytes / stored_bytes, 2) if stored_bytes else None,
        "failures": pending,
        "oldest": iso(min(times, default=None)),
        "newest": iso(max(times, default=None)),
        "retention": organization.retention,
    }


def _lines(one: dict[str, Any]) -> list[str]:
    ratio = f", {one['ratio']:.1f} : 1" if one["ratio"] else ""
    lines = [
        one["name"],
        f"  protected  {count(one['items'], 'item')}, {size(one['bytes'])} "
        f"in {count(one['accounts'], 'account')}, {count(one['streams'], 'stream')}",
        f"  stored     {size(one['bytes_stored'])} in {count(one['objects'], 'object')}{ratio}",
        f"  history    {count(one['snapshots'], 'snapshot')}, retention {one['retention']}",
    ]
    if one["failures"]:
        lines.append(f"  pending    {count(one['failures'], 'item')}: see 'backupd failures'")
    return [*lines, ""]
