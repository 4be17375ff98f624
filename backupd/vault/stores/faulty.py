"""A store that fails or dies exactly where it is told to, and remembers every operation.

Crash tests run a job once over a store without faults, look at the length of `log`, and run it again for every
operation and every moment of it. `Crash` is no Exception: nothing between the store and the test may handle it,
and after it the store refuses everything, as a process that was killed does nothing more. What it would
have left is in the store inside.
"""

from __future__ import annotations

import enum
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, TypeVar

from backupd.vault.stores.base import ObjectInfo, Store
from backupd.vault.stores.sources import size_of, steps_of

Answer = TypeVar("Answer")


class Crash(BaseException):
    """The process was killed, as far as the store can tell."""


class Moment(enum.Enum):
    """When a fault strikes.

    BEFORE the effect; AFTER it, the caller not knowing that it happened; TORN: in the middle of a write's
    data or of a listing's rows (other operations have no middle: it strikes before them).
    """

    BEFORE = "before"
    TORN = "torn"
    AFTER = "after"


class Fault(NamedTuple):
    """Raise `error` at the operations numbered `at` to `at + times - 1` (from 1)."""

    at: int
    moment: Moment
    error: BaseException
    times: int = 1


class Operation(NamedTuple):
    """One row of the log: its number from 1, the method, the object's name or the prefix, and bytes written or read."""

    number: int
    method: str
    name: str
    size_bytes: int


class FaultyStore:
    """Passes everything to `inner` and raises `faults` where they belong.

    `counts` says which operations are numbered and logged (given method and name; all of them by default, where
    `now` and `close` are none). Deterministic as long as one thread uses it; safe with more.
    """

    def __init__(
        self,
        inner: Store,
        faults: Sequence[Fault] = (),
        *,
        counts: Callable[[str, str], bool] = lambda _method, _name: True,
    ) -> None:
        self.inner = inner
        self.log: list[Operation] = []
        self.crashed = False
        self._faults = tuple(faults)
        self._counts = counts
        self._mutex = threading.Lock()

    @classmethod
    def crashing(cls, inner: Store, at: int, moment: Moment = Moment.BEFORE) -> FaultyStore:
        """Return a store that dies at its `at`-th operation."""
        return cls(inner, [Fault(at, moment, Crash(f"killed {moment.value} operation {at}"))])

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Make `name` with `data`, only if absent."""
        self._write("create", name, data, self.inner.create)

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Make or atomically replace `name`."""
        self._write("put", name, data, self.inner.put)

    def get(self, name: str) -> bytes:
        """Return the whole object."""
        return self._call("get", name, 0, lambda: self.inner.get(name))

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        return self._call("read", name, length, lambda: self.inner.read(name, offset, length))

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""
        return self._call("size", name, 0, lambda: self.inner.size(name))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name."""
        fault = self._begin("list", prefix, 0)
        if fault is not None and fault.moment is Moment.BEFORE:
            raise self._struck(fault)
        return self._rows(self.inner.list(prefix), fault)

    def delete(self, name: str) -> None:
        """Remove `name` if it is there."""
        self._call("delete", name, 0, lambda: self.inner.delete(name))

    def now(self) -> float:
        """Return the inner store's clock."""
        self._refuse_if_crashed()
        return self.inner.now()

    def retain_until(self, name: str, until_s: float) -> None:
        """Keep `name` undeletable until then."""
        self._call("retain_until", name, 0, lambda: self.inner.retain_until(name, until_s))

    def retained_until(self, name: str) -> float:
        """Return until when `name` is locked (0.0: not locked)."""
        return self._call("retained_until", name, 0, lambda: self.inner.retained_until(name))

    def close(self) -> None:
        """Close the inner store, unless the process is dead."""
        if not self.crashed:
            self.inner.close()

    def _begin(self, method: str, name: str, size_bytes: int) -> Fault | None:
        """Number and log the operation; return the fault that belongs to it."""
        with self._mutex:
            self._refuse_if_crashed()
            if not self._counts(method, name):
                return None
            number = len(self.log) + 1
            self.log.append(Operation(number, method, name, size_bytes))
        return next((fault for fault in self._faults if fault.at <= number < fault.at + fault.times), None)

    def _call(self, method: str, name: str, size_bytes: int, answer: Callable[[], Answer]) -> Answer:
        fault = self._begin(method, name, size_bytes)
        if fault is None:
            return answer()
        if fault.moment is Moment.AFTER:
            answer()
        raise self._struck(fault)

    def _write(
        self, method: str, name: str, data: bytes | BinaryIO, write: Callable[[str, bytes | BinaryIO], None]
    ) -> None:
        fault = self._begin(method, name, size_of(data))
        if fault is not None and fault.moment is Moment.BEFORE:
            raise self._struck(fault)
        if fault is not None and fault.moment is Moment.TORN:
            data = _TornFile(b"".join(steps_of(data)), lambda: self._struck(fault))
        write(name, data)
        if fault is not None:
            raise self._struck(fault)

    def _rows(self, rows: Iterator[ObjectInfo], fault: Fault | None) -> Iterator[ObjectInfo]:
        for row in rows:
            yield row
            self._refuse_if_crashed()
            if fault is not None and fault.moment is Moment.TORN:
                raise self._struck(fault)
        if fault is not None:
            raise self._struck(fault)

    def _struck(self, fault: Fault) -> BaseException:
        """Return what the caller is to raise; a Crash ends everything."""
        if isinstance(fault.error, Crash):
            self.crashed = True
        return fault.error

    def _refuse_if_crashed(self) -> None:
        if self.crashed:
            raise Crash("the process was killed before this operation")


class _TornFile(io.BytesIO):
    """A file that gives half of its bytes and then fails."""

    def __init__(self, data: bytes, struck: Callable[[], BaseException]) -> None:
        super().__init__(data[: len(data) // 2])
        self._struck = struck

    def read(self, size: int | None = -1, /) -> bytes:
        """Return what is left of the first half; fail where the second would begin."""
        if (data := super().read(size)) and size is not None and size >= 0:
            return data
        raise self._struck()
