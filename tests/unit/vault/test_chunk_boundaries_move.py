"""Chunk boundaries are pinned: if they moved, nothing stored before would deduplicate against what comes after."""

from __future__ import annotations

import io
from typing import BinaryIO

import pytest

from backupd.vault.chunking import MAX_BYTES, MIN_BYTES, WHOLE_LIMIT_BYTES, Chunker
from tests.vault_model.items import noise

VECTORS: dict[int, list[int]] = {
    0: [2887635, 1497989, 1362853, 542979],
    12345: [1136249, 1248106, 1802810, 1190857, 913434],
    (1 << 62) - 1: [3354389, 2937067],
}
ZEROES = [4194304, 4194304, 1048576]


class Trickle(io.BytesIO):
    """A stream that gives less than it is asked for, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(70_001, size) if size is not None and size >= 0 else size)


@pytest.mark.parametrize("seed", VECTORS)
def test_vectors(seed: int) -> None:
    assert [len(chunk) for chunk in Chunker(seed).cut(noise(42, 6 << 20))] == VECTORS[seed]


def test_zeroes() -> None:
    assert [len(chunk) for chunk in Chunker(0).cut(bytes(9 << 20))] == ZEROES


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
def test_streams_are_cut_as_bytes_are(stream: type[io.BytesIO]) -> None:
    data = noise(7, 5 << 20)
    source: BinaryIO = stream(data)
    assert list(Chunker(99).cut_stream(source)) == Chunker(99).cut(data)


def test_bounds() -> None:
    chunks = Chunker(3).cut(noise(8, 12 << 20))
    assert b"".join(chunks) == noise(8, 12 << 20)
    assert all(MIN_BYTES <= len(chunk) <= MAX_BYTES for chunk in chunks[:-1])


@pytest.mark.parametrize("size", [0, 1, WHOLE_LIMIT_BYTES])
def test_small_data_stays_whole(size: int) -> None:
    assert Chunker(3).cut(bytes(size)) == [bytes(size)]


def test_shifted_data_is_found_again() -> None:
    data = noise(42, 6 << 20)
    known = set(Chunker(5).cut(data))
    shifted = Chunker(5).cut(b"something before" * 100 + data)
    assert sum(len(chunk) for chunk in shifted if chunk in known) > len(data) / 2
