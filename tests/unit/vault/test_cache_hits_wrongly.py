"""A hit is true, a miss is only a duplicate: condemned packs are no hits, but still readable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.vault.cache import IndexCache
from backupd.vault.pack import PackDirectory, PackFrame, PackRecord, locations
from tests.vault_model.items import noise

KEY = bytes(range(32))


def record(number: int, *blobs: int) -> PackRecord:
    ids = b"".join(noise(blob, 32) for blob in blobs)
    frames = [PackFrame(44 + 10 * place, 10, 1) for place in range(len(blobs))]
    directory = PackDirectory(frames, ids, [number] * len(blobs))
    return PackRecord(noise(1000 + number, 32), 1, noise(number, 32), 1000, directory)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[IndexCache]:
    made = IndexCache(tmp_path / "cache.sqlite", KEY)
    yield made
    made.close()


def test_what_was_added_is_found(cache: IndexCache) -> None:
    added = [record(n, n * 10, n * 10 + 1) for n in range(1, 5)]
    assert cache.is_empty()
    cache.add(added, "indexes/one")
    for pack in added:
        for blob_id, location in locations(pack):
            assert cache.find(blob_id) == location
            assert cache.has(blob_id)
    assert not cache.is_empty()
    assert cache.find(noise(99, 32)) is None
    assert not cache.has(noise(99, 32))
    assert cache.loaded_indexes() == {"indexes/one"}
    assert list(cache.pack_ids()) == sorted(pack.id for pack in added)


def test_a_condemned_pack_is_found_but_not_had(cache: IndexCache) -> None:
    pack = record(1, 5)
    cache.add([pack], condemned={pack.id})
    assert cache.find(noise(5, 32)) is not None
    assert not cache.has(noise(5, 32))


@pytest.mark.parametrize("condemned_first", [True, False])
def test_a_blob_in_two_packs_is_remembered_where_it_stays(cache: IndexCache, condemned_first: bool) -> None:
    doomed, kept = record(1, 5), record(2, 5)
    for pack in (doomed, kept) if condemned_first else (kept, doomed):
        cache.add([pack], condemned={doomed.id})
    found = cache.find(noise(5, 32))
    assert found is not None
    assert found.pack == kept.id
    assert cache.has(noise(5, 32))


def test_what_another_process_condemned_is_seen_by_the_next_slice(tmp_path: Path) -> None:
    path, pack = tmp_path / "cache.sqlite", record(1, 5)
    mine, other = IndexCache(path, KEY), IndexCache(path, KEY)
    mine.add([pack])
    assert mine.has(noise(5, 32))
    other.clear()
    other.add([pack], condemned={pack.id})
    mine.forget_packs()
    assert not mine.has(noise(5, 32))
    mine.close()
    other.close()


def test_a_row_of_a_pack_that_was_cleared_is_no_hit(tmp_path: Path) -> None:
    """Pack numbers are never used twice, so what is remembered of a number stays true or unknown."""
    path = tmp_path / "cache.sqlite"
    mine, other = IndexCache(path, KEY), IndexCache(path, KEY)
    first, second = record(1, 5), record(2, 6)
    mine.add([first])
    assert mine.find(noise(5, 32)) is not None
    other.clear()
    other.add([second])
    found = mine.find(noise(6, 32))
    assert found is not None
    assert found.pack == second.id
    assert mine.find(noise(5, 32)) is None
    mine.close()
    other.close()


def test_clearing_forgets_everything(cache: IndexCache) -> None:
    cache.add([record(1, 5)], "indexes/one")
    cache.set_generation(7)
    cache.set_whole()
    assert (cache.generation(), cache.is_whole()) == (7, True)
    cache.clear()
    assert (cache.generation(), cache.is_whole(), cache.is_empty()) == (0, False, True)
    assert cache.loaded_indexes() == set()


def test_a_batch_that_fails_leaves_nothing(cache: IndexCache) -> None:
    def half() -> Iterator[PackRecord]:
        yield record(1, 5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.add(half(), "indexes/one")
    assert cache.is_empty()
    assert cache.loaded_indexes() == set()
