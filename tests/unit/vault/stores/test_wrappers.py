"""What the wrappers add: retries, waiting, refusal, faults."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from backupd.errors import StoreDenied, StoreFull, StoreUnavailable
from backupd.vault.stores.base import ObjectExists, ObjectNotFound, Store
from backupd.vault.stores.faulty import Crash, Fault, FaultyStore, Moment, Operation
from backupd.vault.stores.local import INCOMING, LocalStore
from backupd.vault.stores.memory import MemoryStore
from backupd.vault.stores.read_only import ReadOnlyStore
from backupd.vault.stores.retrying import RetryingStore
from backupd.vault.stores.slow import SlowStore


def names(store: Store) -> list[str]:
    return [row.name for row in store.list()]


def filled(store: Store) -> Store:
    for name in ("a", "b", "c"):
        store.create(name, name.encode() * 10)
    return store


USES: dict[str, Callable[[Store], Any]] = {
    "create": lambda store: store.create("new", b"new"),
    "put": lambda store: store.put("a", b"new"),
    "get": lambda store: store.get("a"),
    "read": lambda store: store.read("a", 2, 3),
    "size": lambda store: store.size("a"),
    "list": lambda store: list(store.list()),
    "delete": lambda store: store.delete("a"),
    "retain_until": lambda store: store.retain_until("a", 5.0),
    "retained_until": lambda store: store.retained_until("a"),
}


def flaky(times: int, moment: Moment = Moment.BEFORE) -> FaultyStore:
    fault = Fault(1, moment, StoreUnavailable("away"), times)
    return FaultyStore(filled(MemoryStore(clock=lambda: 1.0)), [fault])


class TestRetrying:
    @pytest.mark.parametrize("moment", list(Moment))
    @pytest.mark.parametrize("method", list(USES))
    def test_a_passing_fault_is_not_seen(self, method: str, moment: Moment) -> None:
        waits: list[float] = []
        inner = flaky(3, moment)
        calm = filled(MemoryStore(clock=lambda: 1.0))
        assert USES[method](RetryingStore(inner, sleep=waits.append)) == USES[method](calm)
        assert {name: inner.inner.get(name) for name in names(inner.inner)} == {
            name: calm.get(name) for name in names(calm)
        }
        # A create that happened is noticed by the next one, which costs a size and a read; one of them still fails.
        assert len(waits) == (2 if (method, moment) == ("create", Moment.AFTER) else 3)

    @pytest.mark.parametrize("method", list(USES))
    def test_a_lasting_fault_is_raised_after_the_last_attempt(self, method: str) -> None:
        waits: list[float] = []
        inner = flaky(1000)
        with pytest.raises(StoreUnavailable):
            USES[method](RetryingStore(inner, attempts=4, sleep=waits.append))
        assert len(inner.log) == 4
        assert len(waits) == 3

    @pytest.mark.parametrize(
        "error", [StoreFull("full"), StoreDenied("no"), ObjectNotFound("none"), ValueError()]
    )
    @pytest.mark.parametrize("method", list(USES))
    def test_other_errors_are_raised_at_once(self, method: str, error: Exception) -> None:
        inner = FaultyStore(filled(MemoryStore()), [Fault(1, Moment.BEFORE, error)])
        with pytest.raises(type(error)):
            USES[method](RetryingStore(inner, sleep=lambda _: pytest.fail("it waited")))
        assert len(inner.log) == 1

    def test_waits_grow_and_are_bounded(self) -> None:
        waits: list[float] = []
        store = RetryingStore(
            flaky(6), attempts=7, first_wait_s=1, longest_wait_s=8, sleep=waits.append, jitter=lambda: 1.0
        )
        store.get("a")
        assert waits == [1, 2, 4, 8, 8, 8]
        waits.clear()
        RetryingStore(flaky(2), first_wait_s=1, sleep=waits.append, jitter=lambda: 0.0).get("a")
        assert waits == [0.5, 1]

    def test_a_create_that_happened_unseen_is_a_success(self) -> None:
        inner = flaky(1, Moment.AFTER)
        RetryingStore(inner, sleep=lambda _: None).create("new", b"ours")
        assert inner.inner.get("new") == b"ours"

    @pytest.mark.parametrize("theirs", [b"", b"the", b"theirs", b"ours but longer", b"ourz"])
    def test_a_create_that_another_won_meanwhile_is_lost(self, theirs: bytes) -> None:
        inner = FaultyStore(MemoryStore(), [Fault(1, Moment.BEFORE, StoreUnavailable("away"))])
        store = RetryingStore(inner, sleep=lambda _: inner.inner.create("new", theirs))
        with pytest.raises(ObjectExists):
            store.create("new", b"ours")
        assert inner.inner.get("new") == theirs

    def test_a_first_create_that_finds_equal_bytes_is_lost_all_the_same(self) -> None:
        inner = MemoryStore()
        inner.create("new", b"ours")
        with pytest.raises(ObjectExists):
            RetryingStore(inner).create("new", b"ours")

    @pytest.mark.parametrize("moment", list(Moment))
    @pytest.mark.parametrize("method", ["create", "put"])
    def test_a_file_is_rewound_to_where_it_was(self, method: str, moment: Moment) -> None:
        data = bytes(range(256)) * 10_000
        inner = flaky(1, moment)
        source = io.BytesIO(data)
        source.seek(1234)
        getattr(RetryingStore(inner, sleep=lambda _: None), method)("new", source)
        assert inner.inner.get("new") == data[1234:]

    def test_a_large_create_is_compared_to_its_last_byte(self) -> None:
        data = bytes(range(256)) * 10_000
        inner = FaultyStore(MemoryStore(), [Fault(1, Moment.BEFORE, StoreUnavailable("away"))])
        store = RetryingStore(inner, sleep=lambda _: inner.inner.create("new", data[:-1] + b"\0"))
        with pytest.raises(ObjectExists):
            store.create("new", io.BytesIO(data))

    def test_a_listing_goes_on_where_it_broke(self) -> None:
        class BreaksAfterEachRow(MemoryStore):
            def list(self, prefix: str = "") -> Any:
                for row in super().list(prefix):
                    if row.name not in seen:
                        seen.add(row.name)
                        yield row
                        raise StoreUnavailable("away")
                    yield row

        seen: set[str] = set()
        inner = filled(BreaksAfterEachRow())
        assert names(RetryingStore(inner, attempts=2, sleep=lambda _: None)) == ["a", "b", "c"]
        assert seen == {"a", "b", "c"}


class TestSlow:
    def test_every_request_waits_for_its_latency_and_its_bytes(self) -> None:
        waits: list[float] = []
        store = SlowStore(MemoryStore(), latency_s=1.0, bytes_per_s=100.0, sleep=waits.append)
        source = io.BytesIO(b"x" * 60)
        source.seek(10)
        store.create("a", b"x" * 200)
        store.put("b", source)
        store.get("a")
        store.read("a", 0, 10)
        store.size("a")
        store.delete("b")
        assert waits == [3.0, 1.5, 3.0, 1.1, 1.0, 1.0]

    def test_a_listing_waits_once_a_page(self) -> None:
        waits: list[float] = []
        inner = MemoryStore()
        for number in range(2_500):
            inner.create(f"n/{number}", b"")
        assert len(list(SlowStore(inner, latency_s=1.0, sleep=waits.append).list())) == 2_500
        assert waits == [1.0] * 3


class TestReadOnly:
    @pytest.mark.parametrize("method", ["create", "put", "delete", "retain_until"])
    def test_changes_are_refused(self, method: str) -> None:
        inner = FaultyStore(filled(MemoryStore()))
        with pytest.raises(StoreDenied):
            USES[method](ReadOnlyStore(inner))
        assert inner.log == []

    @pytest.mark.parametrize("method", ["get", "read", "size", "list", "retained_until"])
    def test_reads_pass(self, method: str) -> None:
        inner = filled(MemoryStore())
        assert USES[method](ReadOnlyStore(inner)) == USES[method](inner)


class TestFaulty:
    def test_every_operation_is_logged(self) -> None:
        store = FaultyStore(filled(MemoryStore()))
        for use in (use for method, use in USES.items() if method not in ("put", "delete")):
            use(store)
            store.now()
        USES["put"](store)
        USES["delete"](store)
        assert [operation.method for operation in store.log] == [
            *(method for method in USES if method not in ("put", "delete")),
            "put",
            "delete",
        ]
        assert [operation.number for operation in store.log] == list(range(1, len(USES) + 1))
        assert store.log[0] == Operation(1, "create", "new", 3)
        assert store.log[2] == Operation(3, "read", "a", 3)

    @pytest.mark.parametrize("method", ["create", "put", "delete"])
    @pytest.mark.parametrize("moment", list(Moment))
    def test_the_fault_strikes_before_or_after_the_effect(self, method: str, moment: Moment) -> None:
        inner, calm = filled(MemoryStore()), filled(MemoryStore())
        store = FaultyStore(inner, [Fault(1, moment, StoreUnavailable("away"))])
        with pytest.raises(StoreUnavailable):
            USES[method](store)
        if moment is Moment.AFTER:
            USES[method](calm)
        assert {name: inner.get(name) for name in names(inner)} == {
            name: calm.get(name) for name in names(calm)
        }
        store.get("b")

    @pytest.mark.parametrize("method", list(USES))
    @pytest.mark.parametrize("moment", list(Moment))
    def test_after_a_crash_nothing_works(self, method: str, moment: Moment) -> None:
        store = FaultyStore.crashing(filled(MemoryStore()), 1, moment)
        with pytest.raises(Crash):
            USES[method](store)
        before = names(store.inner)
        for use in [*USES.values(), lambda store: store.now()]:
            with pytest.raises(Crash):
                use(store)
        assert names(store.inner) == before
        store.close()

    def test_a_crash_is_not_handled_as_an_error(self) -> None:
        assert not issubclass(Crash, Exception)

    def test_a_fault_strikes_as_often_as_it_says(self) -> None:
        store = FaultyStore(
            filled(MemoryStore()), [Fault(2, Moment.BEFORE, StoreUnavailable("away"), times=2)]
        )
        outcomes = []
        for _ in range(4):
            try:
                outcomes.append(store.get("a") == b"a" * 10)
            except StoreUnavailable:
                outcomes.append(False)
        assert outcomes == [True, False, False, True]

    def test_only_what_counts_is_numbered(self) -> None:
        store = FaultyStore(
            filled(MemoryStore()),
            [Fault(1, Moment.BEFORE, StoreUnavailable("away"))],
            counts=lambda method, name: method == "create" and name.startswith("packs/"),
        )
        store.create("other", b"")
        store.get("a")
        with pytest.raises(StoreUnavailable):
            store.create("packs/1", b"")
        assert [operation.name for operation in store.log] == ["packs/1"]

    @pytest.mark.parametrize("data", [b"x" * 3_000_000, io.BytesIO(b"x" * 3_000_000)], ids=["bytes", "file"])
    @pytest.mark.parametrize("method", ["create", "put"])
    def test_a_torn_write_leaves_no_object(self, tmp_path: Path, method: str, data: bytes | BinaryIO) -> None:
        inner = LocalStore(tmp_path)
        store = FaultyStore(inner, [Fault(1, Moment.TORN, StoreUnavailable("the line broke"))])
        with pytest.raises(StoreUnavailable):
            getattr(store, method)("a", data)
        assert names(inner) == []
        assert list((tmp_path / INCOMING).iterdir()) == []

    @pytest.mark.parametrize(("moment", "seen"), [(Moment.BEFORE, 0), (Moment.TORN, 1), (Moment.AFTER, 3)])
    def test_a_listing_breaks_where_it_is_told_to(self, moment: Moment, seen: int) -> None:
        store = FaultyStore(filled(MemoryStore()), [Fault(1, moment, StoreUnavailable("away"))])
        rows = []
        with pytest.raises(StoreUnavailable):
            for row in store.list():
                rows.append(row)
        assert len(rows) == seen
