"""Condemned lists: the packs a prune means to delete, named before anything moves.

Every slice reads the newest list first and treats what those packs hold as missing. Generations count up and are
never reused, so a cache that saw another generation knows that it must look again.
"""

from __future__ import annotations

import io

import msgspec

from backupd.errors import Integrity
from backupd.vault.sealing import SALT_BYTES, DataKeys, Kind, ObjectReader, ObjectWriter, RandomBytes
from backupd.vault.stores.base import Store

PREFIX = "condemned/"


class CondemnedList(msgspec.Struct, array_like=True, frozen=True):
    """One generation: `condemned_ms` is the store's clock when it was written, `packs` are pack ids."""

    generation: int
    condemned_ms: int
    packs: list[bytes]


NOTHING = CondemnedList(0, 0, [])


def newest_generation(store: Store) -> int:
    """Return the newest generation's number (0: there is none)."""
    newest = 0
    for info in store.list(PREFIX):
        newest = max(newest, _generation_of(info.name))
    return newest


def read_condemned(store: Store, keys: DataKeys, generation: int) -> CondemnedList:
    """Return one generation's list (0: the empty one)."""
    if generation == 0:
        return NOTHING
    name = condemned_name(generation)
    reader = ObjectReader.load(store, keys, Kind.CONDEMNED, name)
    found = msgspec.msgpack.decode(reader.directory, type=CondemnedList)
    if found.generation != generation:
        raise Integrity(f"The condemned list {name} is another one than its name says.")
    return found


def write_condemned(store: Store, keys: DataKeys, listed: CondemnedList, random: RandomBytes) -> None:
    """Create a generation; raises ObjectExists when another prune was first."""
    name = condemned_name(listed.generation)
    out = io.BytesIO()
    writer = ObjectWriter(keys, Kind.CONDEMNED, name, random(SALT_BYTES), out)
    writer.finish(msgspec.msgpack.encode(listed))
    store.create(name, out.getvalue())


def condemned_name(generation: int) -> str:
    """Return the object name of a generation."""
    return f"{PREFIX}{generation:010d}"


def _generation_of(name: str) -> int:
    digits = name.removeprefix(PREFIX)
    if not digits.isdigit():
        raise Integrity(f"{name} is not the name of a condemned list.")
    return int(digits)
