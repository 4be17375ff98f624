"""`backupd import`."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupd.cli.context import Context
from backupd.errors import NotFound, StoreDenied, UsageError

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
        extra["recovery_kit"] = _hand_over(context, workspace, whose, kit, recovery_kit)
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
        before = row.settings["account_per"]
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
        {"path": str(folder), "account_per": account_per or "folder"},
        workspace.now_ms(),
    )
    put_connection(workspace.vault(whose), row)
    with workspace.catalog.writing() as tx:
        connections.add(tx, row)
    return row


def _hand_over(
    context: Context, workspace: Workspace, whose: Organization, kit: RecoveryKit, file: str | None
) -> dict[str, Any]:
    """Give the recovery kit to the person: into the named file, onto the terminal, or into a file beside the home.

    Returns where it went; its code is never part of a JSON document, which tends to end in a log.
    """
    page = kit.page(vault_id=whose.vault_id, organization=whose.name)
    if file is None and not context.as_json and sys.stderr.isatty():
        sys.stderr.write("\n" + page + "\n")
        return {"shown": True, "file": None}
    target = (
        Path(file) if file is not None else workspace.settings.home / f"recovery-kit-{whose.vault_id}.txt"
    )
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StoreDenied(
            f"The recovery kit cannot be written to {target}: {error.strerror}.",
            hint="'backupd keys recovery-kit' makes another one.",
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(page)
    context.say(
        f"The recovery kit of {whose.name} is in {target}. Print it or move it away from this machine."
    )
    return {"shown": False, "file": str(target)}
