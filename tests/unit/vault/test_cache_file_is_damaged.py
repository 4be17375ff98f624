"""The cache is disposable: a wrong key, another version or any damage makes it empty, never wrong."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from backupd.errors import BackupdError, KeyDenied, StoreDenied, StoreFull, StoreUnavailable
from backupd.vault.cache import IndexCache
from backupd.vault.pack import PackDirectory, PackFrame, PackRecord, locations
from tests.vault_model.items import noise

KEY = bytes(range(32))
BLOBS = 3000
PACK = PackRecord(
    noise(1, 32),
    1,
    noise(2, 32),
    1000,
    PackDirectory([PackFrame(44, 10, BLOBS)], noise(3, 32 * BLOBS), [1] * BLOBS),
)


def written(path: Path) -> None:
    cache = IndexCache(path, KEY)
    cache.add([PACK], "indexes/one")
    cache.set_whole()
    cache.close()


def asked(path: Path, key: bytes = KEY) -> tuple[int, bool]:
    """Ask for every tenth blob; return how many are found and whether the cache calls itself whole."""
    cache = IndexCache(path, key)
    found = 0
    for blob_id, location in list(locations(PACK))[::10]:
        answer = cache.find(blob_id)
        assert answer in (None, location)
        assert cache.has(blob_id) == (answer is not None)
        found += answer is not None
    whole = cache.is_whole()
    cache.add([PACK], "indexes/two")
    assert cache.find(PACK.directory.ids[:32]) is not None
    cache.close()
    return found, whole


def test_undamaged_it_answers(tmp_path: Path) -> None:
    written(tmp_path / "cache.sqlite")
    assert asked(tmp_path / "cache.sqlite") == (BLOBS // 10, True)


def test_another_key_finds_nothing_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    written(path)
    assert asked(path, bytes(32)) == (0, False)
    assert asked(path) == (0, False)


def test_nothing_in_it_is_readable_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    written(path)
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"SQLite format", b"CREATE TABLE", b"indexes/one", PACK.id, PACK.directory.ids[:32]):
        assert secret not in data


@pytest.mark.parametrize("part", range(24))
def test_a_bit_flipped_anywhere(tmp_path: Path, part: int) -> None:
    path = tmp_path / "cache.sqlite"
    written(path)
    data = bytearray(path.read_bytes())
    data[len(data) * part // 24 + 11] ^= 16
    path.write_bytes(data)
    found, whole = asked(path)
    assert found == BLOBS // 10 or not whole, "blobs are missing from a cache that calls itself whole"


@pytest.mark.parametrize("kept", [0, 1, 100, 4096, 50_000])
def test_truncated(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cache.sqlite"
    written(path)
    os.truncate(path, kept)
    found, whole = asked(path)
    assert found == 0 or not whole


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(noise(5, 10_000))
    assert asked(path) == (0, False)


def test_another_version(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    written(path)
    db = apsw.Connection(str(path))
    db.pragma("key", "raw:" + KEY.hex())
    db.execute("UPDATE facts SET value = 99 WHERE name = 'version'")
    db.close()
    assert asked(path) == (0, False)


def test_the_place_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackupdError):
        IndexCache(tmp_path / "file" / "cache.sqlite", KEY)


def test_a_key_of_another_length(tmp_path: Path) -> None:
    with pytest.raises(KeyDenied):
        IndexCache(tmp_path / "cache.sqlite", b"short")


@pytest.mark.parametrize(
    ("error", "typed"),
    [
        (apsw.FullError, StoreFull),
        (apsw.ReadOnlyError, StoreDenied),
        (apsw.BusyError, StoreUnavailable),
        (apsw.IOError, StoreUnavailable),
    ],
)
def test_errors_of_the_disk_are_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception], typed: type[BackupdError]
) -> None:
    cache = IndexCache(tmp_path / "cache.sqlite", KEY)

    def fail(*_: object) -> None:
        raise error("no")

    monkeypatch.setattr(cache, "_add_pack", fail)
    with pytest.raises(typed):
        cache.add([PACK])
    cache.close()
