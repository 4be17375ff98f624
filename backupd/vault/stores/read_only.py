"""A store that lets nothing be changed: for check, browsing and restore where nothing may be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from backupd.errors import StoreDenied
from backupd.vault.stores.base import ObjectInfo, Store


class ReadOnlyStore:
    """Reads from `inner`; every change raises StoreDenied."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Refuse."""
        raise _refused(name)

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Refuse."""
        raise _refused(name)

    def get(self, name: str) -> bytes:
        """Return the whole object."""
        return self._inner.get(name)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        return self._inner.read(name, offset, length)

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""
        return self._inner.size(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name."""
        return self._inner.list(prefix)

    def delete(self, name: str) -> None:
        """Refuse."""
        raise _refused(name)

    def now(self) -> float:
        """Return the inner store's clock."""
        return self._inner.now()

    def retain_until(self, name: str, until_s: float) -> None:
        """Refuse."""
        raise _refused(name)

    def retained_until(self, name: str) -> float:
        """Return until when `name` is locked (0.0: not locked)."""
        return self._inner.retained_until(name)

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()


def _refused(name: str) -> StoreDenied:
    return StoreDenied(f"The store is open for reading only; {name} stays as it is.")
