"""Writing pieces of an mbox back: appended, once each, with an empty line before where one is missing.

Pieces restored in the order of their offsets into a missing mbox give it back byte for byte. A message counts as
there if an equal one is, leaving trailing line ends aside: an appended separator must not hide it.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from blake3 import blake3

from connectors.archive import mbox
from connectors.archive.content import DIGEST_BYTES
from connectors.sdk.directory_writer import SAFE_MODE, DirectoryWriter, set_time
from connectors.sdk.errors import Retriable
from connectors.sdk.records import OnConflict, Placement, Restored, RestoreOutcome, StoredContent

_RETRY_AFTER_S = 5.0
_LINE_ENDS = b"\r\n"


class _Trimmed:
    """A digest that leaves line ends at the end aside."""

    def __init__(self) -> None:
        self._hasher = blake3()
        self._pending = b""

    def update(self, data: bytes | memoryview, /) -> None:
        joined = self._pending + bytes(data)
        kept = joined.rstrip(_LINE_ENDS)
        self._hasher.update(kept)
        self._pending = joined[len(kept) :]

    def digest(self, length: int, /) -> bytes:
        return self._hasher.digest(length)


class _Stamp(NamedTuple):
    device: int
    inode: int
    size: int
    mtime_ns: int


def _stamp(fd: int) -> _Stamp:
    now = os.fstat(fd)
    return _Stamp(now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)


class Contents:
    """Which messages the mbox restored into last holds; read again only when somebody else wrote to it."""

    def __init__(self) -> None:
        self._stamp: _Stamp | None = None
        self._is_ours = False
        self._count: Counter[bytes] = Counter()

    def of(self, fd: int) -> Counter[bytes]:
        """Return digest -> number of the messages in the opened mbox."""
        if self._stamp != _stamp(fd):
            self._is_ours = not os.fstat(fd).st_size
            self._count = Counter(name for _, length, name in mbox.cut(fd, _Trimmed) if length)
            self._stamp = _stamp(fd)
        return self._count

    def appended(self, fd: int, name: bytes, mtime_ns: int) -> None:
        """Note a message that was appended; an mbox that is all from here gets its original's time."""
        self._count[name] += 1
        if self._is_ours:
            set_time(fd, mtime_ns)
        self._stamp = _stamp(fd)

    def forget(self) -> None:
        """Forget what was read."""
        self._stamp = None
        self._count = Counter()


def restore(
    writer: DirectoryWriter,
    parts: tuple[str, ...],
    place: Placement,
    ordinal: int,
    content: StoredContent,
    contents: Contents,
) -> Restored:
    """Write one piece back. Raises `Retriable` while another program has the mbox locked."""
    path = "/".join(parts)
    if not content.size_bytes:
        return writer.write(parts, (), place.mtime_ns, place.mode, OnConflict.SKIP)
    fd = writer.open_for_update(parts, place.mode)
    try:
        _lock(fd, path)
        size = os.fstat(fd).st_size
        if not size:
            os.fchmod(fd, place.mode & SAFE_MODE)
        elif not place.envelope_length:
            # What stands before the first message cannot be appended: it would become part of the last.
            is_there = _begins_with(fd, content.chunks())
            outcome = RestoreOutcome.ALREADY_RESTORED if is_there else RestoreOutcome.SKIPPED_EXISTING
            return Restored(outcome, path)
        name = _digest(content.chunks())
        if contents.of(fd)[name] > ordinal:
            return Restored(RestoreOutcome.ALREADY_RESTORED, path)
        _append(fd, size, content.chunks())
        contents.appended(fd, name, place.mtime_ns)
        return Restored(RestoreOutcome.WRITTEN, path)
    finally:
        os.close(fd)


def _append(fd: int, size: int, chunks: Iterable[bytes]) -> None:
    """Append a message, all of it or (on an error) nothing."""
    try:
        at = size + os.pwrite(fd, _separator(os.pread(fd, 4, max(0, size - 4)), size), size)
        for chunk in chunks:
            while chunk:
                written = os.pwrite(fd, chunk, at)
                at += written
                chunk = chunk[written:]
    except BaseException:
        os.ftruncate(fd, size)
        raise


def _separator(tail: bytes, size: int) -> bytes:
    """Return what has to stand between an mbox that ends with `tail` and its next message."""
    if not size or tail.endswith((b"\n\n", b"\n\r\n")) or (size == len(tail) and tail in (b"\n", b"\r\n")):
        return b""
    if tail.endswith(b"\r\n"):
        return b"\r\n"
    return b"\n" if tail.endswith(b"\n") else b"\n\n"


def _digest(chunks: Iterable[bytes]) -> bytes:
    hasher = _Trimmed()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.digest(DIGEST_BYTES)


def _begins_with(fd: int, chunks: Iterable[bytes]) -> bool:
    at = 0
    for chunk in chunks:
        if os.pread(fd, len(chunk), at) != chunk:
            return False
        at += len(chunk)
    return True


def _lock(fd: int, path: str) -> None:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise Retriable(f"{path!r} is being written by another program.", _RETRY_AFTER_S) from exc
