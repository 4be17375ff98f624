"""An object that is put anew between two reads of it is no damage; one that is damaged stays so."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity
from backupd.vault.naming import Names
from backupd.vault.records import Records
from backupd.vault.sealing import TAIL_READ_BYTES
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.items import noise
from tests.vault_model.place import Seeded, keyring
from tests.vault_model.stores import InterruptedStore

SMALL, LARGE = b"a value", noise(1, 3 * TAIL_READ_BYTES)


@pytest.mark.parametrize(
    ("old", "new"), [(SMALL, LARGE), (LARGE, SMALL), (LARGE, LARGE + b"x"), (SMALL, b"")]
)
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_replaced(old: bytes, new: bytes, at: int) -> None:
    inner, random = MemoryStore(), Seeded()
    names = Names(keyring().naming_key)
    writing = Records(inner, keyring(), names, random)
    writing.put("policy", "key", old)
    store = InterruptedStore(inner, at, lambda: writing.put("policy", "key", new))
    assert Records(store, keyring(), names, random).get("policy", "key") in (old, new)


def test_damaged() -> None:
    store, names = MemoryStore(), Names(keyring().naming_key)
    records = Records(store, keyring(), names, Seeded())
    records.put("policy", "key", SMALL)
    (info,) = store.list("policy/")
    store.put(info.name, store.get(info.name)[:-1])
    with pytest.raises(Integrity):
        records.get("policy", "key")
