"""Hostile mail costs no more than a few looks at each byte. Bytes looked at are counted, not seconds."""

from __future__ import annotations

from typing import SupportsIndex

import pytest

from backupd.vault.mail import split
from tests.vault_model.items import noise, wrapped

LOOKS_PER_BYTE = 8
HITS = 20_000
LOOKS_PER_HIT = 33_000
SIZE = 1 << 20
FIELD = b"Content-Transfer-Encoding: base64\n"


class Counting(bytes):
    """Bytes that count how many of them are searched or copied."""

    looks: int

    def find(
        self, sub: object, start: SupportsIndex | None = None, end: SupportsIndex | None = None, /
    ) -> int:
        begin = 0 if start is None else int(start)
        stop = len(self) if end is None else min(int(end), len(self))
        found = super().find(sub, begin, stop)  # type: ignore[arg-type]
        self.looks += max(0, (found if found >= 0 else stop) - begin)
        return found

    def __getitem__(self, key: object) -> object:  # type: ignore[override]
        got = super().__getitem__(key)  # type: ignore[call-overload]
        self.looks += len(got) if isinstance(got, bytes) else 1
        return got


def looks(data: bytes) -> int:
    counting = Counting(data)
    counting.looks = 0
    split(counting)
    return counting.looks


def hostile() -> dict[str, bytes]:
    part = FIELD + b"\n" + wrapped(noise(1, 800), 76, b"\n") + b"\n"
    return {
        "headers without bodies": FIELD * (SIZE // len(FIELD)),
        "bodies without an end": (FIELD + b"\n") * 1000 + b"A" * SIZE,
        "bodies of line ends": FIELD + b"\n" + b"\n" * SIZE,
        "hits without headers": b"ase64" * (SIZE // 5),
        "upper and lower hits": b"ase64ASE64" * (SIZE // 10),
        "one upper hit at the end": b"ase64" * (SIZE // 10) + b"x" * (SIZE // 2) + b"ASE64",
        "nearly exact parts": (part[:-3] + b"*\n") * (SIZE // len(part)),
        "exact parts": part * (SIZE // len(part)),
        "dashes everywhere": (FIELD + b"\n" + b"-" * 1000) * (SIZE // 1040),
        "carriage returns": FIELD + b"\r" * SIZE,
    }


@pytest.mark.parametrize("shape", hostile())
def test_looks_are_bounded(shape: str) -> None:
    data = hostile()[shape]
    assert looks(data) <= LOOKS_PER_BYTE * len(data) + LOOKS_PER_HIT * min(HITS, data.count(b"ase64"))


@pytest.mark.parametrize("shape", ["headers without bodies", "nearly exact parts", "bodies without an end"])
def test_twice_the_bytes_are_twice_the_looks(shape: str) -> None:
    data = hostile()[shape][: SIZE // 8]
    assert looks(data + data) <= 2.2 * looks(data) + 100_000
