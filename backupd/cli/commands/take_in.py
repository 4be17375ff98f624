"""`backupd import`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupd.cli.context import Context
from backupd.errors import NotFound, UsageError

if TYPE_CHECKING:
    from backupd.catalog.connections import SourceConnection
    from backupd.catalog.organizations import Organization
    from backupd.cli.wiring import Workspace
    from backupd.vault.keys.recovery_kit import RecoveryKit


@click.command("import")
@click.argument("path")
@click.option("--organization", required=True, metavar="NAME", help="Whose data it is; made if it is new.")
@click.option(
    "--account-per",
    type=click.Choice(["folder", "one"]),
    help="Each folder directly in PATH is an account, or all of PATH is one. [default: folder]",
)
@click.option(
    "--recovery-kit", metavar="FILE", help="Write a new organization's recovery kit into this file."
)
@click.pass_obj
def command(
    context: Context, path: str, organization: str, account_per: str | None, recovery_kit: str | None
) -> int:
    """Take a folder of .eml files, Maildirs, mboxes and any other files into an organization's vault.

    PATH stays the source: 'backupd backup' looks there again and stores what changed. PATH itself is never written to.
    """
    from backupd.cli.backing_up import Summary, back_up_connection
    from backupd.cli.commands.keys import hand_over

    folder = Path(path).expanduser().absolute()
    if not folder.is_dir():
        there = "is not a folder" if folder.exists() else "does not exist"
        raise NotFound(f"{folder} {there}.", hint="Name the folder that holds the mail and files.")
    if not organization.strip():
        raise UsageError("The organization's name is empty.")
    if recovery_kit is not None and Path(recovery_kit).exists():
        raise UsageError(f"{recovery_kit} exists already.", hint="A recovery kit never overwrites a file.")
    workspace = context.create_workspace()
    _refuse_own_home(folder, workspace.settings.home)
    whose, kit = _organization(workspace, organization.strip())
    extra: dict[str, Any] = {"organization": {"id": whose.id, "name": whose.name, "vault": whose.vault_id}}
    if kit is not None:
        home = workspace.settings.home
        extra["recovery_kit"] = hand_over(context, kit, whose.name, whose.vault_id, recovery_kit, home)
    row = _connection(workspace, whose, folder, account_per)
    summary = Summary()
    back_up_connection(context, workspace, whose, row, summary)
    context.report({**extra, **summary.document()}, summary.lines())
    return summary.exit_code()


def _refuse_own_home(folder: Path, home: Path) -> None:
    """A vault inside the imported folder would be backed up into itself, growing at every run."""
    if home.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"The home folder {home} lies inside {folder}.",
            hint="Import another folder, or name another --home.",
        )


def _organization(workspace: Workspace, name: str) -> tuple[Organization, RecoveryKit | None]:
    from backupd.catalog import organizations

    with workspace.catalog.reading() as tx:
        found = organizations.by_name(tx, name)
    if found is not None:
        return found, None
    return workspace.create_organization(name)


def _connection(
    workspace: Workspace, whose: Organization, folder: Path, account_per: str | None
) -> SourceConnection:
    """Return the connection of this folder; made on the first import. How accounts are told apart never changes."""
    from backupd.catalog import connections
    from backupd.domain.ids import CONNECTION, new_id
    from backupd.runs.names import put_connection

    with workspace.catalog.reading() as tx:
        row = connections.find(tx, whose.id, "archive", str(folder))
    if row is not None:
        before = row.settings["accounts"].removesuffix("s")
        if account_per not in (None, before):
            raise UsageError(
                f"{folder} was imported with --account-per {before}; that cannot change.",
                hint="Import it for another organization, or leave the option out.",
            )
        return row
    row = connections.SourceConnection(
        new_id(CONNECTION, secrets.token_bytes),
        whose.id,
        "archive",
        str(folder),
        {"path": str(folder), "accounts": "one" if account_per == "one" else "folders"},
        workspace.now_ms(),
    )
    put_connection(workspace.vault(whose), row)
    with workspace.catalog.writing() as tx:
        connections.add(tx, row)
    return row
