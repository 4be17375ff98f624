"""Nothing that a store shows is derived without the naming key, and no two purposes share a key."""

from __future__ import annotations

import hashlib

from blake3 import blake3

from backupd.vault.naming import Names
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.items import message, noise
from tests.vault_model.place import Place, keyring

NAMES = Names(keyring().naming_key)
WORDS = b"a sentence nobody else has"


def test_keys_of_different_purposes_differ() -> None:
    assert len({NAMES.blob_key, NAMES.cache_key, NAMES.format_key, keyring().naming_key}) == 4


def test_names_depend_on_kind_name_and_key() -> None:
    other = Names(keyring(seed=9).naming_key)
    found = {NAMES.name("a", "b"), NAMES.name("a", "c"), NAMES.name("b", "b"), other.name("a", "b")}
    assert len(found) == 4
    assert NAMES.blob_id(b"x") != other.blob_id(b"x")
    assert NAMES.chunk_seed != other.chunk_seed


def test_the_store_shows_no_plain_text_and_no_plain_hash(place: Place) -> None:
    vault = place.create()
    back_up(vault, Change({"file of alice": WORDS * 3, "m": message([WORDS * 100])}))
    vault.records.put("names", STREAM, WORDS)
    vault.timeline(STREAM).write_base(1)
    shown = b"".join(info.name.encode() + place.store.get(info.name) for info in place.store.list())
    shown += b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())
    hashes = [hashlib.sha256(WORDS * 3).digest(), blake3(WORDS * 3).digest(), NAMES.blob_id(WORDS * 3)]
    for secret in (b"alice", b"sentence", STREAM.encode(), b"account", b"Inbox", *hashes):
        assert secret not in shown
        assert secret.hex().encode() not in shown


def test_sizes_are_padded(place: Place) -> None:
    vault = place.create()
    sizes = set()
    for number in range(12):
        info = back_up(vault, Change({f"{number}": noise(number, 40_000 + number)}))
        assert info is not None
        sizes.add(info.bytes_stored)
    assert len(sizes) == 1
