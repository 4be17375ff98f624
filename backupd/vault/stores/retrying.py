"""A store that tries again when the one inside is unavailable, and only then."""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

from backupd.errors import StoreUnavailable
from backupd.vault.stores.base import ObjectExists, ObjectInfo, Store
from backupd.vault.stores.names import check_prefix
from backupd.vault.stores.sources import size_of, steps_of

Answer = TypeVar("Answer")


class RetryingStore:
    """Repeats what raised StoreUnavailable, at most `attempts` times in all, waiting longer each time.

    The n-th wait is drawn between half and all of `first_wait_s * 2**(n-1)`, at most `longest_wait_s`.
    A create that is repeated and then finds the object there may have made it itself: it compares bytes, and
    equal bytes mean success. A repeated `put` may replace what another writer put in between.
    """

    def __init__(
        self,
        inner: Store,
        *,
        attempts: int = 5,
        first_wait_s: float = 0.1,
        longest_wait_s: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random_module.random,
    ) -> None:
        if attempts < 1 or first_wait_s < 0 or longest_wait_s < 0:
            raise ValueError("at least one attempt; waits are never negative")
        self._inner = inner
        self._attempts = attempts
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._sleep = sleep
        self._jitter = jitter

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Make `name` with `data`, only if absent."""
        rewind = _rewinder(data)
        repeated = False

        def attempt() -> None:
            nonlocal repeated
            rewind()
            try:
                self._inner.create(name, data)
            except StoreUnavailable:
                repeated = True
                raise
            except ObjectExists:
                rewind()
                if not repeated or not self._holds(name, data):
                    raise

        self._retry(attempt)

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Make or atomically replace `name`."""
        rewind = _rewinder(data)

        def attempt() -> None:
            rewind()
            self._inner.put(name, data)

        self._retry(attempt)

    def get(self, name: str) -> bytes:
        """Return the whole object."""
        return self._retry(lambda: self._inner.get(name))

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        return self._retry(lambda: self._inner.read(name, offset, length))

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""
        return self._retry(lambda: self._inner.size(name))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name; goes on where a broken listing ended."""
        check_prefix(prefix)
        return self._resumed(prefix)

    def delete(self, name: str) -> None:
        """Remove `name` if it is there."""
        self._retry(lambda: self._inner.delete(name))

    def now(self) -> float:
        """Return the inner store's clock."""
        return self._retry(self._inner.now)

    def retain_until(self, name: str, until_s: float) -> None:
        """Keep `name` undeletable until then."""
        self._retry(lambda: self._inner.retain_until(name, until_s))

    def retained_until(self, name: str) -> float:
        """Return until when `name` is locked (0.0: not locked)."""
        return self._retry(lambda: self._inner.retained_until(name))

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()

    def _retry(self, attempt: Callable[[], Answer]) -> Answer:
        for number in range(1, self._attempts):
            try:
                return attempt()
            except StoreUnavailable:
                self._wait(number)
        return attempt()

    def _wait(self, number: int) -> None:
        wait_s = min(self._first_wait_s * 2 ** min(number - 1, 32), self._longest_wait_s)
        self._sleep(wait_s * (0.5 + self._jitter() / 2))

    def _holds(self, name: str, data: bytes | BinaryIO) -> bool:
        """Say whether the object holds exactly the bytes of `data`, read from its position."""
        size = self.size(name)
        if size != size_of(data):
            return False
        offset = 0
        for step in steps_of(data):
            if self.read(name, offset, len(step)) != step:
                return False
            offset += len(step)
        return offset == size

    def _resumed(self, prefix: str) -> Iterator[ObjectInfo]:
        last, failures = "", 0
        while True:
            try:
                for row in self._inner.list(prefix):
                    if row.name > last:
                        yield row
                        last, failures = row.name, 0
                return
            except StoreUnavailable:
                failures += 1
                if failures >= self._attempts:
                    raise
                self._wait(failures)


def _rewinder(data: bytes | BinaryIO) -> Callable[[], object]:
    if isinstance(data, bytes | bytearray | memoryview):
        return lambda: None
    position = data.tell()
    return lambda: data.seek(position)
