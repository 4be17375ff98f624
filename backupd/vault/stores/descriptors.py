"""Open descriptors of recently read files, so that ranged reads of one pack open it once."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict


class _Handle:
    """One open file. `users` reads are under way; a doomed handle is closed by the last of them."""

    __slots__ = ("descriptor", "doomed", "identity", "users")

    def __init__(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self.descriptor = descriptor
        self.identity = (status.st_dev, status.st_ino)
        self.users = 0
        self.doomed = False


class DescriptorCache:
    """At most `limit` idle open files, least recently used first out. Safe between threads.

    Every read asks the file system first whether the path still names the open file, so a file that
    was replaced or removed, by this process or another, is never served from its old descriptor.
    All methods raise OSError.
    """

    def __init__(self, limit: int = 16) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._handles: OrderedDict[str, _Handle] = OrderedDict()

    def read(self, path: str, offset: int, length: int) -> bytes | None:
        """Return `length` bytes from `offset` of the file at `path`, or None if it ends before that."""
        handle = self._acquire(path)
        try:
            return _read_exactly(handle.descriptor, offset, length)
        finally:
            self._release(handle)

    def forget(self, path: str) -> None:
        """Close the descriptor of `path`, so that a removed file gives back its room."""
        with self._lock:
            if (handle := self._handles.pop(path, None)) is not None:
                self._doom(handle)

    def close(self) -> None:
        """Close every descriptor (those in use, when their reads end)."""
        with self._lock:
            while self._handles:
                self._doom(self._handles.popitem()[1])

    def _acquire(self, path: str) -> _Handle:
        status = os.stat(path, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        with self._lock:
            handle = self._handles.get(path)
            if handle is not None and handle.identity == (status.st_dev, status.st_ino):
                self._handles.move_to_end(path)
                handle.users += 1
                return handle
        handle = _Handle(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        handle.users = 1
        with self._lock:
            if (older := self._handles.pop(path, None)) is not None:
                self._doom(older)
            self._handles[path] = handle
            while len(self._handles) > self._limit:
                self._doom(self._handles.popitem(last=False)[1])
        return handle

    def _release(self, handle: _Handle) -> None:
        with self._lock:
            handle.users -= 1
            if handle.doomed and not handle.users:
                os.close(handle.descriptor)

    @staticmethod
    def _doom(handle: _Handle) -> None:
        handle.doomed = True
        if not handle.users:
            os.close(handle.descriptor)


def _read_exactly(descriptor: int, offset: int, length: int) -> bytes | None:
    if not length:
        return b"" if offset <= os.fstat(descriptor).st_size else None
    data = os.pread(descriptor, length, offset)
    if len(data) == length:
        return data
    parts = [data]
    missing = length - len(data)
    while missing and parts[-1]:
        parts.append(os.pread(descriptor, missing, offset + length - missing))
        missing -= len(parts[-1])
    return None if missing else b"".join(parts)
