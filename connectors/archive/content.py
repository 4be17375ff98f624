"""An item's bytes, read from the original and checked against changes while they were read."""

from __future__ import annotations

import io
import os
import time
from typing import BinaryIO, cast

from blake3 import blake3

from connectors.archive.below import open_regular, reason
from connectors.sdk.errors import Skippable

_ATTEMPTS = 3
_PAUSE_S = 0.02
_MAX_CHECKED_SLICE_BYTES = 16 * 1024 * 1024
DIGEST_BYTES = 16


def digest(data: bytes) -> bytes:
    """Return the digest that names a piece of an mbox."""
    return blake3(data).digest(DIGEST_BYTES)


def _changed(path: str) -> Skippable:
    return Skippable(
        "changed-while-read", f"{path!r} changed each time it was read; the next run tries again."
    )


class FileReader(io.RawIOBase):
    """A regular file from start to end. `read()` reads again when the file changed meanwhile; piecewise
    reads cannot, and raise `Skippable` at the end instead.
    """

    def __init__(self, fd: int, now: os.stat_result, path: str) -> None:
        self._fd = fd
        self._stat = now
        self._path = path
        self._done = 0
        self._at_end = False
        self._surplus = b""

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes, all of the rest by default. Raises `Skippable`."""
        if self._at_end:
            return self._from_surplus(size) if self._surplus else b""
        if size is None or size < 0 or (not self._done and size > self._stat.st_size):
            data = self._read_rest()
            if size is not None and 0 <= size < len(data):  # it has grown
                self._surplus = data
                return self._from_surplus(size)
            return data
        data = self._pull(size)
        self._done += len(data)
        if size and (len(data) < size or self._done >= self._stat.st_size):
            self._at_end = True
            if self._differs():
                raise _changed(self._path)
        return data

    def _from_surplus(self, size: int | None) -> bytes:
        end = len(self._surplus) if size is None or size < 0 else size
        data, self._surplus = self._surplus[:end], self._surplus[end:]
        return data

    def _pull(self, size: int) -> bytes:
        try:
            return os.read(self._fd, size)
        except OSError as exc:
            code, text = reason(exc)
            raise Skippable(code, f"{self._path!r} {text}.") from exc

    def _pull_all(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end of the file."""
        data = self._pull(size)
        while len(data) < size and (more := self._pull(size - len(data))):
            data += more
        return data

    def _differs(self) -> bool:
        was, now = self._stat, os.fstat(self._fd)
        return (
            was.st_mtime_ns != now.st_mtime_ns
            or was.st_size != now.st_size
            or was.st_ctime_ns != now.st_ctime_ns
        )

    def _read_rest(self) -> bytes:
        start = self._done
        for attempt in range(_ATTEMPTS):
            data = self._pull_all(self._stat.st_size - start)
            self._done = start + len(data)
            if self._done == self._stat.st_size and not self._differs():
                self._at_end = True
                return data
            if start:
                break
            time.sleep(_PAUSE_S * (attempt + 1))
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._stat = os.fstat(self._fd)
        raise _changed(self._path)

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` as far as there are bytes; return how many."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return all of the rest."""
        return self.read()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def close(self) -> None:
        """Give the descriptor back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        super().close()


def open_file(root_fd: int, path: str, inode: int) -> BinaryIO:
    """Open a whole file below the import folder. Raises `Skippable`."""
    try:
        fd, now = open_regular(root_fd, path, inode)
    except OSError as exc:
        code, text = reason(exc)
        raise Skippable(code, f"{path!r} {text}.") from exc
    return cast(BinaryIO, FileReader(fd, now, path))


class SliceReader(FileReader):
    """One piece of an mbox: `length` bytes from where the descriptor stands."""

    def __init__(self, fd: int, now: os.stat_result, path: str, length: int) -> None:
        super().__init__(fd, now, path)
        self._left = length

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes, all of the rest by default. Raises `Skippable`."""
        if self._at_end:
            return b""
        size = self._left if size is None or size < 0 else min(size, self._left)
        data = self._pull_all(size)
        self._left -= len(data)
        if len(data) < size or not self._left:
            self._at_end = True
            if len(data) < size or self._differs():
                raise _changed(self._path)
        return data


def open_slice(
    root_fd: int, path: str, was: os.stat_result, offset: int, length: int, name: bytes
) -> BinaryIO:
    """Open a piece of an mbox that was parsed at stat `was` and is named by its digest. Raises `Skippable`.

    When the mbox changed since, the piece is only given out if it still is what the digest says.
    """
    try:
        fd, now = open_regular(root_fd, path, was.st_ino)
    except OSError as exc:
        code, text = reason(exc)
        raise Skippable(code, f"{path!r} {text}.") from exc
    reader = SliceReader(fd, now, path, length)
    if (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) != (
        was.st_ino,
        was.st_size,
        was.st_mtime_ns,
        was.st_ctime_ns,
    ):
        data = os.pread(fd, length, offset) if length <= _MAX_CHECKED_SLICE_BYTES else b""
        reader.close()
        if len(data) != length or digest(data) != name:
            raise _changed(path)
        return io.BytesIO(data)
    os.lseek(fd, offset, os.SEEK_SET)
    return cast(BinaryIO, reader)
