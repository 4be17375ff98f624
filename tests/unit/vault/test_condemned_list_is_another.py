"""Generations count up, are made once, and are what their name says."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity
from backupd.vault.condemned import (
    NOTHING,
    CondemnedList,
    condemned_name,
    newest_generation,
    read_condemned,
    write_condemned,
)
from backupd.vault.stores.base import ObjectExists
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.place import Seeded, keyring


def written(*generations: int) -> MemoryStore:
    store = MemoryStore()
    for generation in generations:
        write_condemned(
            store, keyring(), CondemnedList(generation, 5, [bytes([generation])]), Seeded(generation)
        )
    return store


def test_the_newest_counts() -> None:
    store = written(1, 2, 10)
    assert newest_generation(store) == 10
    assert read_condemned(store, keyring(), 10) == CondemnedList(10, 5, [bytes([10])])
    assert newest_generation(MemoryStore()) == 0
    assert read_condemned(MemoryStore(), keyring(), 0) == NOTHING


def test_a_generation_is_made_once() -> None:
    with pytest.raises(ObjectExists):
        write_condemned(written(1), keyring(), CondemnedList(1, 6, []), Seeded(9))


def test_an_older_list_in_the_place_of_a_newer_one() -> None:
    store = written(1, 2)
    store.put(condemned_name(2), store.get(condemned_name(1)))
    with pytest.raises(Integrity):
        read_condemned(store, keyring(), 2)


def test_a_foreign_name() -> None:
    store = written(1)
    store.create("condemned/readme", b"")
    with pytest.raises(Integrity):
        newest_generation(store)
