"""The key provider of small installations: a master key in a local file."""

from __future__ import annotations

import logging
import os
import stat
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from backupd.errors import Integrity, KeyDenied, KeyUnavailable
from backupd.vault.keys.master_key import ID_BYTES, MasterKey, read_master_key, write_master_key
from backupd.vault.keys.provider import context_bytes

_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER = struct.Struct(f"<B{ID_BYTES}s")
_WRAP_FORMAT = 0


class FileKeyProvider:
    """Wraps under the master key in the file `path` (see `master_key` for its format).

    The file is read at each use, so a rotation by another process is seen. While a rotation is under way the
    next or previous master key lies beside the file; unwrapping tries them too, unless `alone`. Wrapping
    uses `path` only.
    """

    kind = "file"

    def __init__(
        self, path: Path, *, alone: bool = False, random: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.path = path
        self._candidates = (path,) if alone else (path, next_path(path), previous_path(path))
        self._random = random
        self._warned = False

    @classmethod
    def create(cls, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> FileKeyProvider:
        """Make a new master key file and return its provider; raises UsageError where there is one already."""
        write_master_key(path, MasterKey(random(32)), random=random)
        return cls(path, random=random)

    def wrap(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """Return `plain` sealed under the master key in the file."""
        self._warn_once()
        master = read_master_key(self.path)
        header = _HEADER.pack(_WRAP_FORMAT, master.id)
        nonce = self._random(_NONCE_BYTES)
        return header + nonce + _cipher(master).encrypt(nonce, plain, header + context_bytes(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return what was wrapped under this context, by the present, next or previous master key."""
        self._warn_once()
        if len(wrapped) < _HEADER.size + _NONCE_BYTES + _TAG_BYTES:
            raise Integrity("A wrapped key is truncated.", hint="Bring back an intact keyring file.")
        header, rest = wrapped[: _HEADER.size], wrapped[_HEADER.size :]
        wrap_format, master_id = _HEADER.unpack(header)
        if wrap_format != _WRAP_FORMAT:
            raise Integrity("A wrapped key begins with an unknown format number.")
        cipher = _cipher(self._master(master_id))
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], header + context_bytes(context))
        except InvalidTag:
            raise Integrity(
                f"A wrapped key failed authentication ({', '.join(f'{k} {v}' for k, v in context.items())}): "
                "it was changed or belongs elsewhere.",
                hint="Bring back an intact keyring file.",
            ) from None

    def master_key_id(self) -> str:
        """Return the public id (16 hex digits) of the master key in the file."""
        return read_master_key(self.path).id.hex()

    def exposure(self) -> str:
        """Return a sentence about who else may read the master key file; empty when nobody may."""
        try:
            mode = stat.S_IMODE(self.path.stat().st_mode)
        except OSError:
            return ""
        if not mode & 0o077:
            return ""
        return f"The master key file {self.path} is open to other users (mode {mode:04o}); run: chmod 600 {self.path}"

    def _warn_once(self) -> None:
        if not self._warned:
            self._warned = True
            if sentence := self.exposure():
                logging.getLogger(__name__).warning(sentence)

    def _master(self, wanted_id: bytes) -> MasterKey:
        """Return the master key of that id from the file or from its neighbours in a rotation."""
        # Twice: a key may move from one name to another while the names are gone through.
        return self._search(wanted_id) or self._search(wanted_id) or self._refuse(wanted_id)

    def _search(self, wanted_id: bytes) -> MasterKey | None:
        missing: KeyUnavailable | None = None
        for path in self._candidates:
            try:
                master = read_master_key(path)
            except KeyUnavailable as error:
                missing = error if path == self.path else missing
                continue
            if master.id == wanted_id:
                return master
        if missing is not None:
            raise missing
        return None

    def _refuse(self, wanted_id: bytes) -> NoReturn:
        raise KeyDenied(
            f"The keys were wrapped by the master key {wanted_id.hex()}; {self.path} holds another one.",
            hint="Use the right master key file, or recover with the recovery kit.",
        )


def next_path(path: Path) -> Path:
    """Return where a rotation keeps the master key that is to come."""
    return path.with_name(path.name + ".next")


def previous_path(path: Path) -> Path:
    """Return where a rotation keeps the old master key until every keyring has left it."""
    return path.with_name(path.name + ".previous")


def _cipher(master: MasterKey) -> AESGCM:
    return AESGCM(HKDFExpand(SHA256(), 32, b"backupd key wrapping").derive(master.key))
