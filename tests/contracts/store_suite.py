"""The contract of every object store, executed.

A store's own test subclasses `StoreSuite` and gives a `store` fixture (an empty store, made anew for each test):

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(tmp_path)

`has_locks` says that `retain_until` locks; such a store's clock must be a `ManualClock`, given as `self.clock`.
"""

from __future__ import annotations

import gzip
import io
import itertools
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupd.vault.stores.base import (
    ObjectExists,
    ObjectLocked,
    ObjectNotFound,
    ObjectTruncated,
    Store,
)
from backupd.vault.stores.memory import ManualClock
from backupd.vault.stores.probe import probe_conditional_create

BAD_NAMES = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "..",
    "../a",
    "a/../b",
    "a..b",
    ".",
    "./a",
    "a/.",
    "a/./b",
    "A",
    "a b",
    "a\\b",
    "a\nb",
    "a\n",
    "a\0",
    "a:b",
    "a~",
    "é",
    "٣",
    "a" * 256,
    "a/" * 200 + "b",
]
PART = st.text("abcxyz019-_.", min_size=1, max_size=6).filter(lambda part: part != "." and ".." not in part)
NAME = st.lists(PART, min_size=1, max_size=3).map("/".join)


class BrokenFile(io.BytesIO):
    """A file that fails after its first step."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Give what there is, then fail."""
        if size is not None and size >= 0 and (data := super().read(size)):
            return data
        raise RuntimeError("the source broke")


def names(store: Store, prefix: str = "") -> list[str]:
    return [row.name for row in store.list(prefix)]


def free_of_folder_clashes(wanted: set[str]) -> set[str]:
    return {name for name in wanted if not any(other.startswith(name + "/") for other in wanted)}


