"""`backupd keys …`: status, rotation, recovery, erasure."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupd.cli import options
from backupd.cli.context import Context
from backupd.cli.terminal import clean_block
from backupd.cli.wording import count, iso, when
from backupd.errors import BackupdError, Integrity, NotFound, StoreDenied, UsageError

if TYPE_CHECKING:
    from backupd.cli.wiring import Workspace
    from backupd.vault.keys.recovery_kit import RecoveryKit


@click.group("keys")
def command() -> None:
    """Look after the keys: status, rotation, recovery kit, erasure. docs/keys.md explains what exists."""


@command.command("status")
@options.organization
@click.pass_obj
def status(context: Context, organization: str | None) -> int:
    """Show each organization's keys, and whether the master key and the recovery kit would open them."""
    from backupd.cli.naming import choose_organizations

    workspace = context.workspace
    found = [
        _status(workspace, one.name, one.vault_id)
        for one in choose_organizations(workspace.catalog, organization)
    ]
    master = {"file": str(workspace.settings.master_key), "problem": workspace.provider.exposure()}
    lines = [f"Master key: {master['file']}"]
    if master["problem"]:
        lines.append(f"  PROBLEM  {master['problem']}")
    for one in found:
        lines += [
            "",
            f"{one['organization']} (vault {one['vault']})",
            f"  keys     data key version {one['current_version']} of {len(one['versions'])}, "
            f"wrapped by {one['provider']}",
        ]
        lines += [
            f"  made     version {made['version']} on {made['created_text']}" for made in one["versions"]
        ]
        lines += [f"  PROBLEM  {problem}" for problem in one["problems"]]
        if not one["problems"]:
            lines.append("  ok       the keys open; the escrow is whole")
    for one in found:
        for made in one["versions"]:
            del made["created_text"]
    context.report({"master_key": master, "organizations": found}, lines)
    return max((one.pop("exit_code") for one in found), default=0)


def _status(workspace: Workspace, name: str, vault_id: str) -> dict[str, Any]:
    file = workspace.keyring_file(vault_id)
    document: dict[str, Any] = {
        "organization": name,
        "vault": vault_id,
        "provider": None,
        "current_version": None,
        "versions": [],
        "problems": [],
        "exit_code": 0,
    }
    try:
        described = file.describe()
        document |= {
            "provider": described.provider,
            "current_version": described.current_version,
            "versions": [
                {"version": version, "created": iso(made_ms), "created_text": when(made_ms)}
                for version, made_ms in sorted(described.versions.items())
            ],
        }
        file.load(workspace.provider)
        if problem := file.escrow_problem():
            document["problems"].append(problem)
            document["exit_code"] = Integrity.exit_code
    except BackupdError as error:
        document["problems"].append(error.message)
        document["exit_code"] = error.exit_code
    return document


@command.command("rotate")
@options.organization
@click.pass_obj
def rotate(context: Context, organization: str | None) -> None:
    """Make a new data key. New packs are sealed with it; older keys stay, for older packs."""
    from backupd.cli.naming import one_organization

    workspace = context.workspace
    one = one_organization(workspace.catalog, organization)
    keyring = workspace.keyring_file(one.vault_id).rotate_data_key(workspace.provider)
    context.report(
        {"organization": one.name, "vault": one.vault_id, "current_version": keyring.current_version},
        [f"{one.name}: data key version {keyring.current_version} seals what is stored from now on."],
    )


@command.command("rotate-master")
@click.pass_obj
def rotate_master(context: Context) -> None:
    """Replace the master key and wrap every organization's keys with the new one; destroy the old one."""
    from backupd.vault.keys.rotation import rotate_master_key

    workspace = context.workspace
    settings = workspace.settings
    done = rotate_master_key(settings.master_key, settings.keys)
    lines = [
        f"Master key {done.new_id} replaces {done.old_id}.",
        f"The keys of {count(len(done.vault_ids), 'vault')} are wrapped with it.",
        f"Keep a copy of {settings.master_key} in another place.",
        "Destroy older copies of it: they open older copies of the key files.",
    ]
    if done.resumed:
        lines.insert(0, "A rotation that was interrupted earlier has been finished.")
    context.report(
        {"old": done.old_id, "new": done.new_id, "vaults": list(done.vault_ids), "resumed": done.resumed},
        lines,
    )


@command.command("recovery-kit")
@click.option("--to", metavar="FILE", help="Write the page into this new file instead of onto the terminal.")
@options.organization
@click.pass_obj
def recovery_kit(context: Context, to: str | None, organization: str | None) -> None:
    """Make a new recovery kit; the old one opens nothing but older copies of the escrow file."""
    import secrets

    from backupd.cli.naming import one_organization
    from backupd.vault.keys.recovery_kit import RecoveryKit

    workspace = context.workspace
    one = one_organization(workspace.catalog, organization)
    kit = RecoveryKit.generate(secrets.token_bytes)
    # The person has the kit before the escrow is sealed to it: in whatever moment this fails, one of the two opens it.
    place = hand_over(context, kit, one.name, one.vault_id, to, workspace.settings.home)
    workspace.keyring_file(one.vault_id).replace_recovery_kit(workspace.provider, kit)
    context.report(
        {"organization": one.name, "vault": one.vault_id, **place},
        [f"{one.name}: the new recovery kit is in force; destroy the old page."],
    )


