"""Keyed names: everything derived from the naming key, which changes only by a full vault copy.

No plain hash and no plain name leaves the sealed area: blob ids, digests and stream names are keyed.
"""

from __future__ import annotations

from blake3 import blake3
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


class Names:
    """The keyed functions of one vault."""

    def __init__(self, naming_key: bytes) -> None:
        self.blob_key = _derive(naming_key, b"blob ids")
        self.cache_key = _derive(naming_key, b"index cache")
        self.format_key = _derive(naming_key, b"format object")
        self._name_key = _derive(naming_key, b"stream and record names")
        # FastCDC takes a 64-bit seed and shifts it left once.
        self.chunk_seed = int.from_bytes(_derive(naming_key, b"chunk boundaries")[:8], "big") >> 2

    def blob_id(self, data: bytes) -> bytes:
        """Return the 32-byte id of a blob. The digest of an item's content is the same function of all its bytes."""
        return blake3(data, key=self.blob_key).digest()

    def name(self, kind: str, plain: str) -> str:
        """Return the keyed stand-in (32 hex digits) of a plain name in the store."""
        return blake3(f"{kind}\0{plain}".encode(), key=self._name_key).hexdigest(16)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, b"backupd naming: " + purpose).derive(key)
