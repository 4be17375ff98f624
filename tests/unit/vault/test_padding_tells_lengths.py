"""Padmé: the published vectors, and the two promises: never below, never more than 12 % above."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.vault.padding import padme

VECTORS = {
    0: 0,
    1: 1,
    2: 2,
    8: 8,
    9: 10,
    100: 104,
    1000: 1024,
    1025: 1088,
    10_000: 10_240,
    100_000: 100_352,
    1_000_000: 1_015_808,
    (32 << 20) + 1: (32 << 20) + (1 << 20),
    (1 << 40) - 1: 1 << 40,
}


@pytest.mark.parametrize("length", VECTORS)
def test_vectors(length: int) -> None:
    assert padme(length) == VECTORS[length]


@given(st.integers(1, 1 << 50))
def test_never_below_and_never_far_above(length: int) -> None:
    assert length <= padme(length) <= length * 1.12


@given(st.integers(2, 1 << 50))
def test_few_lengths_remain(length: int) -> None:
    padded = padme(length)
    significant = padded >> ((padded & -padded).bit_length() - 1)
    assert significant.bit_length() <= padded.bit_length().bit_length() + 1
    assert padme(padded) == padded
