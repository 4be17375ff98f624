"""`backupd rebuild-index`."""

from __future__ import annotations

import secrets
from typing import Any

import click

from backupd.cli.context import Context
from backupd.cli.wording import count
from backupd.errors import Integrity, NotFound


@click.command("rebuild-index")
@click.pass_obj
def command(context: Context) -> int:
    """Make the local index cache, the vaults' indexes and the catalog again, from the packs and snapshots themselves.

    For when something of these was lost or damaged. Nothing that is intact becomes unreadable by it.
    """
    from backupd.cli.maintaining import finding_documents, finding_lines, stages
    from backupd.runs.rebuild import rebuild_catalog
    from backupd.vault.keys.keyring_file import keyring_vault_ids
    from backupd.vault.maintenance.rebuild import rebuild_index

    settings = context.settings
    vault_ids = keyring_vault_ids(settings.keys)
    if not vault_ids:
        raise NotFound(
            f"There are no vaults' keys in {settings.keys}.", hint="--home DIR names another home folder."
        )
    workspace = context.create_workspace(rebuild=True)
    documents: list[dict[str, Any]] = []
    lines: list[str] = []
    for vault_id in vault_ids:
        # The cache is disposable; it is removed before the vault is opened, as it may be what is damaged.
        for name in (f"{vault_id}.sqlite", f"{vault_id}.sqlite-wal", f"{vault_id}.sqlite-shm"):
            (settings.cache / name).unlink(missing_ok=True)
        vault = workspace.vault_by_id(vault_id)
        with stages(context, vault_id[:8]) as progress:
            report = rebuild_index(vault, progress=progress)
        vault.refresh()
        done = rebuild_catalog(
            vault, workspace.catalog, randomness=secrets.token_bytes, now_ms=context.now_ms()
        )
        documents.append(
            {
                "vault": vault_id,
                "organization": done.organization,
                "was_unknown": done.was_unknown,
                "packs": report.packs,
                "blobs": report.blobs,
                "indexes_written": report.indexes_written,
                "catalog": {
                    "connections": done.connections,
                    "accounts": done.accounts,
                    "streams": done.streams,
                    "snapshots": done.snapshots,
                    "unreadable": done.unreadable,
                },
                "findings": finding_documents(report.findings, {}),
            }
        )
        lines.append(
            f"{done.organization}: {count(report.blobs, 'blob')} in {count(report.packs, 'pack')} indexed; "
            f"added to the catalog: {count(done.accounts, 'account')}, {count(done.streams, 'stream')}, "
            f"{count(done.snapshots, 'snapshot')}."
        )
        lines += finding_lines(report.findings, {})
    context.report({"vaults": documents}, lines)
    return Integrity.exit_code if any(one["findings"] for one in documents) else 0
