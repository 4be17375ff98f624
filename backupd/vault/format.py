"""The `format` object: the only plain one. Says what the vault is, and is authenticated by the naming key."""

from __future__ import annotations

import hmac

import msgspec
from blake3 import blake3

from backupd.errors import Integrity, KeyDenied, NotFound, UnsupportedFormat
from backupd.vault.naming import Names
from backupd.vault.sealing import FORMAT
from backupd.vault.stores.base import ObjectNotFound, Store

NAME = "format"
_WHAT = "backupd vault"
SLICE_LIMIT_S = 600
"""How old a slice may be when it commits, by the store's clock. A sweep waits at least twice as long."""


class VaultFormat(msgspec.Struct, frozen=True):
    """What every reader must know before it reads anything else."""

    what: str
    format: int
    vault: str
    created_ms: int
    slice_limit_s: int
    seal: str = ""


def write_format(store: Store, names: Names, vault_id: str, created_ms: int) -> VaultFormat:
    """Create the format object; raises ObjectExists if there is a vault already."""
    plain = VaultFormat(_WHAT, FORMAT, vault_id, created_ms, SLICE_LIMIT_S)
    sealed = msgspec.structs.replace(plain, seal=_seal(names, plain))
    store.create(NAME, msgspec.json.encode(sealed) + b"\n")
    return sealed


def read_format(store: Store, names: Names, vault_id: str) -> VaultFormat:
    """Read and authenticate the format object; raises NotFound, UnsupportedFormat, KeyDenied, Integrity."""
    try:
        data = store.get(NAME)
    except ObjectNotFound:
        if any(next(iter(store.list(prefix)), None) for prefix in ("packs/", "snapshots/")):
            raise Integrity("The vault's format object is missing, but its data is there.") from None
        raise NotFound(
            "There is no vault in this place.", hint="Check the path or bucket of the vault."
        ) from None
    try:
        found = msgspec.json.decode(data, type=VaultFormat)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Integrity("The vault's format object is damaged.") from None
    if found.what != _WHAT or msgspec.json.encode(found) + b"\n" != data:
        raise Integrity("The vault's format object is damaged.")
    if found.format > FORMAT:
        raise UnsupportedFormat(
            f"The vault is of format {found.format}; this program reads up to {FORMAT}.",
            hint="Upgrade backupd on this machine; nothing was changed.",
        )
    if found.vault != vault_id:
        raise KeyDenied(
            "These keys belong to another vault.", hint="Check the key folder and the vault's place."
        )
    if not hmac.compare_digest(found.seal, _seal(names, msgspec.structs.replace(found, seal=""))):
        raise Integrity(
            "The vault's format object does not match its keys: it was changed, or the keys are wrong."
        )
    return found


def _seal(names: Names, plain: VaultFormat) -> str:
    return blake3(msgspec.json.encode(plain), key=names.format_key).hexdigest()
