"""A store in memory, for tests and for work that need not outlive the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from backupd.vault.stores.base import ObjectExists, ObjectInfo, ObjectLocked, ObjectNotFound, ObjectTruncated
from backupd.vault.stores.names import check_name, check_prefix


class ManualClock:
    """A clock that moves only when told to. Calling it returns Unix seconds."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the time this clock was set to."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Move the clock; a negative number sets it back, as machines' clocks sometimes are."""
        self.now_s += seconds


class _Object(NamedTuple):
    data: bytes
    modified_s: float
    retained_until_s: float


class MemoryStore:
    """Objects in a dictionary. Safe between threads.

    With `locks`, `retain_until` is honoured as an object lock would be; without, it does nothing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, locks: bool = False) -> None:
        self._clock = clock
        self._locks = locks
        self._mutex = threading.Lock()
        self._objects: dict[str, _Object] = {}

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Make `name` with `data`, only if absent."""
        check_name(name)
        held = _read_all(data)
        with self._mutex:
            if name in self._objects:
                raise ObjectExists(f"There is already an object {name}.")
            self._objects[name] = _Object(held, self._clock(), 0.0)

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Make or atomically replace `name`."""
        check_name(name)
        held = _read_all(data)
        with self._mutex:
            self._refuse_locked(name)
            self._objects[name] = _Object(held, self._clock(), 0.0)

    def get(self, name: str) -> bytes:
        """Return the whole object."""
        return self._object(name).data

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        if offset < 0 or length < 0:
            raise ValueError("offset and length are never negative")
        data = self._object(name).data
        if offset + length > len(data):
            raise ObjectTruncated(f"The object {name} ends before byte {offset + length}.")
        return data[offset : offset + length]

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""
        return len(self._object(name).data)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name."""
        check_prefix(prefix)
        with self._mutex:
            names = sorted(name for name in self._objects if name.startswith(prefix))
        return self._rows(names)

    def delete(self, name: str) -> None:
        """Remove `name` if it is there."""
        check_name(name)
        with self._mutex:
            self._refuse_locked(name)
            self._objects.pop(name, None)

    def now(self) -> float:
        """Return the clock this store was made with, in Unix seconds."""
        return self._clock()

    def retain_until(self, name: str, until_s: float) -> None:
        """Keep `name` undeletable until then; never shortens an earlier date."""
        check_name(name)
        if not self._locks:
            return
        with self._mutex:
            held = self._object(name)
            self._objects[name] = held._replace(retained_until_s=max(until_s, held.retained_until_s))

    def retained_until(self, name: str) -> float:
        """Return until when `name` is locked (0.0: not locked)."""
        check_name(name)
        return self._object(name).retained_until_s if self._locks else 0.0

    def close(self) -> None:
        """Do nothing: the objects stay, so that a test can open the store again."""

    def _object(self, name: str) -> _Object:
        check_name(name)
        try:
            return self._objects[name]
        except KeyError:
            raise ObjectNotFound(f"There is no object {name}.") from None

    def _refuse_locked(self, name: str) -> None:
        held = self._objects.get(name)
        if held is not None and held.retained_until_s > self._clock():
            raise ObjectLocked(
                f"The object {name} is under retention.", hint="Delete it once that has ended."
            )

    def _rows(self, names: Sequence[str]) -> Iterator[ObjectInfo]:
        for name in names:
            held = self._objects.get(name)
            if held is not None:
                yield ObjectInfo(name, len(held.data), held.modified_s)


def _read_all(data: bytes | BinaryIO) -> bytes:
    return bytes(data) if isinstance(data, bytes | bytearray | memoryview) else data.read()
