"""The store contract over every store and wrapper."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupd.vault.stores.base import Store
from backupd.vault.stores.faulty import FaultyStore
from backupd.vault.stores.local import LocalStore
from backupd.vault.stores.memory import ManualClock, MemoryStore
from backupd.vault.stores.retrying import RetryingStore
from backupd.vault.stores.slow import SlowStore
from tests.contracts.store_suite import StoreSuite


class TestLocal(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        (tmp_path / "store").mkdir()
        return LocalStore(tmp_path / "store")


class TestMemory(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestMemoryWithLocks(StoreSuite):
    has_locks = True

    @pytest.fixture
    def store(self) -> Store:
        self.clock = ManualClock()
        return MemoryStore(clock=self.clock, locks=True)


class TestRetrying(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        (tmp_path / "store").mkdir()
        return RetryingStore(LocalStore(tmp_path / "store"))


class TestSlow(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return SlowStore(MemoryStore(), latency_s=0.0001, bytes_per_s=1e9)


class TestFaultyWithoutFaults(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return FaultyStore(MemoryStore())
