"""A directory that says it is another object than its name: only the keys make one, and no writer should."""

from __future__ import annotations

import io

import msgspec
import pytest

from backupd.errors import Integrity
from backupd.vault.condemned import CondemnedList, condemned_name, read_condemned
from backupd.vault.sealing import Kind, ObjectReader, ObjectWriter
from backupd.vault.snapshot import SnapshotHeader, read_snapshot, snapshot_name
from backupd.vault.stores.base import Store
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.place import Place


def put(place: Place, kind: Kind, name: str, directory: bytes) -> None:
    out = io.BytesIO()
    ObjectWriter(place.keys, kind, name, place.random(32), out).finish(directory)
    place.store.put(name, out.getvalue())


def header_of(store: Store, place: Place, name: str) -> SnapshotHeader:
    reader = ObjectReader.load(store, place.keys, Kind.SNAPSHOT, name)
    return msgspec.msgpack.decode(reader.directory, type=SnapshotHeader)


@pytest.mark.parametrize("change", [{"seq": 2}, {"stream": "another stream"}])
def test_snapshot(place: Place, change: dict[str, object]) -> None:
    vault = place.create()
    back_up(vault, Change())
    name = snapshot_name(vault.timeline(STREAM).key, 1)
    header = msgspec.structs.replace(header_of(place.store, place, name), **change)
    put(place, Kind.SNAPSHOT, name, msgspec.msgpack.encode(header))
    with pytest.raises(Integrity):
        read_snapshot(place.store, place.keys, name, STREAM)


def test_condemned_list(place: Place) -> None:
    put(place, Kind.CONDEMNED, condemned_name(1), msgspec.msgpack.encode(CondemnedList(2, 0, [])))
    with pytest.raises(Integrity):
        read_condemned(place.store, place.keys, 1)


def test_record(place: Place) -> None:
    vault = place.create()
    vault.records.put("holds", "one", b"1")
    (info,) = place.store.list("holds/")
    put(place, Kind.RECORD, info.name, msgspec.msgpack.encode(["holds", "two", b"2"]))
    with pytest.raises(Integrity):
        vault.records.get("holds", "one")
