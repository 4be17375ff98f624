"""Ids that we make ourselves: random, short enough to read aloud, and saying what they name.

An id is a prefix, a hyphen and 12 characters of Crockford's base 32 in lower case (60 random bits), for
example `run-7k3m9q2xv4t0`. There is no i, l, o or u in it, so nothing is mistaken for a digit.
"""

from __future__ import annotations

from collections.abc import Callable

Randomness = Callable[[int], bytes]
"""Returns that many random bytes (`secrets.token_bytes`, or a fixed sequence in tests)."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 12

ORGANIZATION = "org"
CONNECTION = "con"
ACCOUNT = "acc"
RUN = "run"


def new_id(prefix: str, randomness: Randomness) -> str:
    """Return a new id with that prefix."""
    number = int.from_bytes(randomness(8), "big")
    return f"{prefix}-{''.join(_ALPHABET[number >> 5 * place & 31] for place in range(_LENGTH))}"


def is_id(text: str, prefix: str) -> bool:
    """Say whether `text` has the form of an id with that prefix."""
    head, separator, tail = text.partition("-")
    return (
        head == prefix
        and bool(separator)
        and len(tail) == _LENGTH
        and all(char in _ALPHABET for char in tail)
    )
