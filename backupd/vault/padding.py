"""Padmé: pad a length so that it says little, at a cost of at most 12 %, and far less for large objects.

Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019.
"""

from __future__ import annotations


def padme(length: int) -> int:
    """Return the smallest Padmé length that is not below `length` bytes."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    kept_bits = exponent.bit_length()
    mask = (1 << (exponent - kept_bits)) - 1
    return (length + mask) & ~mask
