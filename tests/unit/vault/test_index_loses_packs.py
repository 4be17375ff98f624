"""An index gives back every pack it was written over, and many blobs make several indexes."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity
from backupd.vault import index as index_module
from backupd.vault.index import index_names, read_index, write_index, write_indexes
from backupd.vault.pack import PackDirectory, PackFrame, PackRecord, pack_id_of, pack_name
from backupd.vault.stores.base import ObjectNotFound
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.items import noise
from tests.vault_model.place import Seeded, keyring


def record(number: int, blobs: int) -> PackRecord:
    directory = PackDirectory([PackFrame(44, 99, blobs)], noise(number, 32 * blobs), [10] * blobs)
    return PackRecord(noise(number, 32), 1, noise(-number, 32), 1000, directory)


def test_records_come_back() -> None:
    store, records = MemoryStore(), [record(n, n) for n in range(1, 30)]
    name = write_index(store, keyring(), records, Seeded())
    assert read_index(store, keyring(), name) == records


def test_several_indexes_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MAX_BLOBS", 50)
    store, records = MemoryStore(), [record(n, 20) for n in range(10)]
    names = write_indexes(store, keyring(), records, Seeded())
    assert sorted(names) == list(index_names(store))
    assert [len(read_index(store, keyring(), name)) for name in names] == [3, 3, 3, 1]


def test_nothing_writes_nothing() -> None:
    store = MemoryStore()
    assert write_indexes(store, keyring(), [], Seeded()) == []
    assert list(store.list()) == []


def test_a_missing_index_is_not_an_empty_one() -> None:
    with pytest.raises(ObjectNotFound):
        read_index(MemoryStore(), keyring(), "indexes/" + "0" * 32)


@pytest.mark.parametrize(
    "directory",
    [
        PackDirectory([PackFrame(44, 9, 2)], bytes(32), [1]),
        PackDirectory([PackFrame(44, 9, 1)], bytes(64), [1]),
        PackDirectory([PackFrame(44, 9, 1)], bytes(32), [1, 2]),
        PackDirectory([], bytes(32), [1]),
    ],
)
def test_a_directory_that_contradicts_itself(directory: PackDirectory) -> None:
    store = MemoryStore()
    name = write_index(store, keyring(), [PackRecord(bytes(32), 1, bytes(32), 9, directory)], Seeded())
    with pytest.raises(Integrity):
        read_index(store, keyring(), name)


def test_names_of_packs() -> None:
    assert pack_id_of(pack_name(noise(1, 32))) == noise(1, 32)
    for name in ("packs/aa/bb", "packs/00/" + "0" * 63, "packs/01/" + "0" * 64, "packs/xx/" + "x" * 64):
        with pytest.raises(Integrity):
            pack_id_of(name)
