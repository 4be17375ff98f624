"""An mbox as a row of pieces: split at its `From ` lines, named by digest, never held in memory.

A piece begins at a line `From ` that is the file's first or follows an empty line (as mboxo and mboxrd readers
split), and includes that line; what stands before the first one is a piece of its own. The pieces in order of
their offsets are the file, byte for byte, whatever is in it; an empty mbox is one empty piece.
"""

from __future__ import annotations

import calendar
import os
import re
import struct
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from blake3 import blake3

from connectors.archive.content import DIGEST_BYTES
from connectors.archive.names import encode

_BLOCK_BYTES = 1024 * 1024
_KEPT = 7  # the pattern's length less one, and the two bytes looked at before it
_PATTERN = b"\nFrom "
_RECORD = struct.Struct(f">{DIGEST_BYTES}sQQ")
_MAX_FROM_LINE_BYTES = 4096
_MAX_NAME_CHARS = 120
_DATE = re.compile(
    rb"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(\d{1,2})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\b"
    rb"[^\r\n]*?\b((?:19|20)\d\d)\b"
)
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


class Piece(NamedTuple):
    """One piece: `digest` of its bytes, `ordinal` among equal ones (by offset), and where it lies."""

    digest: bytes
    ordinal: int
    offset: int
    length: int

    @property
    def key(self) -> str:
        """What the piece's id ends with; sorts by digest, then ordinal."""
        return self.digest.hex() + (f"~{self.ordinal:08x}" if self.ordinal else "")


class Envelope(NamedTuple):
    """What a `From ` line says: its length with line end (0: the piece has none), sender and date as text,
    and the date as Unix milliseconds (None: not understood; a zone it may name is not applied).
    """

    length: int
    text: str
    sent_ms: int | None


class Hasher(Protocol):
    """What digests a piece while it is read."""

    def update(self, data: memoryview, /) -> object:
        """Take the next bytes."""

    def digest(self, length: int, /) -> bytes:
        """Return the digest of all bytes taken."""


def cut(fd: int, new_hasher: Callable[[], Hasher] = blake3) -> Iterator[tuple[int, int, bytes]]:
    """Yield (offset, length, digest) of the pieces of an mbox in order, reading it once."""
    hasher = new_hasher()
    start = fed = 0
    buffer = b""
    while True:
        block = os.pread(fd, _BLOCK_BYTES, fed + len(buffer))
        first = 2 if fed else 0
        buffer += block
        view = memoryview(buffer)
        used = 0
        for at in _starts(buffer, first, at_file_start=fed == 0):
            hasher.update(view[used:at])
            yield start, fed + at - start, hasher.digest(DIGEST_BYTES)
            hasher = new_hasher()
            start, used = fed + at, at
        end = len(buffer) if not block else max(used, len(buffer) - _KEPT)
        hasher.update(view[used:end])
        view.release()
        buffer = buffer[end:]
        fed += end
        if not block:
            break
    if fed > start or fed == 0:
        yield start, fed - start, hasher.digest(DIGEST_BYTES)


def _starts(buffer: bytes, first: int, *, at_file_start: bool) -> Iterator[int]:
    """Yield where in `buffer` a piece begins, looking for line ends from `first` on."""
    at = buffer.find(_PATTERN, first)
    while at >= 0:
        before = buffer[max(0, at - 2) : at]
        empty = before.endswith(b"\n") or before == b"\n\r"
        if at_file_start and at < 2:
            empty = before in (b"", b"\n", b"\r")
        if empty:
            yield at + 1
        at = buffer.find(_PATTERN, at + 1)


def pieces(fd: int) -> list[bytes]:
    """Return the pieces of an mbox as records sorted by digest and offset; about 90 bytes of memory each."""
    records = [_RECORD.pack(name, offset, length) for offset, length, name in cut(fd)]
    records.sort()
    return records


def unpacked(records: list[bytes]) -> Iterator[Piece]:
    """Yield the pieces of sorted records, equal ones numbered."""
    last, ordinal = b"", 0
    for record in records:
        name, offset, length = _RECORD.unpack(record)
        ordinal = ordinal + 1 if name == last else 0
        last = name
        yield Piece(name, ordinal, offset, length)


def envelope(fd: int, offset: int, length: int) -> Envelope:
    """Read what the piece's `From ` line says."""
    head = os.pread(fd, min(length, _MAX_FROM_LINE_BYTES), offset)
    if not head.startswith(b"From "):
        return Envelope(0, "", None)
    end = head.find(b"\n") + 1
    if not end and length > _MAX_FROM_LINE_BYTES:
        return Envelope(0, "", None)
    line = head[: end or length]
    text = encode(line[5:].strip()[:_MAX_NAME_CHARS])
    return Envelope(len(line), text, _sent_ms(line))


def _sent_ms(line: bytes) -> int | None:
    match = _DATE.search(line)
    if match is None:
        return None
    month, day, hour, minute, second, year = match.groups()
    try:
        moment = time.strptime(
            f"{int(year)} {_MONTHS.index(month) + 1} {int(day)} {int(hour)} {int(minute)} {int(second or 0)}",
            "%Y %m %d %H %M %S",
        )
    except ValueError:
        return None
    return calendar.timegm(moment) * 1000
