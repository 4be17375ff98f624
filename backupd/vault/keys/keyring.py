"""The unwrapped keys of one organization, in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from backupd.errors import KeyDenied

KEY_BYTES = 32

_VAULT_ID = re.compile(r"[0-9a-f]{32}")


class DataKey(NamedTuple):
    """One version of the data key: 32 bytes, and when it was made (Unix milliseconds)."""

    key: bytes
    created_ms: int


class Keyring:
    """The naming key and every version of the data key. Immutable; never printed, never pickled."""

    __slots__ = ("_data_keys", "_naming_key", "_vault_id")

    def __init__(self, vault_id: str, naming_key: bytes, data_keys: Mapping[int, DataKey]) -> None:
        check_vault_id(vault_id)
        if len(naming_key) != KEY_BYTES or not data_keys:
            raise ValueError("a keyring has a naming key of 32 bytes and at least one data key")
        if any(version < 1 or len(data_key.key) != KEY_BYTES for version, data_key in data_keys.items()):
            raise ValueError("data keys have 32 bytes and versions from 1")
        self._vault_id = vault_id
        self._naming_key = naming_key
        self._data_keys = dict(sorted(data_keys.items()))

    @classmethod
    def generate(cls, vault_id: str, *, random: Callable[[int], bytes], now_ms: int) -> Keyring:
        """Return a new organization's keys: a naming key and data key version 1."""
        return cls(vault_id, random(KEY_BYTES), {1: DataKey(random(KEY_BYTES), now_ms)})

    @property
    def vault_id(self) -> str:
        """The vault these keys belong to (32 hex digits)."""
        return self._vault_id

    @property
    def naming_key(self) -> bytes:
        """The 32-byte key of blob ids and stream names; it changes only by a full vault copy."""
        return self._naming_key

    @property
    def current_version(self) -> int:
        """The data key version that new objects are sealed with."""
        return max(self._data_keys)

    @property
    def data_keys(self) -> Mapping[int, DataKey]:
        """Every data key by version, ascending."""
        return dict(self._data_keys)

    def data_key(self, version: int) -> bytes:
        """Return the 32-byte data key of that version; KeyDenied where the keyring does not hold it."""
        try:
            return self._data_keys[version].key
        except KeyError:
            raise KeyDenied(
                f"The keyring of vault {self._vault_id} holds no data key of version {version}.",
                hint="If the key was rotated elsewhere, load the newest keyring file.",
            ) from None

    def with_new_data_key(self, *, random: Callable[[int], bytes], now_ms: int) -> Keyring:
        """Return this keyring with one more data key version, which becomes the current one."""
        added = {self.current_version + 1: DataKey(random(KEY_BYTES), now_ms)}
        return Keyring(self._vault_id, self._naming_key, self._data_keys | added)

    def __eq__(self, other: object) -> bool:
        """Say whether both hold the same keys of the same vault."""
        if not isinstance(other, Keyring):
            return NotImplemented
        return (self._vault_id, self._naming_key, self._data_keys) == (
            other._vault_id,
            other._naming_key,
            other._data_keys,
        )

    def __hash__(self) -> int:
        """Hash by vault and version only: a hash of keys would be a trace of them."""
        return hash((self._vault_id, self.current_version))

    def __repr__(self) -> str:
        """Name the vault and the version, never a key."""
        return f"<Keyring of vault {self._vault_id}, data key version {self.current_version}>"

    def __reduce__(self) -> str:
        """Refuse to be pickled: keys do not travel between processes or to disk unwrapped."""
        raise TypeError("a keyring is never pickled")


def new_vault_id(random: Callable[[int], bytes]) -> str:
    """Return a random vault id, 32 hex digits."""
    return random(16).hex()


def check_vault_id(vault_id: str) -> None:
    """Raise ValueError unless `vault_id` is 32 lower-case hex digits."""
    if not _VAULT_ID.fullmatch(vault_id):
        raise ValueError(f"{vault_id[:64]!r} is not a vault id (32 hex digits)")