@command.command("recover")
@click.argument("vault", metavar="ORGANIZATION|VAULT")
@click.option(
    "--kit", metavar="FILE", help="The recovery kit's page or code in a file; it is asked for otherwise."
)
@click.option("--escrow", metavar="FILE", help="The escrow file. [default: the one beside the keys]")
@click.pass_obj
def recover(context: Context, vault: str, kit: str | None, escrow: str | None) -> None:
    """Open an organization's keys with its recovery kit, and wrap them with the present master key."""
    from backupd.cli.naming import choose_organizations
    from backupd.vault.keys.file_provider import FileKeyProvider
    from backupd.vault.keys.recovery_kit import RecoveryKit

    workspace = context.create_workspace()
    text = _kit_text(kit)
    known = [one for one in choose_organizations(workspace.catalog, None) if vault in (one.name, one.id)]
    vault_id = known[0].vault_id if known else vault
    if not known and not _is_vault_id(vault_id):
        raise NotFound(
            f"There is no organization {vault!r}.", hint="Name it, or write the vault's id (32 digits)."
        )
    if not workspace.settings.master_key.exists():
        FileKeyProvider.create(workspace.settings.master_key)
    keyring = workspace.keyring_file(vault_id).recover(
        RecoveryKit.parse(text), workspace.provider, escrow=Path(escrow) if escrow else None
    )
    context.report(
        {"vault": vault_id, "current_version": keyring.current_version},
        [f"The keys of vault {vault_id} are recovered, and wrapped with {workspace.settings.master_key}."],
    )


@command.command("erase")
@click.option("--organization", required=True, metavar="NAME", help="Whose keys are destroyed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(context: Context, organization: str, yes: bool) -> None:
    """Destroy an organization's keys: its whole vault becomes unreadable, for ever. Prints the receipt."""
    import msgspec

    from backupd.catalog import organizations
    from backupd.cli.naming import one_organization
    from backupd.vault.keys.erase import erase_keys

    workspace = context.workspace
    one = one_organization(workspace.catalog, organization)
    if not yes:
        if context.as_json or not sys.stdin.isatty():
            raise UsageError("Erasing keys needs a person's word.", hint="Add --yes if that is meant.")
        typed = click.prompt(
            f"Type the organization's name to make all its backups unreadable for ever ({one.name})", err=True
        )
        if typed != one.name:
            raise UsageError("That is not the name; nothing was erased.")

    def held() -> bool:
        # Asked only while the keys still open: an erase that was interrupted is finished without asking again.
        return next(iter(workspace.vault(one).records.list("holds")), None) is not None

    receipt = erase_keys(workspace.settings.keys, one.vault_id, held=held)
    workspace.forget_vault(one.vault_id)
    with workspace.catalog.writing() as tx:
        organizations.note_erased(tx, one.id, receipt.erased_ms)
    (workspace.settings.cache / f"{one.vault_id}.sqlite").unlink(missing_ok=True)
    document = msgspec.to_builtins(receipt)
    lines = [f"The keys of {one.name} are destroyed (vault {one.vault_id}, {when(receipt.erased_ms)})."]
    lines += [
        f"  destroyed   {gone.what}: {gone.name}, {gone.size_bytes} bytes, SHA-256 {gone.sha256}"
        for gone in receipt.destroyed
    ]
    lines += [f"  not proven  {sentence}" for sentence in receipt.not_proven]
    context.report({"organization": one.name, "receipt": document}, lines)


def hand_over(
    context: Context, kit: RecoveryKit, organization: str, vault_id: str, file: str | None, home: Path
) -> dict[str, Any]:
    """Give a recovery kit to the person: into the named file, onto the terminal, else into a file in the home folder.

    Returns where it went; its code is never part of a JSON document, which tends to end in a log.
    """
    page = kit.page(vault_id=vault_id, organization=organization)
    if file is None and not context.as_json and sys.stderr.isatty():
        sys.stderr.write("\n" + clean_block(page) + "\n")
        return {"shown": True, "file": None}
    target = Path(file) if file is not None else _free(home / f"recovery-kit-{vault_id}.txt")
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(
            f"{target} exists already.", hint="A recovery kit never overwrites a file."
        ) from None
    except OSError as error:
        raise StoreDenied(
            f"The recovery kit cannot be written to {target}: {error.strerror}.",
            hint="'backupd keys recovery-kit' makes another one.",
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(page)
    context.say(
        f"The recovery kit of {organization} is in {target}. Print it, or move it away from this machine."
    )
    return {"shown": False, "file": str(target)}


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _kit_text(kit: str | None) -> str:
    if kit is None:
        if not sys.stdin.isatty():
            return sys.stdin.read()
        return str(click.prompt("The code of the recovery kit", hide_input=True, err=True))
    try:
        return Path(kit).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The recovery kit {kit} cannot be read.", hint="Name the file with its page or code."
        ) from error


def _is_vault_id(text: str) -> bool:
    return len(text) == 32 and all(char in "0123456789abcdef" for char in text)
