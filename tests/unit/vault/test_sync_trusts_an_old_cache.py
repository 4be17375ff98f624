"""Before every slice the cache takes in what others did: new indexes, condemned packs, merged indexes."""

from __future__ import annotations

import pytest

from backupd.vault.condemned import CondemnedList, write_condemned
from backupd.vault.index import index_names, read_index, write_index
from backupd.vault.pack import pack_id_of
from backupd.vault.vault import Vault
from tests.vault_model.backing_up import STREAM, Change, back_up, committed
from tests.vault_model.items import noise
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, assert_same

DATA = noise(1, 20_000)


def packs(place: Place) -> list[bytes]:
    return [pack_id_of(info.name) for info in place.store.list("packs/")]


def condemn(place: Place, generation: int, listed: list[bytes]) -> None:
    write_condemned(place.store, place.keys, CondemnedList(generation, 0, listed), place.random)


def stored_again(vault: Vault, stream: str, data: bytes = DATA) -> bool:
    """Back `data` up once more; return whether it was not taken from what the vault has."""
    return committed(back_up(vault, Change({"again": data}), stream)).bytes_stored > len(data) / 2


def test_a_condemned_blob_is_stored_again_and_stays_readable(place: Place) -> None:
    vault, reference = place.create(), Reference()
    back_up(vault, Change({"a": DATA}), reference=reference)
    assert not stored_again(vault, "before")
    condemn(place, 1, packs(place))
    assert_same_stream(vault, reference)
    assert stored_again(vault, "after")
    assert not stored_again(vault, "and after that")
    assert stored_again(place.open(cache="another machine"), "elsewhere") is False


def test_a_list_that_grows_and_one_that_is_lifted(place: Place) -> None:
    vault = place.create()
    back_up(vault, Change({"a": DATA}))
    first = packs(place)
    condemn(place, 1, first)
    vault.slice(STREAM, "run").abort()
    condemn(place, 2, [])
    assert not stored_again(vault, "lifted")


@pytest.mark.parametrize("embedded", [1024, 0])
def test_what_another_machine_stored_is_found_after_a_refresh(
    place: Place, monkeypatch: pytest.MonkeyPatch, embedded: int
) -> None:
    monkeypatch.setattr("backupd.vault.slice.EMBEDDED_BLOBS", embedded)
    place.create().close()
    mine, other = place.open(cache="mine"), place.open(cache="other")
    back_up(mine, Change({"mine": noise(2, 5000)}))
    back_up(other, Change({"other": DATA}), "other stream")
    assert stored_again(mine, "third stream") == bool(embedded), "a new index is taken in, a miss is legal"
    mine.refresh()
    assert not stored_again(mine, "fourth stream")


def test_a_new_index_over_condemned_packs_makes_no_hits(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index written anew does not lift what is condemned, even of packs this cache never heard of."""
    monkeypatch.setattr("backupd.vault.slice.EMBEDDED_BLOBS", 0)
    place.create().close()
    other = place.open(cache="other")
    back_up(other, Change({"a": DATA}))
    (index,) = index_names(place.store)
    records = read_index(place.store, place.keys, index)
    place.store.delete(index)
    mine = place.open(cache="mine")
    condemn(place, 1, packs(place))
    mine.slice("warm", "run").abort()
    assert mine.cache.is_whole()
    write_index(place.store, place.keys, records, place.random)
    assert stored_again(mine, "after")


def test_an_index_merged_away_while_it_is_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backupd.vault.slice.EMBEDDED_BLOBS", 0)
    vault, reference = place.create(), Reference()
    for number in range(4):
        back_up(vault, Change({"a": noise(number, 900)}, as_of_ms=number), reference=reference)
    names = list(index_names(place.store))
    records = [record for name in names for record in read_index(place.store, place.keys, name)]
    write_index(place.store, place.keys, records, place.random)
    for name in names:
        place.store.delete(name)
    assert_same(vault, reference)
    assert_same(place.open(cache="another machine"), reference)


def test_a_swept_pack_is_no_hit(place: Place) -> None:
    """Packs that are gone are not in a cache that was filled after they went, whatever an index still says."""
    vault = place.create()
    back_up(vault, Change({"a": DATA}))
    for info in list(place.store.list("packs/")):
        place.store.delete(info.name)
    assert stored_again(place.open(cache="another machine"), "elsewhere")


def test_a_cache_file_that_is_older_than_the_vault(place: Place) -> None:
    vault = place.create()
    back_up(vault, Change({"a": DATA}))
    place.close()
    old = place.cache_path().read_bytes()
    condemn(place, 1, packs(place))
    place.open().slice(STREAM, "run").abort()
    place.close()
    place.cache_path().write_bytes(old)
    assert stored_again(place.open(), "after")


def test_a_cache_damaged_while_it_is_filled(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Reference()
    vault = place.create()
    for number in range(3):
        back_up(vault, Change({f"{number}": noise(number, 900)}, as_of_ms=number), reference=reference)
    fresh = place.open(cache="another machine")
    add, calls = fresh.cache.add, []

    def damaged(*given: object, **named: object) -> None:
        calls.append(given)
        if len(calls) == 2:
            fresh.cache.make_anew()
        add(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(fresh.cache, "add", damaged)
    assert_same(fresh, reference)


def assert_same_stream(vault: Vault, reference: Reference) -> None:
    for stream, snapshots in reference.streams.items():
        for version in vault.view(stream).versions():
            assert version.content is not None
            assert b"".join(vault.read(version.content)) == snapshots[max(snapshots)].items[version.id][1]
