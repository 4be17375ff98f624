"""Rotation of the wrapping key: every keyring of an installation moves to another master key.

At any moment of it, and after a crash at any moment, each keyring opens: it is wrapped by the old or by the
new master key, and both lie where `FileKeyProvider` looks. The old one is destroyed only once every keyring
was seen to open without it. Running it again finishes what a crash interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from backupd.errors import BackupdError
from backupd.vault.keys.file_provider import FileKeyProvider, next_path, previous_path
from backupd.vault.keys.key_files import destroy_key_file, leftovers, locked
from backupd.vault.keys.keyring_file import KeyringFile, keyring_vault_ids, rotation_lock_path
from backupd.vault.keys.master_key import MasterKey, read_master_key, write_master_key
from backupd.vault.keys.provider import KeyProvider
from backupd.vault.stores.durable import Step, no_step, sync_folder
from backupd.vault.stores.os_errors import store_error

Rewrap = Callable[[KeyProvider, KeyProvider], None]
"""Moves whatever else is wrapped from the old provider to the new; called again after a crash."""


class MasterRotation(NamedTuple):
    """What a rotation did: public ids of both master keys, the vaults moved, and whether it finished an earlier one."""

    old_id: str
    new_id: str
    vault_ids: tuple[str, ...]
    resumed: bool


def rewrap_all(
    directory: Path,
    old: KeyProvider,
    new: KeyProvider,
    *,
    random: Callable[[int], bytes] = os.urandom,
    step: Step = no_step,
) -> tuple[str, ...]:
    """Move every keyring in `directory` from `old` to `new`; return all vault ids.

    One bad keyring does not stop the others; it raises at the end, and `old` is still needed then.
    The caller sees to it that no keyring is made meanwhile (`rotate_master_key` does).
    """
    vault_ids = keyring_vault_ids(directory)
    failures: list[BackupdError] = []
    for vault_id in vault_ids:
        try:
            KeyringFile(directory, vault_id, random=random, step=step).rewrap(old, new)
        except BackupdError as error:
            failures.append(error)
        step("rewrapped")
    _raise_first(failures, len(vault_ids))
    return tuple(vault_ids)


def rotate_master_key(
    path: Path,
    directory: Path,
    *,
    also: Sequence[Rewrap] = (),
    random: Callable[[int], bytes] = os.urandom,
    step: Step = no_step,
) -> MasterRotation:
    """Replace the master key in the file `path` and re-wrap all keyrings in `directory`.

    `also` moves what else is wrapped under the master key, before the old one goes. Raises KeyUnavailable,
    KeyDenied or Integrity when a keyring does not open (nothing is lost then; mend it and run again).
    """
    with locked(rotation_lock_path(directory), "The master key"):
        coming, going = next_path(path), previous_path(path)
        resumed = coming.exists() or going.exists()
        old_id = read_master_key(path).id
        if coming.exists() or not going.exists():
            if not coming.exists():
                write_master_key(coming, MasterKey(random(32)), random=random, step=step)
            old = FileKeyProvider(path, alone=True, random=random)
            new = FileKeyProvider(coming, alone=True, random=random)
            rewrap_all(directory, old, new, random=random, step=step)
            for rewrap in also:
                rewrap(old, new)
            step("all rewrapped")
            _switch(path, coming, going, step)
        else:
            old_id = read_master_key(going).id
        vault_ids = _see_all_open(directory, FileKeyProvider(path, alone=True))
        _destroy_old(path, coming, going, random)
        step("old destroyed")
        return MasterRotation(old_id.hex(), read_master_key(path).id.hex(), vault_ids, resumed)


def _switch(path: Path, coming: Path, going: Path, step: Step) -> None:
    """Keep the old key under its second name, then put the new one in its place: `path` is never absent."""
    try:
        with suppress(FileExistsError):
            os.link(path, going)
        sync_folder(os.path.abspath(path.parent))
        step("old kept aside")
        os.replace(coming, path)
        step("switched")
        sync_folder(os.path.abspath(path.parent))
        step("switch durable")
    except OSError as error:
        raise store_error(error, str(path)) from error


def _see_all_open(directory: Path, provider: KeyProvider) -> tuple[str, ...]:
    vault_ids = keyring_vault_ids(directory)
    failures: list[BackupdError] = []
    for vault_id in vault_ids:
        try:
            KeyringFile(directory, vault_id).load(provider)
        except BackupdError as error:
            failures.append(error)
    _raise_first(failures, len(vault_ids))
    return tuple(vault_ids)


def _destroy_old(path: Path, coming: Path, going: Path, random: Callable[[int], bytes]) -> None:
    for old in (going, *leftovers(path), *leftovers(coming)):
        with suppress(FileNotFoundError):
            if os.path.samefile(old, path):
                old.unlink()  # A second name of the key in use: overwriting it would destroy that.
            else:
                destroy_key_file(old, random=random)


def _raise_first(failures: Sequence[BackupdError], total: int) -> None:
    if not failures:
        return
    first = failures[0]
    raise type(first)(
        f"The old master key is still needed: {len(failures)} of {total} keyrings stay with it. {first.message}",
        hint=f"{first.hint} Mend or move away that keyring file, then run the rotation again.".strip(),
    )
