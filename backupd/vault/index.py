"""Indexes: sealed lists of what packs hold. Derived: packs alone can rebuild them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import msgspec

from backupd.vault.pack import PackRecord, check_directory
from backupd.vault.sealing import SALT_BYTES, DataKeys, Kind, ObjectReader, ObjectWriter, RandomBytes
from backupd.vault.stores.base import Store

PREFIX = "indexes/"
MAX_BLOBS = 200_000
_RECORDS = msgspec.msgpack.Decoder(list[PackRecord])


def write_index(store: Store, keys: DataKeys, records: list[PackRecord], random: RandomBytes) -> str:
    """Create one index object over `records`; return its name."""
    name = PREFIX + random(16).hex()
    out = io.BytesIO()
    writer = ObjectWriter(keys, Kind.INDEX, name, random(SALT_BYTES), out)
    writer.finish(msgspec.msgpack.encode(records))
    store.create(name, out.getvalue())
    return name


def write_indexes(
    store: Store, keys: DataKeys, records: Iterable[PackRecord], random: RandomBytes
) -> list[str]:
    """Create as many index objects as `records` need, each of bounded size; return their names."""
    names = []
    batch: list[PackRecord] = []
    blobs = 0
    for record in records:
        batch.append(record)
        blobs += len(record.directory.lengths)
        if blobs >= MAX_BLOBS:
            names.append(write_index(store, keys, batch, random))
            batch, blobs = [], 0
    if batch:
        names.append(write_index(store, keys, batch, random))
    return names


def read_index(store: Store, keys: DataKeys, name: str) -> list[PackRecord]:
    """Return the packs an index describes; raises Integrity, ObjectNotFound."""
    reader = ObjectReader.load(store, keys, Kind.INDEX, name)
    records = _RECORDS.decode(reader.directory)
    for record in records:
        check_directory(record.directory, name)
    return records


def index_names(store: Store) -> Iterator[str]:
    """Yield the names of all index objects."""
    for info in store.list(PREFIX):
        yield info.name
