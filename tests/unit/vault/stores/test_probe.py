"""The probe finds stores that only say that their create is conditional."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import BinaryIO

import pytest

from backupd.errors import StoreDenied, StoreUnavailable
from backupd.vault.stores.base import ObjectExists, ObjectLocked
from backupd.vault.stores.faulty import Crash, Fault, FaultyStore, Moment
from backupd.vault.stores.memory import ManualClock, MemoryStore
from backupd.vault.stores.probe import probe_conditional_create


class IgnoresTheCondition(MemoryStore):
    def create(self, name: str, data: bytes | BinaryIO) -> None:
        self.put(name, data)


class ChecksThenWrites(MemoryStore):
    """Two creators at once both see that nothing is there, the first stays; a late one is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.both_looked = threading.Barrier(2, timeout=5)
        self.second_wrote = threading.Event()

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        if any(self.list(name)):
            raise ObjectExists(name)
        self.both_looked.wait()
        if bytes(data).startswith(b"probe 0"):
            self.second_wrote.wait(5)
        self.put(name, data)
        self.second_wrote.set()


class WelcomesLateOnes(MemoryStore):
    """Keeps the first object, but tells a late creator that all went well."""

    creates = 0

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        self.creates += 1
        if self.creates < 3:
            super().create(name, data)


class RefusesButReplaces(MemoryStore):
    def create(self, name: str, data: bytes | BinaryIO) -> None:
        there = any(self.list(name))
        self.put(name, data)
        if there:
            raise ObjectExists(name)


class NobodyWins(MemoryStore):
    def create(self, name: str, data: bytes | BinaryIO) -> None:
        self.put(name, data)
        raise ObjectExists(name)


@pytest.mark.parametrize(
    "make", [IgnoresTheCondition, ChecksThenWrites, WelcomesLateOnes, RefusesButReplaces, NobodyWins]
)
def test_a_store_that_ignores_the_condition_is_refused(make: Callable[[], MemoryStore]) -> None:
    store = make()
    with pytest.raises(StoreDenied, match="ignores the condition"):
        probe_conditional_create(store)
    assert list(store.list()) == []


def test_a_good_store_passes_and_is_left_as_it_was() -> None:
    store = FaultyStore(MemoryStore())
    probe_conditional_create(store)
    assert list(store.list()) == []
    assert [operation.method for operation in store.log].count("create") == 3


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreDenied("read-only"), Crash()])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_the_stores_own_errors_pass_through(error: BaseException, at: int) -> None:
    store = FaultyStore(MemoryStore(), [Fault(at, Moment.BEFORE, error)])
    with pytest.raises(type(error)) as caught:
        probe_conditional_create(store)
    assert caught.value is error or isinstance(error, Crash)


def test_a_default_retention_does_not_fail_the_probe() -> None:
    class LockedBucket(MemoryStore):
        def create(self, name: str, data: bytes | BinaryIO) -> None:
            super().create(name, data)
            self.retain_until(name, self.now() + 100)

    store = LockedBucket(clock=ManualClock(), locks=True)
    probe_conditional_create(store)
    with pytest.raises(ObjectLocked):
        store.delete(next(store.list()).name)
