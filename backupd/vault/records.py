"""Sealed small records: account names, legal holds, pins and retention, so that a rebuilt catalog is whole."""

from __future__ import annotations

import io
from collections.abc import Iterator

import msgspec

from backupd.errors import Integrity, UsageError
from backupd.vault.naming import Names
from backupd.vault.sealing import SALT_BYTES, DataKeys, Kind, ObjectReader, ObjectWriter, RandomBytes
from backupd.vault.stores.base import ObjectNotFound, Store

KINDS = ("names", "holds", "pins", "policy")


class _Record(msgspec.Struct, array_like=True, frozen=True):
    kind: str
    key: str
    value: bytes


class Records:
    """Named values under `names/`, `holds/`, `pins/` and `policy/`; neither key nor value is readable in the store."""

    def __init__(self, store: Store, keys: DataKeys, names: Names, random: RandomBytes) -> None:
        self._store = store
        self._keys = keys
        self._names = names
        self._random = random

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Set the record `key` of a kind."""
        name = self._name(kind, key)
        out = io.BytesIO()
        writer = ObjectWriter(self._keys, Kind.RECORD, name, self._random(SALT_BYTES), out)
        writer.finish(msgspec.msgpack.encode(_Record(kind, key, value)))
        self._store.put(name, out.getvalue())

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the record's value, or None if there is none."""
        try:
            return self._read(self._name(kind, key)).value
        except ObjectNotFound:
            return None

    def list(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield (key, value) of all records of a kind, in no telling order."""
        self._name(kind, "")
        for info in self._store.list(f"{kind}/"):
            record = self._read(info.name)
            yield record.key, record.value

    def delete(self, kind: str, key: str) -> None:
        """Remove the record if it is there."""
        self._store.delete(self._name(kind, key))

    def open(self, name: str) -> tuple[str, bytes]:
        """Return (key, value) of the record object `name`; raises Integrity, ObjectNotFound."""
        record = self._read(name)
        return record.key, record.value

    def _read(self, name: str) -> _Record:
        reader = ObjectReader.load(self._store, self._keys, Kind.RECORD, name)
        record = msgspec.msgpack.decode(reader.directory, type=_Record)
        if self._name(record.kind, record.key) != name:
            raise Integrity(f"The record {name} is another one than its name says.")
        return record

    def _name(self, kind: str, key: str) -> str:
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is not a kind of record.")
        return f"{kind}/{self._names.name(kind, key)}"
