"""Sealed objects: the one container format of everything a vault stores.

    header | frame 0 | frame 1 | ... | sealed directory | trailer

Each object has a key of its own, derived by HKDF from a data key, the object's kind and a random salt. A frame's
nonce is its number, so no (key, nonce) pair is ever used twice: one seal attempt is one salt. The additional data of
every frame binds format version, vault, kind, full object name, key version and frame number: an object read under
another name, or a frame at another place, does not open.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, Protocol

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backupd.errors import Integrity, UnsupportedFormat, UsageError
from backupd.vault.padding import padme
from backupd.vault.stores.base import ObjectNotFound, ObjectTruncated, Store

FORMAT = 0
SALT_BYTES = 32
TAG_BYTES = 16
DIRECTORY_FRAME = 0xFFFF_FFFF
MAX_FRAME_PLAIN_BYTES = 64 << 20
TAIL_READ_BYTES = 64 << 10
LOADS_AT_MOST = 3
"""How often an object is read when what was read does not fit together: it may be replaced meanwhile."""

_HEADER = struct.Struct("<4sHBBI32s")
_TRAILER = struct.Struct("<I4s")
_LENGTH = struct.Struct("<I")
_MAGIC = b"BKPD"
_TAIL_MAGIC = b"DPKB"
HEADER_BYTES = _HEADER.size
TRAILER_BYTES = _TRAILER.size


class Kind(enum.IntEnum):
    """What a sealed object is; part of its key and of every frame's additional data."""

    PACK = 1
    INDEX = 2
    SNAPSHOT = 3
    BASE = 4
    CONDEMNED = 5
    RECORD = 6


class DataKeys(Protocol):
    """The keys sealing needs; `backupd.vault.keys.keyring.Keyring` is one."""

    @property
    def vault_id(self) -> str:
        """The vault these keys belong to (32 hex digits)."""

    @property
    def current_version(self) -> int:
        """The data key version that new objects are sealed with."""

    @property
    def naming_key(self) -> bytes:
        """The 32-byte key of blob ids and stream names."""

    def data_key(self, version: int) -> bytes:
        """Return a 32-byte data key; raises KeyDenied for a version the keyring does not hold."""


class Extent(NamedTuple):
    """Where a sealed frame lies in its object, in bytes."""

    offset: int
    length: int


class ObjectSeal:
    """Key and additional data of one sealed object; seals and opens its frames."""

    def __init__(self, keys: DataKeys, kind: Kind, name: str, key_version: int, salt: bytes) -> None:
        self.kind = kind
        self.name = name
        self.key_version = key_version
        self.salt = salt
        info = b"backupd sealed object %d %d" % (FORMAT, kind)
        derived = HKDF(SHA256(), 32, salt, info).derive(keys.data_key(key_version))
        self._cipher = AESGCM(derived)
        self._bound = f"backupd:{FORMAT}:{keys.vault_id}:{int(kind)}:{name}:{key_version}:".encode()

    def seal(self, number: int, plain: bytes) -> bytes:
        """Return the sealed frame; each number is used once per object."""
        return self._cipher.encrypt(number.to_bytes(12, "big"), plain, self._bound + b"%d" % number)

    def open(self, number: int, sealed: bytes) -> bytes:
        """Return the frame's plain bytes; raises Integrity when they are not the ones sealed here."""
        try:
            return self._cipher.decrypt(number.to_bytes(12, "big"), sealed, self._bound + b"%d" % number)
        except InvalidTag:
            raise Integrity(
                f"The object {self.name} failed authentication: it was changed, swapped or damaged."
            ) from None

    def header(self) -> bytes:
        """Return the object's first bytes."""
        return _HEADER.pack(_MAGIC, FORMAT, self.kind, 0, self.key_version, self.salt)


def parse_header(keys: DataKeys, kind: Kind, name: str, header: bytes) -> ObjectSeal:
    """Return the seal of an existing object from its header; raises Integrity, UnsupportedFormat, KeyDenied."""
    if len(header) < HEADER_BYTES:
        raise Integrity(f"The object {name} is truncated.")
    magic, version, found_kind, flags, key_version, salt = _HEADER.unpack_from(header)
    if magic != _MAGIC:
        raise Integrity(f"The object {name} is not a sealed object of a vault, or its start is damaged.")
    if version > FORMAT:
        raise UnsupportedFormat(
            f"The object {name} says format {version}; this program reads up to {FORMAT}.",
            hint="Upgrade backupd. If the vault itself is of a readable format, the object is damaged: run check.",
        )
    if version != FORMAT or flags or found_kind != kind:
        raise Integrity(f"The object {name} is of another kind than its name says, or its start is damaged.")
    return ObjectSeal(keys, kind, name, key_version, salt)


