"""Nothing is written that no reader accepts, and no reader fills its memory with what a frame pretends to be."""

from __future__ import annotations

import io

import pytest
import zstandard

from backupd.errors import Integrity, UsageError
from backupd.vault.sealing import MAX_FRAME_PLAIN_BYTES, Kind, ObjectWriter, expand
from tests.vault_model.place import keyring


@pytest.mark.parametrize("says_its_size", [True, False])
def test_reading(says_its_size: bool) -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=says_its_size)
    bomb = compressor.compress(bytes(MAX_FRAME_PLAIN_BYTES + 1))
    with pytest.raises(Integrity):
        expand(bomb, "packs/aa/aaaa")


@pytest.mark.parametrize("packed", [b"", b"x", b"not a frame at all", zstandard.compress(b"a" * 999)[:-3]])
def test_reading_what_does_not_decompress(packed: bytes) -> None:
    with pytest.raises(Integrity):
        expand(packed, "packs/aa/aaaa")


@pytest.mark.parametrize("size", [0, 1, MAX_FRAME_PLAIN_BYTES])
def test_reading_up_to_the_bound(size: int) -> None:
    assert len(expand(zstandard.compress(bytes(size)), "packs/aa/aaaa")) == size


def test_writing() -> None:
    writer = ObjectWriter(keyring(), Kind.INDEX, "indexes/aaaa", bytes(32), io.BytesIO())
    with pytest.raises(UsageError):
        writer.finish(bytes(MAX_FRAME_PLAIN_BYTES + 1))
