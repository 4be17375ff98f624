"""The keyring file's format: every key wrapped by the provider, the whole authenticated under the naming key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from backupd.errors import Integrity, KeyDenied
from backupd.vault.keys import checked_json
from backupd.vault.keys.keyring import DataKey, Keyring
from backupd.vault.keys.provider import KeyProvider

FORMAT = 0


class WrappedDataKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the data key as the file holds it."""

    version: int
    created_ms: int
    wrapped: bytes


class WrappedKeyring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keyring file's content.

    `revision` counts the changes of keys and kit (re-wrapping is none). `seal` authenticates everything else, so
    that nobody without the keys can, say, put a recovery key of his own in here.
    """

    format: int
    vault_id: str
    provider: str
    revision: int
    recovery_public_key: bytes
    naming_key: bytes
    data_keys: tuple[WrappedDataKey, ...]
    seal: bytes


def wrap_keyring(
    keyring: Keyring, provider: KeyProvider, *, revision: int, recovery_public_key: bytes
) -> WrappedKeyring:
    """Return the keyring wrapped by `provider`."""
    vault_id = keyring.vault_id
    unsealed = WrappedKeyring(
        format=FORMAT,
        vault_id=vault_id,
        provider=provider.kind,
        revision=revision,
        recovery_public_key=recovery_public_key,
        naming_key=provider.wrap(keyring.naming_key, _context(vault_id, "naming key", 0)),
        data_keys=tuple(
            WrappedDataKey(
                version=version,
                created_ms=held.created_ms,
                wrapped=provider.wrap(held.key, _context(vault_id, "data key", version)),
            )
            for version, held in keyring.data_keys.items()
        ),
        seal=b"",
    )
    return msgspec.structs.replace(unsealed, seal=_seal(unsealed, keyring.naming_key))


def unwrap_keyring(document: WrappedKeyring, provider: KeyProvider) -> Keyring:
    """Return the keyring; raises KeyUnavailable, KeyDenied (another provider or master key) or Integrity."""
    vault_id = document.vault_id
    if document.provider != provider.kind:
        raise KeyDenied(
            f"The keys of vault {vault_id} are wrapped by the provider {document.provider!r}, not {provider.kind!r}.",
            hint="Configure the provider that wrapped them.",
        )
    naming_key = provider.unwrap(document.naming_key, _context(vault_id, "naming key", 0))
    unsealed = msgspec.structs.replace(document, seal=b"")
    if not hmac.compare_digest(document.seal, _seal(unsealed, naming_key)):
        raise Integrity(
            f"The keyring file of vault {vault_id} failed authentication: it was changed.",
            hint="Bring back an intact copy.",
        )
    data_keys = {
        held.version: DataKey(
            provider.unwrap(held.wrapped, _context(vault_id, "data key", held.version)), held.created_ms
        )
        for held in document.data_keys
    }
    return Keyring(vault_id, naming_key, data_keys)


def encode_keyring(document: WrappedKeyring) -> bytes:
    """Return the file's bytes."""
    return checked_json.encode(document)


def decode_keyring(raw: bytes, vault_id: str, place: str) -> WrappedKeyring:
    """Return the content of the keyring file of that vault; raises Integrity or UnsupportedFormat."""
    document = checked_json.decode(raw, WrappedKeyring, newest_format=FORMAT, place=place)
    if document.vault_id != vault_id:
        raise Integrity(
            f"{place} belongs to the vault {document.vault_id}.", hint="Bring back the right file."
        )
    return document


def _context(vault_id: str, purpose: str, version: int) -> Mapping[str, str]:
    return {"vault": vault_id, "purpose": purpose, "version": str(version)}


def _seal(unsealed: WrappedKeyring, naming_key: bytes) -> bytes:
    key = HKDFExpand(SHA256(), 32, b"backupd keyring file seal").derive(naming_key)
    return hmac.digest(key, msgspec.json.encode(unsealed), "sha256")
