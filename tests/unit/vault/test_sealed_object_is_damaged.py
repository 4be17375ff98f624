"""Every flipped bit, every truncation and every addition is a typed error; other bytes never come out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backupd.errors import UnsupportedFormat
from backupd.vault.sealing import FORMAT, TAIL_READ_BYTES, Kind
from tests.vault_model.items import noise
from tests.vault_model.place import keyring
from tests.vault_model.sealed import DAMAGE, SealedObject, read_all

NAME = "indexes/aaaa"


def opened(sealed: SealedObject, data: bytes) -> list[bytes] | None:
    """Return what comes out of damaged bytes, None for a typed error; anything else passes through."""
    try:
        return read_all(keyring(), sealed.kind, sealed.name, data, sealed.extents)
    except DAMAGE:
        return None


def small() -> SealedObject:
    return SealedObject(keyring(), Kind.INDEX, NAME, [b"one", b"", b"three" * 5])


def large() -> SealedObject:
    """Larger than one read of the tail, so that header, frames and directory are read apart."""
    frames = [noise(1, TAIL_READ_BYTES), b"small"]
    return SealedObject(keyring(), Kind.PACK, "packs/aa/aaaa", frames, noise(2, 1000))


def wide() -> SealedObject:
    """With a directory larger than one read of the tail."""
    return SealedObject(keyring(), Kind.PACK, "packs/aa/aaaa", [b"small"], noise(2, TAIL_READ_BYTES + 10))


SHAPES: list[Callable[[], SealedObject]] = [small, large, wide]


@pytest.mark.parametrize("shape", SHAPES)
def test_unchanged_it_opens(shape: Callable[[], SealedObject]) -> None:
    sealed = shape()
    assert (opened(sealed, sealed.data) or [])[1:] == sealed.frames


def test_every_bit() -> None:
    sealed = small()
    for bit in range(len(sealed.data) * 8):
        changed = bytearray(sealed.data)
        changed[bit // 8] ^= 1 << bit % 8
        assert opened(sealed, bytes(changed)) is None, f"bit {bit}"


@pytest.mark.parametrize("shape", [large, wide])
def test_bits_of_large_objects(shape: Callable[[], SealedObject]) -> None:
    sealed = shape()
    size = len(sealed.data) * 8
    ends = [*range(64 * 8), *range(size - 64 * 8, size)]
    for bit in [*ends, *range(0, size, 7919)]:
        changed = bytearray(sealed.data)
        changed[bit // 8] ^= 1 << bit % 8
        assert opened(sealed, bytes(changed)) is None, f"bit {bit}"


def test_every_length() -> None:
    sealed = small()
    for length in range(len(sealed.data)):
        assert opened(sealed, sealed.data[:length]) is None, f"the first {length} bytes"
        assert opened(sealed, sealed.data[len(sealed.data) - length :]) is None, f"the last {length} bytes"


@pytest.mark.parametrize("shape", [large, wide])
def test_lengths_of_large_objects(shape: Callable[[], SealedObject]) -> None:
    sealed = shape()
    for length in [*range(100), *range(100, len(sealed.data), 1009), len(sealed.data) - 1]:
        assert opened(sealed, sealed.data[:length]) is None, f"the first {length} bytes"


@pytest.mark.parametrize("added", [b"\0", b"x" * 1000])
def test_bytes_added(added: bytes) -> None:
    sealed = small()
    assert opened(sealed, sealed.data + added) is None
    assert opened(sealed, added + sealed.data) is None
    assert opened(sealed, sealed.data[:50] + added + sealed.data[50:]) is None


def test_zeroes_and_noise() -> None:
    sealed = small()
    for size in (0, 1, 43, 44, 67, 68, 69, 200, 100_000):
        assert opened(sealed, bytes(size)) is None
        assert opened(sealed, noise(size, size)) is None
        assert opened(sealed, sealed.data[:44] + noise(size, size)) is None


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_trailer_with_another_length(length: int) -> None:
    sealed = small()
    assert opened(sealed, sealed.data[:-8] + length.to_bytes(4, "little") + sealed.data[-4:]) is None


def test_a_newer_format_says_so() -> None:
    sealed = small()
    newer = bytearray(sealed.data)
    newer[4] = FORMAT + 1
    with pytest.raises(UnsupportedFormat):
        read_all(keyring(), sealed.kind, sealed.name, bytes(newer), sealed.extents)
