"""The escrow file: a keyring sealed to the public half of its recovery kit.

A fresh X25519 key agrees with the kit's public key; HKDF-SHA256 makes the AES-256-GCM key of this one seal.
Anybody can seal to a public key, so a recovered keyring proves itself only by opening the vault.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backupd.errors import Integrity, KeyDenied
from backupd.vault.keys import checked_json
from backupd.vault.keys.key_files import read_key_file
from backupd.vault.keys.keyring import DataKey, Keyring
from backupd.vault.keys.recovery_kit import RecoveryKit

FORMAT = 0

# Each seal has a key of its own, so the nonce never repeats under a key.
_NONCE = bytes(12)


class _Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    naming_key: bytes
    data_keys: dict[int, tuple[bytes, int]]


class EscrowDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the escrow file shows to everybody, and the sealed keyring."""

    format: int
    vault_id: str
    revision: int
    recovery_public_key: bytes
    one_time_public_key: bytes
    sealed: bytes


def seal_escrow(
    keyring: Keyring, revision: int, recovery_public_key: bytes, *, random: Callable[[int], bytes]
) -> bytes:
    """Return the bytes of the escrow file of `keyring`, as of `revision` of its keyring file."""
    one_time = X25519PrivateKey.from_private_bytes(random(32))
    shared = one_time.exchange(X25519PublicKey.from_public_bytes(recovery_public_key))
    shown = EscrowDocument(
        format=FORMAT,
        vault_id=keyring.vault_id,
        revision=revision,
        recovery_public_key=recovery_public_key,
        one_time_public_key=one_time.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        sealed=b"",
    )
    keys = _Keys(
        naming_key=keyring.naming_key,
        data_keys={version: (held.key, held.created_ms) for version, held in keyring.data_keys.items()},
    )
    sealed = _cipher(shared, shown).encrypt(_NONCE, msgspec.msgpack.encode(keys), _bound(shown))
    return checked_json.encode(msgspec.structs.replace(shown, sealed=sealed))


def read_escrow(path: Path) -> EscrowDocument:
    """Return the escrow file's content, still sealed.

    Raises KeyUnavailable (not there), KeyDenied (no permission), Integrity or UnsupportedFormat.
    """
    raw = read_key_file(path, "The escrow file")
    return checked_json.decode(raw, EscrowDocument, newest_format=FORMAT, place=f"The escrow file {path}")


def open_escrow(document: EscrowDocument, kit: RecoveryKit) -> Keyring:
    """Return the keyring; KeyDenied when it was sealed to another kit, Integrity when it was changed."""
    if kit.public_key != document.recovery_public_key:
        raise KeyDenied(
            f"This recovery kit does not belong to the escrow of vault {document.vault_id}.",
            hint="Use the newest kit of this organization; its page names the vault.",
        )
    shown = msgspec.structs.replace(document, sealed=b"")
    try:
        shared = kit.private_key.exchange(X25519PublicKey.from_public_bytes(document.one_time_public_key))
        plain = _cipher(shared, shown).decrypt(_NONCE, document.sealed, _bound(shown))
        keys = msgspec.msgpack.decode(plain, type=_Keys)
        data_keys = {version: DataKey(*held) for version, held in keys.data_keys.items()}
        return Keyring(document.vault_id, keys.naming_key, data_keys)
    except (InvalidTag, ValueError, msgspec.DecodeError):
        raise Integrity(
            f"The escrow of vault {document.vault_id} failed authentication: it was changed or damaged.",
            hint="Bring back an intact copy of the escrow file.",
        ) from None


def _bound(shown: EscrowDocument) -> bytes:
    return b"backupd escrow:" + msgspec.json.encode(shown)


def _cipher(shared: bytes, shown: EscrowDocument) -> AESGCM:
    salt = shown.one_time_public_key + shown.recovery_public_key
    return AESGCM(HKDF(SHA256(), 32, salt, b"backupd escrow " + shown.vault_id.encode()).derive(shared))
