"""Records give back what was put, under names that tell nothing, and nothing else passes for them."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity, UsageError
from backupd.vault.naming import Names
from backupd.vault.records import KINDS, Records
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.place import Seeded, keyring


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def records(store: MemoryStore) -> Records:
    return Records(store, keyring(), Names(keyring().naming_key), Seeded())


@pytest.mark.parametrize("kind", KINDS)
def test_as_a_dictionary(records: Records, kind: str) -> None:
    plain = {f"key {n}": b"value %d" % n for n in range(20)} | {"": b"", "ключ": bytes(1000)}
    for key, value in plain.items():
        records.put(kind, key, b"an older value")
        records.put(kind, key, value)
    assert dict(records.list(kind)) == plain
    assert {key: records.get(kind, key) for key in plain} == plain
    assert records.get(kind, "unknown") is None
    records.delete(kind, "key 3")
    records.delete(kind, "unknown")
    assert records.get(kind, "key 3") is None
    assert len(dict(records.list(kind))) == len(plain) - 1


def test_kinds_are_apart(records: Records) -> None:
    records.put("holds", "x", b"hold")
    assert records.get("pins", "x") is None
    assert list(records.list("pins")) == []
    for act in (lambda: records.get("other", "x"), lambda: list(records.list("other"))):
        with pytest.raises(UsageError):
            act()


def test_nothing_readable_is_stored(records: Records, store: MemoryStore) -> None:
    records.put("names", "alice@example.com", b"Alice Example")
    for info in store.list():
        assert b"lice" not in store.get(info.name) + info.name.encode()


def test_a_record_under_another_name(records: Records, store: MemoryStore) -> None:
    records.put("holds", "one", b"1")
    records.put("holds", "two", b"2")
    first, second = [info.name for info in store.list("holds/")]
    store.put(second, store.get(first))
    with pytest.raises(Integrity):
        dict(records.list("holds"))


def test_a_record_of_another_vault(store: MemoryStore, records: Records) -> None:
    records.put("holds", "one", b"1")
    other = Records(store, keyring(vault_id="ee" * 16), Names(keyring().naming_key), Seeded())
    with pytest.raises(Integrity):
        other.get("holds", "one")
