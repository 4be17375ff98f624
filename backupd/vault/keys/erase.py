"""Crypto-erase: one organization's vault is made unreadable for ever by destroying its keys."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from backupd.errors import BackupdError, NotFound
from backupd.vault.keys import checked_json
from backupd.vault.keys.key_files import destroy_key_file, leftovers, write_key_file
from backupd.vault.keys.keyring_file import KeyringFile
from backupd.vault.stores.durable import Step, no_step

FORMAT = 0

NOT_PROVEN = (
    "Copies of the keyring file made elsewhere (backups, file system snapshots): with the master key they open.",
    "Copies of the escrow file made elsewhere: with the recovery kit they open. Destroy the kit's page.",
    "Copies of the master key file: it is shared by all organizations and was not destroyed.",
    "Remnants on the storage medium: journals, copy-on-write file systems and flash disks keep older blocks.",
    "Keys in memory, swap or dumps of processes that had the vault open: end those processes.",
    "Data that left the vault before: exports, restores, and plain copies made of them.",
)


class EraseRefused(BackupdError):
    """The organization is under a legal hold; its keys may not be destroyed."""

    exit_code = 10


class DestroyedFile(msgspec.Struct, frozen=True):
    """One file that is overwritten and removed; the hash tells a surviving copy from another file."""

    name: str
    what: str
    size_bytes: int
    sha256: str


class EraseReceipt(msgspec.Struct, frozen=True):
    """What was destroyed, and what cannot be proven. While `complete` is false the erase has only begun."""

    format: int
    vault_id: str
    erased_ms: int
    complete: bool
    data_key_versions: tuple[int, ...]
    destroyed: tuple[DestroyedFile, ...]
    not_proven: tuple[str, ...] = NOT_PROVEN


def erase_keys(
    directory: Path,
    vault_id: str,
    *,
    held: Callable[[], bool],
    clock: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = os.urandom,
    step: Step = no_step,
) -> EraseReceipt:
    """Destroy the wrapped keys and the escrow of one vault; return the receipt, which also stays beside.

    `held` says whether a legal hold forbids it: then EraseRefused, and nothing is touched. (If it cannot tell,
    it raises, and nothing is touched either.) From the first write on the keys are refused to everybody, so a
    hold can be neither made nor read: an erase that was interrupted is finished by running it again, without asking
    `held` again, and one that is complete gives its receipt again.
    """
    file = KeyringFile(directory, vault_id)
    with file.exclusive():
        earlier = read_receipt(directory, vault_id)
        if earlier is None and held():
            raise EraseRefused(
                f"The vault {vault_id} is under a legal hold; its keys may not be destroyed.",
                hint="Lift the hold first.",
            )
        receipt = _planned(file, earlier, int(clock() * 1000))
        if receipt.complete:
            return receipt
        _write_receipt(file, receipt, random)
        step("begun")
        for path, what in _key_files(file):
            with suppress(FileNotFoundError):
                destroy_key_file(path, random=random)
            step(f"destroyed {what}")
        receipt = msgspec.structs.replace(receipt, complete=True)
        _write_receipt(file, receipt, random)
        step("complete")
        return receipt


def read_receipt(directory: Path, vault_id: str) -> EraseReceipt | None:
    """Return the receipt of an erased vault, None where none was begun; raises Integrity when it is damaged."""
    path = KeyringFile(directory, vault_id).erased_path
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    return checked_json.decode(raw, EraseReceipt, newest_format=FORMAT, place=f"The receipt {path}")


def _planned(file: KeyringFile, earlier: EraseReceipt | None, now_ms: int) -> EraseReceipt:
    """Return the receipt of an erase begun earlier, or a new one; either lists all there is to destroy."""
    listed = {gone.name: gone for gone in earlier.destroyed} if earlier is not None else {}
    for path, what in _key_files(file):
        with suppress(FileNotFoundError):
            data = path.read_bytes()
            listed.setdefault(
                path.name, DestroyedFile(path.name, what, len(data), hashlib.sha256(data).hexdigest())
            )
    destroyed = tuple(listed.values())
    if earlier is not None:
        return msgspec.structs.replace(earlier, destroyed=destroyed)
    if not destroyed:
        raise NotFound(f"There are no keys of vault {file.vault_id} in {file.directory}.")
    try:
        versions = tuple(file.describe().versions)
    except BackupdError:
        versions = ()  # A keyring that cannot be read is destroyed all the same.
    return EraseReceipt(FORMAT, file.vault_id, now_ms, False, versions, destroyed)


def _key_files(file: KeyringFile) -> list[tuple[Path, str]]:
    listed = [(file.path, "wrapped keys"), (file.escrow_path, "escrow")]
    listed += [(path, "unfinished copy of wrapped keys") for path in leftovers(file.path)]
    return listed + [(path, "unfinished copy of the escrow") for path in leftovers(file.escrow_path)]


def _write_receipt(file: KeyringFile, receipt: EraseReceipt, random: Callable[[int], bytes]) -> None:
    write_key_file(file.erased_path, checked_json.encode(receipt), replace=True, random=random)
