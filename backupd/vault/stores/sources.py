"""What the wrappers need to know of the data given to `create` and `put`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

STEP_BYTES = 1 << 20


def size_of(data: bytes | BinaryIO) -> int:
    """Return how many bytes are left in `data`; a file's position does not move."""
    if isinstance(data, bytes | bytearray | memoryview):
        return len(data)
    position = data.tell()
    size = data.seek(0, os.SEEK_END) - position
    data.seek(position)
    return size


def steps_of(data: bytes | BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of `data` in steps of 1 MiB; a file is read from its position."""
    if isinstance(data, bytes | bytearray | memoryview):
        for start in range(0, len(data), STEP_BYTES):
            yield bytes(data[start : start + STEP_BYTES])
        return
    while step := data.read(STEP_BYTES):
        yield step
