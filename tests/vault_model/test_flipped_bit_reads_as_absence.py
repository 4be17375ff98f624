"""Every bit of a sample vault on disk flipped in turn: noticed or harmless; never a shorter list, never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from backupd.errors import RolledBack
from backupd.vault.maintenance.checking import check
from backupd.vault.stores.local import LocalStore
from backupd.vault.stores.memory import ManualClock
from tests.vault_model.backing_up import STREAM, Change, back_up, committed
from tests.vault_model.place import Place
from tests.vault_model.reporting import Counts
from tests.vault_model.sample import Answers, answers, detected, fill, open_sample

STRIDE = 151
KINDS = ("format", "packs", "indexes", "snapshots", "bases", "condemned", "holds", "names")


class Sample:
    """The sample on disk, and the right answers."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock()
        self.place = Place(folder, LocalStore(folder / "store", clock=clock), clock=clock)
        self.heads = fill(self.place)
        self.right: Answers = answers(self.place, self.store(), self.place.cache_path("asking"))
        names = [info.name for info in self.store().list()]
        self.files = {name: folder / "store" / name for name in names}

    def store(self) -> LocalStore:
        """Open the store anew, as another process would."""
        return LocalStore(self.place.folder / "store", clock=self.place.clock)

    def noticed(self, cache_path: Path | None = None) -> bool:
        """Ask everything, with nothing remembered but what a cache file holds."""
        if cache_path is None:
            self.place.forget_cache("asking")
            cache_path = self.place.cache_path("asking")
        return detected(self.place, self.store(), cache_path, self.right)

    def fate(self) -> str:
        """Say whether damage was noticed by reading, or else (what it hit is not read) by a check."""
        if self.noticed():
            return "noticed"
        vault = open_sample(self.place, self.store(), self.place.cache_path("asking"))
        found = check(vault, read_data=100)
        vault.close()
        assert not found.ok, "neither reading nor checking noticed"
        return "harmless to reading, found by check"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    (folder / "spool").mkdir()
    return Sample(folder)


def test_the_sample_has_every_kind_of_object(sample: Sample) -> None:
    assert {name.split("/")[0] for name in sample.files} == set(KINDS)
    assert not sample.noticed()


@pytest.mark.parametrize("kind", KINDS)
def test_every_bit(sample: Sample, kind: str, counts: Counts, soak: bool) -> None:
    for path in files_of(sample, kind):
        data = path.read_bytes()
        for bit in bits(len(data), 1 if soak else STRIDE):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            counts.add(f"{kind}: flipped bits {sample.fate()}")
        path.write_bytes(data)
    assert not sample.noticed()
    assert counts[f"{kind}: flipped bits noticed"]


@pytest.mark.parametrize("kind", ["packs", "indexes", "snapshots"])
def test_bits_under_a_warm_cache(
    sample: Sample, kind: str, counts: Counts, soak: bool, tmp_path: Path
) -> None:
    cache_path = tmp_path / "cache.sqlite"
    assert not sample.noticed(cache_path)
    for path in files_of(sample, kind):
        data = path.read_bytes()
        for bit in bits(len(data), 7 if soak else STRIDE * 5):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            noticed = sample.noticed(cache_path)
            counts.add(f"{kind}, warm cache: flipped bits " + ("noticed" if noticed else "harmless"))
        path.write_bytes(data)
    assert not sample.noticed(cache_path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_length(sample: Sample, kind: str, counts: Counts, soak: bool) -> None:
    for path in files_of(sample, kind):
        data = path.read_bytes()
        for length in range(0, len(data), 1 if soak else 97):
            path.write_bytes(data[:length])
            counts.add(f"{kind}: truncations {sample.fate()}")
        path.write_bytes(data)


def files_of(sample: Sample, kind: str) -> Iterator[Path]:
    return (path for name, path in sample.files.items() if name.split("/")[0] == kind)


def bits(size: int, stride: int) -> Iterator[int]:
    """Yield some bits of a file, of every byte of the header and the trailer at least one."""
    seen = {*range(0, 44 * 8, min(stride, 11)), *range(size * 8 - 64, size * 8, min(stride, 5))}
    return iter(sorted(seen | set(range(0, size * 8, stride))))


def test_two_objects_of_a_kind_change_places(sample: Sample, counts: Counts) -> None:
    for kind in KINDS:
        paths = list(files_of(sample, kind))
        for first, second in pairwise(paths):
            one, two = first.read_bytes(), second.read_bytes()
            first.write_bytes(two)
            second.write_bytes(one)
            assert sample.noticed() or kind == "condemned"
            counts.add("swapped pairs")
            first.write_bytes(one)
            second.write_bytes(two)


def test_an_object_of_another_kind(sample: Sample) -> None:
    paths = [next(files_of(sample, kind)) for kind in KINDS]
    for path in paths:
        data = path.read_bytes()
        for other in paths:
            if other != path:
                path.write_bytes(other.read_bytes())
                assert sample.noticed() or path.parent.name == "condemned"
                path.write_bytes(data)


@pytest.mark.parametrize("kind", ["format", "packs", "indexes", "snapshots", "bases"])
def test_a_missing_object(sample: Sample, kind: str, counts: Counts) -> None:
    """A record that is gone cannot be told from one that was lifted, nor the newest snapshot from one never made."""
    for path in files_of(sample, kind):
        if kind == "snapshots" and path == max(path.parent.iterdir()):
            continue
        data = path.read_bytes()
        path.unlink()
        assert sample.noticed() or kind == "bases"
        path.write_bytes(data)
        counts.add("missing objects")


def test_a_missing_newest_snapshot_is_noticed_by_who_remembers_it(sample: Sample) -> None:
    newest = {path.parent: path for path in files_of(sample, "snapshots")}
    for path in newest.values():
        data = path.read_bytes()
        path.unlink()
        refused = 0
        for stream, head in sample.heads.items():
            vault = open_sample(sample.place, sample.store(), sample.place.cache_path("expecting"))
            try:
                vault.slice(stream, "run", expect=head).abort()
            except RolledBack:
                refused += 1
            vault.close()
        assert refused == 1
        path.write_bytes(data)


def test_an_older_copy_of_everything_is_noticed_by_who_remembers_the_head(
    sample: Sample, tmp_path: Path
) -> None:
    shutil.copytree(sample.place.folder / "store", tmp_path / "older")
    place = sample.place
    older = LocalStore(tmp_path / "older", clock=place.clock)
    vault = open_sample(place, sample.store(), place.cache_path("going on"))
    head = committed(back_up(vault, Change({"later": b"1"}), expect=sample.heads[STREAM]))
    vault.close()
    vault = open_sample(place, older, place.cache_path("rolled back"))
    with pytest.raises(RolledBack):
        vault.slice(STREAM, "run", expect=(head.seq, head.hash))
    vault.close()
