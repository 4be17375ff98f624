"""Reading: exact bytes, or an error before the last of them; absent is said only after the indexes were read anew."""

from __future__ import annotations

import msgspec
import pytest

from backupd.errors import Integrity, StoreUnavailable
from backupd.vault.entries import Content
from backupd.vault.reader import _FrameCache
from backupd.vault.stores.base import ObjectNotFound
from backupd.vault.stores.faulty import Fault, FaultyStore, Moment
from backupd.vault.vault import Vault
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.items import message, noise, prose
from tests.vault_model.place import Place

PAPER = noise(1, 50_000)
CONTENTS: dict[str, bytes | None] = {
    "empty": b"",
    "small": b"small",
    "large": prose(1, 3 << 20),
    "m1": message([PAPER, noise(2, 1500)]),
    "m2": message([noise(3, 2 << 20)]),
    "m3": message([noise(4, 5000)]).removesuffix(b"\r\n--frontier--\r\n"),
}


def contents(vault: Vault) -> dict[str, Content]:
    return {v.id: v.content for v in vault.view(STREAM).versions() if v.content is not None}


@pytest.fixture
def filled(place: Place) -> Place:
    back_up(place.create(), Change(CONTENTS))
    return place


def test_both_ways_of_reading(filled: Place) -> None:
    for cache in ("main", "another machine"):
        vault = filled.open(cache=cache)
        for item_id, content in contents(vault).items():
            assert b"".join(vault.read(content)) == CONTENTS[item_id]
            assert vault.reader.whole(content) == CONTENTS[item_id]
            assert content.size == len(CONTENTS[item_id] or b"")


@pytest.mark.parametrize("item_id", CONTENTS)
def test_a_digest_that_does_not_match_withholds_the_end(filled: Place, item_id: str) -> None:
    vault = filled.open()
    content = contents(vault)[item_id]
    for wrong in (
        msgspec.structs.replace(content, digest=bytes(32)),
        msgspec.structs.replace(content, size=content.size + 1),
        msgspec.structs.replace(content, blobs=[*content.blobs[:-1], contents(vault)["large"].blobs[0]])
        if item_id != "large"
        else msgspec.structs.replace(content, blobs=content.blobs[::-1]),
    ):
        pieces = [piece for piece in vault.reader._pieces(wrong) if piece]
        given = []
        with pytest.raises(Integrity):
            for piece in vault.read(wrong):
                given.append(piece)
        assert given == pieces[:-1]
        with pytest.raises(Integrity):
            vault.reader.whole(wrong)


def test_a_missing_blob(filled: Place) -> None:
    with pytest.raises(Integrity):
        filled.open().reader.blob(bytes(32))


def test_a_missing_pack(filled: Place) -> None:
    for info in list(filled.store.list("packs/")):
        filled.store.delete(info.name)
    for cache in ("main", "another machine"):
        vault = filled.open(cache=cache)
        for content in contents(vault).values():
            with pytest.raises(Integrity):
                b"".join(vault.read(content))


def test_what_another_machine_wrote_is_no_absence(filled: Place) -> None:
    reading, writing = filled.open(cache="reading"), filled.open(cache="writing")
    old = contents(reading)
    assert b"".join(reading.read(old["small"])) == b"small"
    back_up(writing, Change({"new": b"written elsewhere"}))
    assert b"".join(reading.read(contents(reading)["new"])) == b"written elsewhere"


def test_a_store_that_does_not_answer_is_no_absence(filled: Place) -> None:
    faults = [Fault(1, Moment.BEFORE, StoreUnavailable("no answer"), times=1000)]
    store = FaultyStore(filled.store, faults, counts=lambda m, n: m == "read" and n.startswith("packs/"))
    vault = filled.open(store)
    with pytest.raises(StoreUnavailable):
        b"".join(vault.read(contents(vault)["small"]))


def test_a_pack_that_goes_while_it_is_looked_for(filled: Place) -> None:
    """It is still listed when the indexes are read anew, but not there to be read."""
    faults = [Fault(1, Moment.BEFORE, ObjectNotFound("gone"), times=1000)]
    store = FaultyStore(filled.store, faults, counts=lambda m, n: m == "read" and n.startswith("packs/"))
    vault = filled.open(store)
    with pytest.raises(Integrity):
        b"".join(vault.read(contents(vault)["small"]))


def test_a_blob_opens_with_one_ranged_read(filled: Place) -> None:
    store = FaultyStore(filled.store)
    vault = filled.open(store)
    content = contents(vault)["small"]
    before = len(store.log)
    b"".join(vault.read(content))
    assert [(operation.method, operation.name[:6]) for operation in store.log[before:]] == [
        ("read", "packs/")
    ]


def test_frames_kept_in_memory_are_bounded() -> None:
    cache = _FrameCache(1000)
    for number in range(100):
        cache.put((bytes([number]), 0), bytes(300))
        cache.put((bytes([number]), 0), bytes(300))
        assert cache._size == sum(map(len, cache._frames.values())) <= 1000
    assert cache.get((b"\0", 0)) is None
    assert cache.get((bytes([99]), 0)) == bytes(300)
    cache.put((b"huge", 0), bytes(5000))
    assert list(cache._frames) == [(b"huge", 0)]
