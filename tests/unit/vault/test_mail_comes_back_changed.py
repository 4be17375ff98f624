"""Joining what was split gives the same bytes: for any bytes, and for mail that is not quite well-formed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backupd.vault.mail import SplitPart, encode, split
from tests.vault_model.items import message, noise, wrapped

FIELDS = [
    b"Content-Transfer-Encoding: base64",
    b"content-transfer-encoding:BASE64",
    b"CONTENT-TRANSFER-ENCODING:\tBase64",
    b"Content-Transfer-Encoding:\r\n base64",
    b"X-Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable; was=base64",
    b"Content-Transfer-Encoding : base64",
    b"base64",
]


def joined(skeleton: bytes, parts: list[SplitPart]) -> bytes:
    pieces = []
    position = 0
    for part in parts:
        pieces += [skeleton[position : part.offset], encode(part.data, part.line_length, part.eol)]
        position = part.offset
    return b"".join([*pieces, skeleton[position:]])


def assert_exact(data: bytes) -> int:
    skeleton, parts = split(data)
    assert joined(skeleton, parts) == data
    assert [part.offset for part in parts] == sorted(part.offset for part in parts)
    return len(parts)


@given(st.binary(max_size=4096))
def test_any_bytes(data: bytes) -> None:
    assert_exact(data)


@given(
    st.sampled_from(FIELDS),
    st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\r"]),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"", b" \r\n", b"\n\n", b"=\n", b"\0\n"]), max_size=6),
    st.lists(st.sampled_from([1, 4, 60, 72, 75, 76, 77, 998]), min_size=1, max_size=4),
    st.integers(700, 3000),
    st.binary(max_size=40),
)
def test_lines_of_any_length_and_any_ends(
    field: bytes, eol: bytes, odd_ends: list[bytes], lengths: list[int], size: int, tail: bytes
) -> None:
    text = wrapped(noise(size, size), 1 << 20, b"")
    lines, position, number = [], 0, 0
    while position < len(text):
        length = lengths[number % len(lengths)]
        end = odd_ends[number] if number < len(odd_ends) else eol
        lines.append(text[position : position + length] + end)
        position, number = position + length, number + 1
    assert_exact(b"Subject: x" + eol + field + eol + eol + b"".join(lines) + tail)


@given(st.data())
def test_a_message_with_one_byte_changed(data: st.DataObject) -> None:
    eol = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    whole = message([noise(1, 900), noise(2, 2001)], eol=eol)
    position = data.draw(st.integers(0, len(whole) - 1))
    inserted = data.draw(st.sampled_from([b"", b"=", b" ", b"\r", b"\n", b"-", b"\0", b"A", b"\xff", b"=="]))
    cut = data.draw(st.integers(0, 2))
    assert_exact(whole[:position] + inserted + whole[position + cut :])


@given(st.binary(min_size=760, max_size=800), st.integers(0, 63))
@example(b"\xff" * 769, 1)
@example(b"\xff" * 770, 3)
def test_last_groups_with_stray_bits(data: bytes, stray: int) -> None:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = bytearray(wrapped(data))
    last = max(i for i, byte in enumerate(text) if byte != ord("="))
    text[last] = alphabet[stray]
    assert_exact(b"Content-Transfer-Encoding: base64\r\n\r\n" + bytes(text) + b"\r\n")


def test_padding_in_the_middle() -> None:
    first, second = wrapped(noise(3, 700)), wrapped(noise(4, 710))
    assert first.endswith(b"=")
    assert_exact(b"Content-Transfer-Encoding: base64\n\n" + first + b"\r\n" + second + b"\r\n")


def test_no_blank_line_after_the_header() -> None:
    assert assert_exact(b"Content-Transfer-Encoding: base64\r\n" + wrapped(noise(5, 2000))) == 0


def test_bodies_of_line_ends_only() -> None:
    for eol in (b"\n", b"\r\n", b"\r"):
        assert assert_exact(b"Content-Transfer-Encoding: base64\r\n\r\n" + eol * 4000) == 0


def test_ten_thousand_mime_parts() -> None:
    part = b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrapped(noise(6, 800)) + b"\r\n"
    assert assert_exact(part * 10_000 + b"--b--\r\n") == 4096


def test_messages_within_messages() -> None:
    inner = message([noise(7, 3000)])
    for _ in range(12):
        inner = message([noise(8, 900), inner])
    assert_exact(inner)
    assert_exact(message([noise(8, 900)]) + b"\r\n" + inner)


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("line", [1, 9, -2])
def test_a_line_end_one_character_early_or_late(eol: bytes, line: int) -> None:
    """As many lines and characters as in an exact part, but two lines are not as long as the others."""
    lines = wrapped(noise(9, 2000), 76, eol).split(eol)
    for moved in (-1, 1):
        both = lines[line - 1] + lines[line]
        cut = 76 + moved
        changed = [*lines[: line - 1], both[:cut], both[cut:], *lines[line:][1:]]
        assert assert_exact(b"Content-Transfer-Encoding: base64\n\n" + eol.join(changed)) == 0


@pytest.mark.parametrize("line", [2, 9])
def test_a_carriage_return_that_is_not_at_its_line_end(line: int) -> None:
    lines = wrapped(noise(9, 2000), 76, b"\r\n").split(b"\r\n")
    for place in (0, 40, 75):
        odd = lines[line][:place] + b"\r" + lines[line][place:] + b"\n"
        text = b"\r\n".join(lines[:line]) + b"\r\n" + odd + b"\r\n".join(lines[line + 1 :])
        assert assert_exact(b"Content-Transfer-Encoding: base64\n\n" + text) == 0


@pytest.mark.parametrize(("eol", "length"), [(b"\n", 75), (b"\r\n", 75), (b"\r\n", 74)])
def test_a_last_line_that_is_longer(eol: bytes, length: int) -> None:
    text = wrapped(noise(9, 3000), 1 << 20)
    lines = [text[start : start + length] for start in range(0, 16 * length, length)]
    longer = text[16 * length : 16 * length + 76]
    assert assert_exact(b"Content-Transfer-Encoding: base64\n\n" + eol.join([*lines, longer])) == 0
    assert assert_exact(b"Content-Transfer-Encoding: base64\n\n" + eol.join([*lines, longer[:length]])) < 2


@pytest.mark.parametrize("line", [2, 9])
def test_a_letter_in_the_place_of_a_line_end(line: int) -> None:
    """Were it taken for a line end, it would be lost."""
    for eol, letter in ((b"\n", b"A"), (b"\r\n", b"A\n"), (b"\r\n", b"\rA"), (b"\r\n", b"AA")):
        lines = wrapped(noise(9, 2000), 76, eol).split(eol)
        text = eol.join(lines[:line]) + letter + eol.join(lines[line:])
        assert assert_exact(b"Content-Transfer-Encoding: base64\n\n" + text) == 0
