"""The pieces of an mbox are the mbox, wherever a read happens to end."""

from __future__ import annotations

import os
import re
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.archive import mbox
from connectors.archive.content import digest

LINE = re.compile(rb"[^\n]*\n|[^\n]+")
FRAGMENTS = [
    b"From ",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"x",
    b">From ",
    b"From a@b Mon",
    b"Fro",
    b"m ",
    b"\0\xff",
]


def cut(data: bytes) -> list[tuple[int, int, bytes]]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(mbox.cut(file.fileno()))


def starts(data: bytes) -> list[int]:
    """Where pieces begin, found the plain way: every line `From ` after an empty line, and the file's start."""
    lines = LINE.findall(data)
    found, at, before = [0], 0, b"\n"
    for line in lines:
        if line.startswith(b"From ") and before in (b"\n", b"\r\n") and at:
            found.append(at)
        at += len(line)
        before = line
    return found


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join), st.integers(1, 24))
@example(b"\nFrom x", 1)
@example(b"\r\nFrom x\r\n\r\nFrom y", 3)
@example(b"From a\n\nFrom b\n\nFrom c", 7)
def test_pieces_are_the_file_whatever_the_block_size(data: bytes, block: int) -> None:
    usual = mbox._BLOCK_BYTES
    mbox._BLOCK_BYTES = block
    try:
        pieces = cut(data)
    finally:
        mbox._BLOCK_BYTES = usual
    assert b"".join(data[offset : offset + length] for offset, length, _ in pieces) == data
    assert [offset for offset, _, _ in pieces] == starts(data)
    assert all(name == digest(data[offset : offset + length]) for offset, length, name in pieces)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 1),
        (b"no message at all", 1),
        (b"junk\n\nFrom a\n\nbody\n", 2),
        (b"From a\n\nbody\nFrom here on it is still the body\n", 1),
        (b"From a\n\nbody\n\n>From quoted\n\nFrom b", 2),
        (b"From a\r\n\r\nbody\r\n\r\nFrom b\r\n", 2),
        (b"From a\n \nFrom after a line that is not empty\n", 1),
    ],
)
def test_where_an_mbox_is_cut(data: bytes, count: int) -> None:
    assert len(cut(data)) == count


def test_pieces_come_sorted_and_equal_ones_are_numbered() -> None:
    data = b"From a\n\nsame\n\n" * 3 + b"From b\n\nother\n\n"
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        pieces = list(mbox.unpacked(mbox.pieces(file.fileno())))
    assert sorted(piece.key for piece in pieces) == [piece.key for piece in pieces]
    assert sorted(piece.ordinal for piece in pieces) == [0, 0, 1, 2]
    equal = [piece.offset for piece in pieces if piece.digest == digest(b"From a\n\nsame\n\n")]
    assert equal == [0, 14, 28]


def test_a_large_mbox_is_cut_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.mbox"
    with path.open("wb") as file:
        file.write(b"From a\n\nbegins\n\n")
        file.truncate(96 << 20)
        file.seek(96 << 20)
        file.write(b"\n\nFrom b\n\nends\n")
    fd = os.open(path, os.O_RDONLY)
    tracemalloc.start()
    try:
        assert len(list(mbox.cut(fd))) == 2
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
        os.close(fd)


@pytest.mark.parametrize(
    ("line", "length", "text", "sent_ms"),
    [
        (
            b"From a@b.example Mon Feb  3 04:05:06 2020\n",
            42,
            "a@b.example Mon Feb  3 04:05:06 2020",
            1580702706000,
        ),
        (b"From - Mon Feb 3 04:05:06 2020\r\n", 32, "- Mon Feb 3 04:05:06 2020", 1580702706000),
        (b"From a Mon Feb 3 04:05 +0100 2020\n", 34, "a Mon Feb 3 04:05 +0100 2020", 1580702700000),
        (b"From a Mon Feb 31 04:05:06 2020\n", 32, "a Mon Feb 31 04:05:06 2020", None),
        (b"From \x1b[31m\n", 11, "\U0010fe1b[31m", None),
        (b"no envelope\n", 0, "", None),
    ],
)
def test_what_a_from_line_says(line: bytes, length: int, text: str, sent_ms: int | None) -> None:
    data = line + b"Subject: x\n\n"
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        assert mbox.envelope(file.fileno(), 0, len(data)) == (length, text, sent_ms)
