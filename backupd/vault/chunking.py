"""Content-defined chunking of large contents, so that a change in the middle stores only its neighbourhood.

FastCDC with a seed derived from the vault's naming key: boundaries, and so blob lengths, differ between vaults.
The boundaries are part of deduplication, not of correctness; pyfastcdc is pinned and vectors in the tests hold them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pyfastcdc import FastCDC

WHOLE_LIMIT_BYTES = 1 << 20
MIN_BYTES = 256 << 10
AVERAGE_BYTES = 1 << 20
MAX_BYTES = 4 << 20


class Chunker:
    """Cuts byte strings and streams at content-defined boundaries."""

    def __init__(self, seed: int) -> None:
        self._cdc = FastCDC(AVERAGE_BYTES, min_size=MIN_BYTES, max_size=MAX_BYTES, seed=seed)

    def cut(self, data: bytes) -> list[bytes]:
        """Return `data` as chunks; up to 1 MiB it stays whole, empty data is one empty chunk."""
        if len(data) <= WHOLE_LIMIT_BYTES:
            return [data]
        return [bytes(chunk.data) for chunk in self._cdc.cut_buf(data)]

    def cut_stream(self, stream: BinaryIO) -> Iterator[bytes]:
        """Yield the chunks of a stream, holding no more than two of the largest in memory."""
        for chunk in self._cdc.cut_stream(stream):
            yield bytes(chunk.data)
