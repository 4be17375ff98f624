"""Opening says what is wrong: no vault, another format, other keys, or a damaged format object."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity, KeyDenied, NotFound, UnsupportedFormat
from backupd.vault.format import read_format, write_format
from backupd.vault.naming import Names
from backupd.vault.stores.base import ObjectExists
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.place import VAULT_ID, keyring

NAMES = Names(keyring().naming_key)
DAMAGE = (Integrity, UnsupportedFormat, KeyDenied)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    write_format(made, NAMES, VAULT_ID, 1_700_000_000_000)
    return made


def changed(store: MemoryStore, old: bytes, new: bytes) -> None:
    assert old in store.get("format")
    store.put("format", store.get("format").replace(old, new))


def test_it_opens(store: MemoryStore) -> None:
    found = read_format(store, NAMES, VAULT_ID)
    assert (found.vault, found.created_ms, found.slice_limit_s) == (VAULT_ID, 1_700_000_000_000, 600)


def test_no_vault_is_there() -> None:
    with pytest.raises(NotFound):
        read_format(MemoryStore(), NAMES, VAULT_ID)


@pytest.mark.parametrize("name", ["packs/00/" + "0" * 64, "snapshots/" + "0" * 32 + "/0000000001"])
def test_a_vault_without_its_format_is_no_empty_place(name: str) -> None:
    store = MemoryStore()
    store.create(name, b"data")
    with pytest.raises(Integrity):
        read_format(store, NAMES, VAULT_ID)


def test_a_second_vault_in_one_place(store: MemoryStore) -> None:
    with pytest.raises(ObjectExists):
        write_format(store, NAMES, VAULT_ID, 1)


def test_a_newer_format(store: MemoryStore) -> None:
    changed(store, b'"format":0', b'"format":1')
    with pytest.raises(UnsupportedFormat):
        read_format(store, NAMES, VAULT_ID)


def test_the_keys_of_another_vault(store: MemoryStore) -> None:
    with pytest.raises(KeyDenied):
        read_format(store, NAMES, "ff" * 16)
    with pytest.raises(DAMAGE):
        read_format(store, Names(keyring(seed=9).naming_key), VAULT_ID)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"slice_limit_s":600', b'"slice_limit_s":999999'), (b'"created_ms":17', b'"created_ms":16')],
)
def test_a_value_is_changed(store: MemoryStore, old: bytes, new: bytes) -> None:
    changed(store, old, new)
    with pytest.raises(Integrity):
        read_format(store, NAMES, VAULT_ID)


def test_every_bit(store: MemoryStore) -> None:
    data = store.get("format")
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        store.put("format", bytes(flipped))
        with pytest.raises(DAMAGE):
            read_format(store, NAMES, VAULT_ID)


def test_every_length(store: MemoryStore) -> None:
    data = store.get("format")
    for length in range(len(data)):
        store.put("format", data[:length])
        with pytest.raises(DAMAGE):
            read_format(store, NAMES, VAULT_ID)


@pytest.mark.parametrize(
    "data", [b"{}\n", b"[]\n", b"null\n", b"\xff\xfe", b"{" * 5000, b'{"what":"\xff"}\n']
)
def test_something_else(store: MemoryStore, data: bytes) -> None:
    store.put("format", data)
    with pytest.raises(Integrity):
        read_format(store, NAMES, VAULT_ID)