class StoreSuite:
    """What every store must do. See the module's text for how to use it."""

    has_locks = False
    clock: ManualClock

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    @pytest.fixture(params=["create", "put"])
    def write(self, store: Store, request: pytest.FixtureRequest) -> Callable[[str, bytes | BinaryIO], None]:
        return getattr(store, request.param)

    @pytest.mark.parametrize("size", [0, 1, 4096, (1 << 20) - 1, (1 << 20) + 1, (3 << 20) + 17])
    def test_bytes_come_back(self, store: Store, write: Callable[..., None], size: int) -> None:
        data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        write("packs/ab/cd", data)
        assert store.get("packs/ab/cd") == data
        assert store.size("packs/ab/cd") == size
        assert store.read("packs/ab/cd", 0, size) == data

    @pytest.mark.parametrize("kind", ["memory", "read", "read and write", "unbuffered"])
    @pytest.mark.parametrize("position", [0, 7, (2 << 20) + 5])
    def test_a_file_is_stored_from_its_position_to_its_end(
        self, store: Store, write: Callable[..., None], tmp_path: Path, kind: str, position: int
    ) -> None:
        data = bytes(range(256)) * (8 << 10) + b"the end"
        path = tmp_path / "source"
        path.write_bytes(b"" if kind == "read and write" else data)
        with {
            "memory": lambda: io.BytesIO(data),
            "read": lambda: path.open("rb"),
            "read and write": lambda: path.open("w+b"),
            "unbuffered": lambda: path.open("rb", buffering=0),
        }[kind]() as source:
            if kind == "read and write":
                source.write(data)
            source.seek(position)
            write("object", source)
            assert source.tell() == len(data)
        assert store.get("object") == data[position:]

    @pytest.mark.parametrize("kind", ["named", "spooled", "compressed"])
    def test_a_file_that_wraps_another_gives_its_own_bytes(
        self, store: Store, write: Callable[..., None], tmp_path: Path, kind: str
    ) -> None:
        data = b"the same again and " * 10_000
        path = tmp_path / "source"
        path.write_bytes(gzip.compress(data))
        with {
            "named": tempfile.NamedTemporaryFile,
            "spooled": tempfile.SpooledTemporaryFile,
            "compressed": lambda: gzip.open(path),
        }[kind]() as source:
            if kind != "compressed":
                source.write(data)
            source.seek(19)
            write("object", source)
        assert store.get("object") == data[19:]

    def test_a_file_with_unwritten_bytes_is_stored_as_it_reads(
        self, store: Store, write: Callable[..., None], tmp_path: Path
    ) -> None:
        path = tmp_path / "source"
        path.write_bytes(b"0123456789")
        with path.open("r+b") as source:
            source.read(2)
            source.write(b"AB")
            write("object", source)
        assert store.get("object") == b"456789"
        assert path.read_bytes() == b"01AB456789"

    def test_create_never_replaces(self, store: Store) -> None:
        store.create("a", b"first")
        with pytest.raises(ObjectExists):
            store.create("a", b"second")
        with pytest.raises(ObjectExists):
            store.create("a", b"first")
        assert store.get("a") == b"first"

    def test_put_replaces(self, store: Store) -> None:
        store.put("a", b"first")
        store.put("a", b"second, and longer")
        assert store.get("a") == b"second, and longer"
        assert store.size("a") == len(b"second, and longer")

    def test_a_name_is_free_again_after_delete(self, store: Store) -> None:
        store.create("a/b", b"first")
        store.delete("a/b")
        store.create("a/b", b"second")
        assert store.get("a/b") == b"second"

    @pytest.mark.parametrize("name", ["absent", "folder/absent", "folder", "folder/there/below"])
    def test_absent_is_object_not_found(self, store: Store, name: str) -> None:
        store.create("folder/there", b"")
        for ask in (store.get, store.size, lambda name: store.read(name, 0, 0)):
            with pytest.raises(ObjectNotFound):
                ask(name)
        store.delete(name)
        assert store.get("folder/there") == b""

    def test_ranges(self, store: Store) -> None:
        store.create("a", b"0123456789")
        assert store.read("a", 0, 10) == b"0123456789"
        assert store.read("a", 3, 4) == b"3456"
        assert store.read("a", 9, 1) == b"9"
        assert store.read("a", 5, 0) == b""
        assert store.read("a", 10, 0) == b""

    @pytest.mark.parametrize(("offset", "length"), [(0, 11), (9, 2), (10, 1), (11, 0), (50, 5)])
    def test_a_range_beyond_the_end_is_truncated(self, store: Store, offset: int, length: int) -> None:
        store.create("a", b"0123456789")
        with pytest.raises(ObjectTruncated):
            store.read("a", offset, length)

    @pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
    def test_a_negative_range_is_a_mistake_of_the_caller(
        self, store: Store, offset: int, length: int
    ) -> None:
        store.create("a", b"0123456789")
        with pytest.raises(ValueError, match="negative"):
            store.read("a", offset, length)

    def test_ranges_follow_put_and_delete(self, store: Store) -> None:
        for round_number in range(3):
            store.put("a", b"old %d" % round_number)
            assert store.read("a", 0, 5) == b"old %d" % round_number
            store.put("a", b"new %d" % round_number)
            assert store.read("a", 0, 5) == b"new %d" % round_number
        store.delete("a")
        with pytest.raises(ObjectNotFound):
            store.read("a", 0, 1)
        store.create("a", b"again")
        assert store.read("a", 0, 5) == b"again"

    def test_delete_of_an_absent_name_is_no_error(self, store: Store) -> None:
        store.delete("a")
        store.delete("a/b/c")
        store.create("a", b"")
        store.delete("a")
        store.delete("a")
        assert names(store) == []

    def test_a_listing_is_in_ascending_order_of_whole_names(self, store: Store) -> None:
        wanted = ["a-b", "a.b", "a/b", "a/b-c/d", "a/b.c", "a0", "a_b", "aa", "b/a/c", "b/a0", "b/c", "z"]
        for name in reversed(wanted):
            store.create(name, name.encode())
        assert wanted == sorted(wanted)
        assert names(store) == wanted
        assert [row.size_bytes for row in store.list()] == [len(name) for name in wanted]

    def test_a_prefix_is_a_prefix_of_the_name(self, store: Store) -> None:
        for name in ("packs/ab/1", "packs/ab/12", "packs/ac/1", "packs2", "pa/x", "other"):
            store.create(name, b"")
        assert names(store, "packs/ab/") == ["packs/ab/1", "packs/ab/12"]
        assert names(store, "packs/ab/12") == ["packs/ab/12"]
        assert names(store, "packs/a") == ["packs/ab/1", "packs/ab/12", "packs/ac/1"]
        assert names(store, "packs") == ["packs/ab/1", "packs/ab/12", "packs/ac/1", "packs2"]
        assert names(store, "pa/") == ["pa/x"]
        assert names(store, "absent/") == []
        assert names(store, "absent") == []
        assert names(store, "packs2/") == []

    def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert names(store) == []

    def test_a_listing_bears_changes_under_way(self, store: Store) -> None:
        wanted = [f"{folder}/{number:02}" for folder in "abc" for number in range(20)]
        for name in wanted:
            store.create(name, b"")
        seen = []
        for row in store.list():
            seen.append(row.name)
            store.delete(row.name)
            if row.name == "a/05":
                store.delete("b/07")
                store.create("d/new", b"")
        assert [name for name in seen if name != "d/new"] == [name for name in wanted if name != "b/07"]

    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_a_name_outside_the_grammar_is_refused(self, store: Store, name: str) -> None:
        for ask in (
            lambda: store.create(name, b"x"),
            lambda: store.put(name, b"x"),
            lambda: store.get(name),
            lambda: store.read(name, 0, 1),
            lambda: store.size(name),
            lambda: store.delete(name),
            lambda: store.retain_until(name, 1.0),
            lambda: store.retained_until(name),
        ):
            with pytest.raises(ValueError, match="not an object name"):
                ask()
        assert names(store) == []

    @pytest.mark.parametrize("prefix", ["/", "..", "a/../", "a//", "A", "a\n", "./a", "a/./b"])
    def test_a_prefix_outside_the_grammar_is_refused(self, store: Store, prefix: str) -> None:
        with pytest.raises(ValueError, match="cannot begin"):
            list(store.list(prefix))

    def test_the_longest_names_are_stored(self, store: Store) -> None:
        wanted = sorted(["b" * 255, "/".join(["c" * 99] * 4), "d/" + "e" * 255])
        for name in wanted:
            store.create(name, name.encode())
        assert names(store) == wanted
        assert [store.get(name) for name in wanted] == [name.encode() for name in wanted]

    def test_a_source_that_breaks_leaves_nothing(self, store: Store, write: Callable[..., None]) -> None:
        with pytest.raises(RuntimeError, match="the source broke"):
            write("a/b", BrokenFile(b"x" * (2 << 20)))
        assert names(store) == []
        with pytest.raises(ObjectNotFound):
            store.get("a/b")
        store.create("a/b", b"whole")
        with pytest.raises(RuntimeError, match="the source broke"):
            store.put("a/b", BrokenFile(b"x" * (2 << 20)))
        assert store.get("a/b") == b"whole"

    def test_one_of_many_racing_creators_wins(self, store: Store) -> None:
        racers = 8
        for round_number in range(10):
            name = f"race/{round_number}"
            start = threading.Barrier(racers)

            def run(number: int, name: str = name, start: threading.Barrier = start) -> bool:
                start.wait()
                try:
                    store.create(name, b"%d" % number * 50_000)
                except ObjectExists:
                    return False
                return True

            with ThreadPoolExecutor(racers) as pool:
                won = list(pool.map(run, range(racers)))
            assert sum(won) == 1
            assert store.get(name) == b"%d" % won.index(True) * 50_000

    def test_readers_see_the_old_or_the_new_object(self, store: Store) -> None:
        versions = [bytes([letter]) * size for letter, size in ((65, 300_000), (66, 200_000), (67, 300_000))]
        store.put("a", versions[0])
        ends = threading.Event()

        def read_on() -> int:
            rounds = 0
            while not ends.is_set() or not rounds:
                assert store.get("a") in versions
                assert len(set(store.read("a", 100_000, 100_000))) == 1
                rounds += 1
            return rounds

        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(read_on) for _ in range(3)]
            try:
                for round_number in range(60):
                    store.put("a", versions[round_number % 3])
            finally:
                ends.set()
            assert all(reader.result() for reader in readers)

    def test_times_are_of_the_stores_own_clock(self, store: Store) -> None:
        before_s = store.now()
        store.create("a", b"")
        (row,) = store.list()
        assert before_s <= row.modified_s <= store.now()

    def test_retention(self, store: Store) -> None:
        store.create("a", b"kept")
        assert store.retained_until("a") == 0.0
        if not self.has_locks:
            store.retain_until("a", store.now() + 100)
            assert store.retained_until("a") == 0.0
            store.delete("a")
            assert names(store) == []
            return
        until_s = store.now() + 100
        store.retain_until("a", until_s)
        store.retain_until("a", until_s - 50)
        assert store.retained_until("a") == until_s
        self.clock.advance(99)
        for refused in (lambda: store.delete("a"), lambda: store.put("a", b"changed")):
            with pytest.raises(ObjectLocked):
                refused()
        with pytest.raises(ObjectExists):
            store.create("a", b"changed")
        assert store.get("a") == b"kept"
        self.clock.advance(1)
        store.delete("a")
        assert names(store) == []

    def test_the_probe_is_passed_and_leaves_nothing(self, store: Store) -> None:
        probe_conditional_create(store)
        assert names(store) == []

    def test_a_store_is_a_dictionary(self, store: Store) -> None:
        rounds = itertools.count()

        @settings(max_examples=25)
        @given(objects=st.dictionaries(NAME, st.binary(max_size=20), max_size=12), prefix=NAME | st.just(""))
        def check(objects: dict[str, bytes], prefix: str) -> None:
            model = {name: objects[name] for name in free_of_folder_clashes(set(objects))}
            # What was a folder in one example may be an object in the next: each has a root of its own.
            root = f"round-{next(rounds)}/"
            for name, data in model.items():
                store.create(root + name, data)
            assert names(store, root) == sorted(root + name for name in model)
            under = sorted(root + name for name in model if name.startswith(prefix))
            assert names(store, root + prefix) == under
            assert {name: store.get(root + name) for name in model} == model

        check()
