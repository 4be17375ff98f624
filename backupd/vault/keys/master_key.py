"""The master key of an installation, and the small text file it lives in."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from backupd.errors import Integrity, UsageError
from backupd.vault.keys.key_files import read_key_file, write_key_file
from backupd.vault.keys.keyring import KEY_BYTES
from backupd.vault.stores.durable import Step, no_step

ID_BYTES = 8

_HEAD = "backupd master key, format 0"
_FILE = re.compile(r"backupd master key, format 0\n(?:#[^\n]*\n)*id: ([0-9a-f]{16})\nkey: ([0-9a-f]{64})\n?")
_COMMENTS = (
    "# Whoever has this file and the keyring files can read every backup of this installation.",
    "# Without it (and without the recovery kits) nobody can. Keep a copy in another place.",
)


class MasterKey:
    """32 secret bytes and the public id that tells master keys apart."""

    __slots__ = ("id", "key")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a master key has 32 bytes")
        self.key = key
        self.id = HKDFExpand(SHA256(), ID_BYTES, b"backupd master key id").derive(key)

    def __repr__(self) -> str:
        """Name the id, never the key."""
        return f"<MasterKey {self.id.hex()}>"


def read_master_key(path: Path) -> MasterKey:
    """Return the master key in the file at `path`; raises KeyUnavailable, KeyDenied or Integrity."""
    raw = read_key_file(path, "The master key file")
    try:
        found = _FILE.fullmatch(raw.decode("ascii").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        found = None
    if found is None:
        raise Integrity(
            f"{path} is not a master key file, or it is damaged.", hint="Bring back an intact copy."
        )
    key = MasterKey(bytes.fromhex(found[2]))
    if not hmac.compare_digest(key.id.hex(), found[1]):
        raise Integrity(
            f"The master key file {path} is damaged: key and id differ.", hint="Bring back an intact copy."
        )
    return key


def write_master_key(
    path: Path, key: MasterKey, *, random: Callable[[int], bytes], step: Step = no_step
) -> None:
    """Make a new master key file, mode 0600; raises UsageError where there is one already."""
    lines = (_HEAD, *_COMMENTS, f"id: {key.id.hex()}", f"key: {key.key.hex()}", "")
    try:
        write_key_file(path, "\n".join(lines).encode(), replace=False, random=random, step=step)
    except FileExistsError:
        raise UsageError(
            f"There is already a master key file {path}.", hint="It is never overwritten."
        ) from None
