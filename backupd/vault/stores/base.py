"""The interface of an object store and the duties of every implementation.

A store maps names to immutable byte strings. Names are relative POSIX paths of lower-case
ASCII letters, digits, `-`, `_` and `.`, at most 400 characters and 255 a part, never with `..`, an empty part
or a part that is `.`; no name is also a folder of another. Any other name raises ValueError.
The conformance suite (`tests/contracts/store_suite.py`) runs over every implementation.

Duties of each method, whatever the implementation:

* `create` is atomic and conditional: the whole object appears under its name or nothing does, and
  exactly one of several racing creators wins; the others get `ObjectExists`. When it returns, the
  object is durable. After a crash no partial object is ever visible under a listed name.
* `put` is atomic too but replaces: readers see the old or the new object, never a mixture.
* `get` of an absent name raises `ObjectNotFound`, and nothing else does. A store that cannot answer
  raises `StoreUnavailable`; "absent" is never guessed from a failure.
* `read` returns exactly `length` bytes from `offset`; an object too short for that raises `ObjectTruncated`.
* `delete` of an absent name is not an error; a name under retention raises `ObjectLocked`.
* `list` yields every object whose name starts with `prefix` that existed before the call began and was not
  deleted, in ascending name order.
* A full store raises `StoreFull`, a read-only or forbidden one `StoreDenied`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from backupd.errors import BackupdError, Integrity


class ObjectNotFound(BackupdError):
    """The store answered, and it has no object of that name."""

    exit_code = 3


class ObjectExists(BackupdError):
    """`create` lost: an object of that name is there already."""

    exit_code = 4


class ObjectLocked(BackupdError):
    """The object is under retention and cannot be deleted or replaced yet."""

    exit_code = 10


class ObjectTruncated(Integrity):
    """The object ends before the bytes that were asked for."""


class ObjectInfo(NamedTuple):
    """One row of a listing: name, size in bytes, time of last change (Unix seconds, the store's clock)."""

    name: str
    size_bytes: int
    modified_s: float


class Store(Protocol):
    """Atomic, conditional object storage; see the module's text for each method's duties."""

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Make `name` with `data` (bytes, or a seekable file, read from its position to its end), only if absent."""

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Make or atomically replace `name`."""

    def get(self, name: str) -> bytes:
        """Return the whole object."""

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name."""

    def delete(self, name: str) -> None:
        """Remove `name` if it is there."""

    def now(self) -> float:
        """Return the store's own clock in Unix seconds (what its `modified_s` are measured by)."""

    def retain_until(self, name: str, until_s: float) -> None:
        """Keep `name` undeletable until then; never shortens an earlier date.

        Stores without locks do nothing.
        """

    def retained_until(self, name: str) -> float:
        """Return until when `name` is locked (0.0: not locked)."""

    def close(self) -> None:
        """Give back connections and descriptors; the store is not used afterwards."""
