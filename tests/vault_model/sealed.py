"""Sealed objects made by hand, and the errors that a damaged one may raise."""

from __future__ import annotations

import io
from collections.abc import Sequence

from backupd.errors import BackupdError, Integrity, KeyDenied, UnsupportedFormat
from backupd.vault.keys.keyring import Keyring
from backupd.vault.sealing import Extent, Kind, ObjectReader, ObjectWriter
from backupd.vault.stores.memory import MemoryStore

DAMAGE: tuple[type[BackupdError], ...] = (Integrity, UnsupportedFormat, KeyDenied)
"""What reading may raise when stored bytes are not what was written."""


class SealedObject:
    """One sealed object: its bytes, and where its frames lie."""

    def __init__(
        self,
        keys: Keyring,
        kind: Kind,
        name: str,
        frames: Sequence[bytes] = (),
        directory: bytes = b"directory",
        salt: bytes = bytes(32),
    ) -> None:
        out = io.BytesIO()
        writer = ObjectWriter(keys, kind, name, salt, out)
        self.name = name
        self.kind = kind
        self.frames = list(frames)
        self.extents: list[Extent] = [writer.add_frame(frame) for frame in frames]
        self.identity = writer.finish(directory)
        self.data = out.getvalue()


def read_all(keys: Keyring, kind: Kind, name: str, data: bytes, extents: Sequence[Extent]) -> list[bytes]:
    """Return directory and frames of an object that a store holds under `name`."""
    store = MemoryStore()
    store.create(name, data)
    reader = ObjectReader.load(store, keys, kind, name)
    return [reader.directory, *(reader.frame(number, extent) for number, extent in enumerate(extents))]