class ObjectWriter:
    """Writes one sealed object, frame by frame, into a file."""

    def __init__(self, keys: DataKeys, kind: Kind, name: str, salt: bytes, out: BinaryIO) -> None:
        self.seal = ObjectSeal(keys, kind, name, keys.current_version, salt)
        self._out = out
        self._frames = 0
        out.write(self.seal.header())
        self.size = HEADER_BYTES

    def add_frame(self, plain: bytes) -> Extent:
        """Seal and write the next frame; return where it lies."""
        sealed = self.seal.seal(self._frames, plain)
        extent = Extent(self.size, len(sealed))
        self._out.write(sealed)
        self._frames += 1
        self.size += len(sealed)
        return extent

    def finish(self, directory: bytes) -> bytes:
        """Write the sealed, padded directory and the trailer; return the object's identity (32 bytes).

        The identity is a hash over header, sealed directory and trailer. A frame of another seal attempt cannot
        open beside this header, so the identity stands for the whole object.
        """
        check_frame_size(directory, self.seal.name)
        packed = zstandard.ZstdCompressor(level=3).compress(directory)
        unpadded = self.size + _LENGTH.size + len(packed) + TAG_BYTES + TRAILER_BYTES
        padding = bytes(padme(unpadded) - unpadded)
        sealed = self.seal.seal(DIRECTORY_FRAME, _LENGTH.pack(len(packed)) + packed + padding)
        trailer = _TRAILER.pack(len(sealed), _TAIL_MAGIC)
        self._out.write(sealed)
        self._out.write(trailer)
        self.size += len(sealed) + len(trailer)
        return blake3(self.seal.header() + sealed + trailer).digest()


class ObjectReader:
    """An opened sealed object: its directory is authenticated, its frames are read on demand."""

    def __init__(
        self, store: Store, seal: ObjectSeal, directory: bytes, identity: bytes, size: int, head: bytes
    ) -> None:
        self._store = store
        self._head = head
        self.seal = seal
        self.directory = directory
        self.identity = identity
        self.size = size

    @classmethod
    def load(cls, store: Store, keys: DataKeys, kind: Kind, name: str) -> ObjectReader:
        """Open the object `name`: one listing-free size, one or two ranged reads."""
        for _ in range(LOADS_AT_MOST - 1):
            try:
                return cls._load_once(store, keys, kind, name)
            except Integrity:
                continue  # Expired, purged or put anew between two of the reads? Damage stays damage.
        return cls._load_once(store, keys, kind, name)

    @classmethod
    def _load_once(cls, store: Store, keys: DataKeys, kind: Kind, name: str) -> ObjectReader:
        size = store.size(name)
        if size < HEADER_BYTES + TAG_BYTES + TRAILER_BYTES:
            raise Integrity(f"The object {name} is truncated.")
        start = max(0, size - TAIL_READ_BYTES)
        tail = store.read(name, start, size - start)
        header = tail[:HEADER_BYTES] if start == 0 else store.read(name, 0, HEADER_BYTES)
        seal = parse_header(keys, kind, name, header)
        length, magic = _TRAILER.unpack_from(tail, len(tail) - TRAILER_BYTES)
        directory_start = size - TRAILER_BYTES - length
        if magic != _TAIL_MAGIC or directory_start < HEADER_BYTES:
            raise Integrity(f"The object {name} is truncated or its end is damaged.")
        if directory_start < start:
            tail = store.read(name, directory_start, size - directory_start)
            start = directory_start
        end = tail[directory_start - start :]
        directory = _open_directory(seal, end[:-TRAILER_BYTES])
        identity = blake3(header + end).digest()
        return cls(store, seal, directory, identity, size, tail if start == 0 else b"")

    def frame(self, number: int, extent: Extent) -> bytes:
        """Return the plain bytes of one frame."""
        offset, length = extent
        if self._head:
            return self.seal.open(number, self._head[offset : offset + length])
        return self.seal.open(number, self._store.read(self.seal.name, offset, length))

    def was_replaced(self) -> bool:
        """Return whether the store now holds another object under this name, or none (every seal has its own salt)."""
        try:
            return self._store.read(self.seal.name, 0, HEADER_BYTES) != self.seal.header()
        except (ObjectNotFound, ObjectTruncated):
            return True


def _open_directory(seal: ObjectSeal, sealed: bytes) -> bytes:
    plain = seal.open(DIRECTORY_FRAME, sealed)
    (length,) = _LENGTH.unpack_from(plain)
    return expand(plain[_LENGTH.size : _LENGTH.size + length], seal.name)


def check_frame_size(plain: bytes, name: str) -> None:
    """Raise UsageError before anything is written that no reader would accept."""
    if len(plain) > MAX_FRAME_PLAIN_BYTES:
        raise UsageError(
            f"{len(plain)} bytes of metadata in {name} are more than the format allows in one frame."
        )


def expand(packed: bytes, name: str) -> bytes:
    """Decompress an authenticated frame; a size beyond the format's bound is refused."""
    try:
        # The library's own bound does not hold for frames that say their size.
        if zstandard.frame_content_size(packed) > MAX_FRAME_PLAIN_BYTES:
            raise Integrity(f"The object {name} holds a frame that is larger than the format allows.")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_FRAME_PLAIN_BYTES)
    except zstandard.ZstdError as error:
        raise Integrity(f"The object {name} holds a frame that does not decompress: {error}.") from None


RandomBytes = Callable[[int], bytes]
"""A source of random bytes; `os.urandom` outside tests."""
