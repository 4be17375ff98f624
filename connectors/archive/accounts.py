"""The accounts an import folder has, and which streams each of them offers; told without parsing anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from connectors.archive.below import FOLDER_FLAGS, open_below, open_regular
from connectors.archive.names import decode_native, encode_native
from connectors.archive.roles import (
    MAX_SNIFF_BYTES,
    Role,
    Rule,
    is_maildir,
    is_message,
    looks_like_mbox,
    message_rule,
    role,
)
from connectors.archive.tree import Scope
from connectors.sdk.errors import Permanent
from connectors.sdk.records import Account, Service

LOOSE = "."
"""The id of the account that holds what lies loose in the import folder, or all of it."""

_USUAL_MODES = frozenset((0o755, 0o775))
"""What a folder gets anyway when it is made again; any other mode is worth an item."""


def top_folders(root_fd: int) -> tuple[list[str], bool]:
    """Return the names (as ids) of the directories in the import folder, sorted, and whether it has loose files."""
    folders: list[str] = []
    has_files = False
    with os.scandir(root_fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(encode_native(entry.name))
            else:
                has_files = True
    folders.sort()
    return folders, has_files


def is_one_account(mode: str, folders: list[str]) -> bool:
    """Tell whether the whole import folder is one account: by choice, as a Maildir, or for want of folders."""
    names = set(folders)
    return mode == "one" or is_maildir(names) or names <= {"cur", "new", "tmp"}


def scope(root_fd: int, mode: str, account_id: str) -> Scope:
    """Return the part of the import folder an account is. Raises `Permanent` when it is not there."""
    folders, _ = top_folders(root_fd)
    whole = is_one_account(mode, folders)
    if account_id == LOOSE or (not whole and account_id in folders):
        return _part(account_id, whole)
    raise Permanent(f"The import folder has no account {account_id!r} any more.")


def discover(root_fd: int, mode: str, root_name: str) -> Iterator[Account]:
    """Yield the accounts, ascending by id; one without anything in it has no services."""
    folders, has_files = top_folders(root_fd)
    whole = is_one_account(mode, folders)
    found: list[tuple[str, str]] = []
    if whole or has_files:
        name = root_name
        while not whole and name in folders:
            name += " (loose files)"
        found.append((LOOSE, name))
    if not whole:
        found.extend((folder, folder) for folder in folders)
    found.sort()
    for account_id, name in found:
        yield Account(account_id, name, "folder", services(root_fd, _part(account_id, whole)))


def _part(account_id: str, whole: bool) -> Scope:
    if account_id == LOOSE:
        return Scope("", "", descend=whole)
    return Scope(decode_native(account_id), account_id + "/")


def services(root_fd: int, part: Scope) -> tuple[Service, ...]:
    """Return the streams that have something in them; both when a folder cannot be looked into."""
    has_mail = has_drive = False
    todo: list[tuple[str, Rule]] = [(part.path, Rule.NONE)]
    while todo and not (has_mail and has_drive):
        path, rule = todo.pop()
        try:
            mail, drive = _look_into(root_fd, path, rule, part, todo, (has_mail, has_drive))
        except FileNotFoundError:
            continue
        except OSError:
            mail = drive = True
        has_mail, has_drive = has_mail or mail, has_drive or drive
    return ((Service.MAIL,) if has_mail else ()) + ((Service.DRIVE,) if has_drive else ())


def _look_into(
    root_fd: int, path: str, rule: Rule, part: Scope, todo: list[tuple[str, Rule]], known: tuple[bool, bool]
) -> tuple[bool, bool]:
    """Tell of one folder whether it holds mail and whether it holds anything else; its folders go to `todo`."""
    has_mail, has_drive = known
    folders: list[str] = []
    is_empty = True
    fd = open_below(root_fd, path, FOLDER_FLAGS)
    try:
        if path and stat.S_IMODE(os.fstat(fd).st_mode) not in _USUAL_MODES:
            has_drive = True
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                    continue
                is_empty = False
                kind = Role.EML if is_message(name, rule) else role(name)
                if kind == Role.MAYBE_MBOX and entry.is_file(follow_symlinks=False):
                    kind = (
                        Role.MBOX
                        if _is_mbox(root_fd, f"{path}/{name}" if path else name, entry.inode())
                        else Role.OTHER
                    )
                if kind in (Role.EML, Role.MBOX):
                    has_mail = True
                else:
                    has_drive = True
                if has_mail and has_drive:
                    return True, True
    finally:
        os.close(fd)
    if not part.descend:
        return has_mail, has_drive
    siblings = set(folders)
    for name in folders:
        todo.append((f"{path}/{name}" if path else name, message_rule(name, siblings)))
    return has_mail, has_drive or (is_empty and not folders and path != "")


def _is_mbox(root_fd: int, path: str, inode: int) -> bool:
    try:
        fd, _ = open_regular(root_fd, path, inode)
    except OSError:
        return False
    try:
        return looks_like_mbox(os.pread(fd, MAX_SNIFF_BYTES, 0))
    except OSError:
        return False
    finally:
        os.close(fd)
