"""Packs: objects of many frames, each frame a compressed and sealed group of blobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from backupd.errors import Integrity
from backupd.vault.sealing import DataKeys, Extent, Kind, ObjectReader
from backupd.vault.stores.base import Store

BLOB_ID_BYTES = 32
TARGET_BYTES = 32 << 20
FRAME_BYTES = 512 << 10
MAX_PACK_BLOBS = 500_000
"""So many blobs close a pack however small they are: its directory has to stay within a frame's bound."""


class PackFrame(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One frame: where its sealed bytes lie and how many blobs it holds."""

    offset: int
    length: int
    blobs: int


class PackDirectory(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a pack holds, in order: frames, blob ids (32 bytes each, joined), blob lengths in bytes."""

    frames: list[PackFrame]
    ids: bytes
    lengths: list[int]


class PackRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A pack as indexes describe it: enough to open any of its blobs with one ranged read."""

    id: bytes
    key_version: int
    salt: bytes
    size: int
    directory: PackDirectory

    @property
    def name(self) -> str:
        """The pack's object name."""
        return pack_name(self.id)


class Location(NamedTuple):
    """Where one blob lies: pack, its seal, its frame, and the blob inside the frame's plain bytes."""

    pack: bytes
    key_version: int
    salt: bytes
    frame: int
    extent: Extent
    offset: int
    length: int


def pack_name(pack_id: bytes) -> str:
    """Return the object name of a pack."""
    digits = pack_id.hex()
    return f"packs/{digits[:2]}/{digits}"


def pack_id_of(name: str) -> bytes:
    """Return the pack id in an object name; raises Integrity for a name that is none."""
    try:
        pack_id = bytes.fromhex(name.rpartition("/")[2])
    except ValueError:
        pack_id = b""
    if len(pack_id) != 32 or pack_name(pack_id) != name:
        raise Integrity(f"{name} is not the name of a pack.")
    return pack_id


def locations(record: PackRecord) -> Iterator[tuple[bytes, Location]]:
    """Yield (blob id, location) of everything in the pack."""
    ids, lengths = record.directory.ids, record.directory.lengths
    position = 0
    for number, frame in enumerate(record.directory.frames):
        extent = Extent(frame.offset, frame.length)
        offset = 0
        for _ in range(frame.blobs):
            length = lengths[position]
            blob_id = ids[position * BLOB_ID_BYTES : (position + 1) * BLOB_ID_BYTES]
            yield (
                blob_id,
                Location(record.id, record.key_version, record.salt, number, extent, offset, length),
            )
            offset += length
            position += 1


def check_directory(directory: PackDirectory, name: str) -> None:
    """Raise Integrity if the parts of a directory contradict each other."""
    blobs = sum(frame.blobs for frame in directory.frames)
    if blobs != len(directory.lengths) or blobs * BLOB_ID_BYTES != len(directory.ids):
        raise Integrity(f"The directory of {name} contradicts itself.")


def read_record(store: Store, keys: DataKeys, name: str) -> PackRecord:
    """Read a pack's own directory: what rebuilds a lost index. Raises Integrity, ObjectNotFound."""
    reader = ObjectReader.load(store, keys, Kind.PACK, name)
    directory = msgspec.msgpack.decode(reader.directory, type=PackDirectory)
    check_directory(directory, name)
    return PackRecord(pack_id_of(name), reader.seal.key_version, reader.seal.salt, reader.size, directory)
