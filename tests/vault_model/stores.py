"""Copies of memory stores, and a store that lets something else happen in the middle of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from backupd.vault.stores.base import ObjectInfo
from backupd.vault.stores.faulty import Fault, FaultyStore
from backupd.vault.stores.memory import ManualClock, MemoryStore


def copied(store: MemoryStore, clock: ManualClock) -> MemoryStore:
    """Return a store of its own with the same objects."""
    made = MemoryStore(clock=clock)
    made._objects = dict(store._objects)
    return made


class InterruptedStore(FaultyStore):
    """Does something else, once, before its operation number `at`: another process that comes in between."""

    def __init__(self, inner: MemoryStore, at: int, happening: Callable[[], object]) -> None:
        super().__init__(inner)
        self._at = at
        self._happening: Callable[[], object] | None = happening

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return super().list(prefix)

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        super().create(name, data)

    def _begin(self, method: str, name: str, size_bytes: int) -> Fault | None:
        fault = super()._begin(method, name, size_bytes)
        if self._happening is not None and len(self.log) >= self._at:
            happening, self._happening = self._happening, None
            happening()
        return fault
