"""A store with latency and limited bandwidth: what an object store across a network feels like."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from backupd.vault.stores.base import ObjectInfo, Store
from backupd.vault.stores.sources import size_of

LIST_PAGE_OBJECTS = 1_000


class SlowStore:
    """Waits `latency_s` at each request and the time its bytes take at `bytes_per_s`, then asks `inner`.

    A listing costs one request per 1,000 objects. `sleep` is what waits.
    """

    def __init__(
        self,
        inner: Store,
        *,
        latency_s: float = 0.0,
        bytes_per_s: float = float("inf"),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if latency_s < 0 or bytes_per_s <= 0:
            raise ValueError("latency is never negative, bandwidth is positive")
        self._inner = inner
        self._latency_s = latency_s
        self._bytes_per_s = bytes_per_s
        self._sleep = sleep

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Make `name` with `data`, only if absent."""
        self._wait(size_of(data))
        self._inner.create(name, data)

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Make or atomically replace `name`."""
        self._wait(size_of(data))
        self._inner.put(name, data)

    def get(self, name: str) -> bytes:
        """Return the whole object."""
        data = self._inner.get(name)
        self._wait(len(data))
        return data

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        self._wait(length)
        return self._inner.read(name, offset, length)

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""
        self._wait()
        return self._inner.size(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name."""
        return self._pages(self._inner.list(prefix))

    def delete(self, name: str) -> None:
        """Remove `name` if it is there."""
        self._wait()
        self._inner.delete(name)

    def now(self) -> float:
        """Return the inner store's clock."""
        return self._inner.now()

    def retain_until(self, name: str, until_s: float) -> None:
        """Keep `name` undeletable until then."""
        self._wait()
        self._inner.retain_until(name, until_s)

    def retained_until(self, name: str) -> float:
        """Return until when `name` is locked (0.0: not locked)."""
        self._wait()
        return self._inner.retained_until(name)

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()

    def _wait(self, size_bytes: int = 0) -> None:
        self._sleep(self._latency_s + size_bytes / self._bytes_per_s)

    def _pages(self, rows: Iterator[ObjectInfo]) -> Iterator[ObjectInfo]:
        self._wait()
        for number, row in enumerate(rows, 1):
            yield row
            if number % LIST_PAGE_OBJECTS == 0:
                self._wait()
