"""Any bytes a file system takes as a name become clean text and come back."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.archive.names import decode, decode_native, encode, encode_native

paths = st.binary(min_size=1, max_size=60).filter(lambda raw: b"\0" not in raw)


@given(paths)
@example("\U0010fe41 ordinary \u00a0 \u202e \x85".encode())
@example(b"\xed\xa0\x80 half a surrogate pair")
@example(bytes(range(1, 256)))
@example("\U0010ffff\U0010ff00".encode())
def test_encoding_is_exact_and_clean(raw: bytes) -> None:
    text = encode(raw)
    assert decode(text) == raw
    assert text.encode().decode() == text
    assert text < "\U0010ff00"
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text)
    assert decode_native(encode_native(os.fsdecode(raw))) == os.fsdecode(raw)


@given(paths, paths)
def test_different_names_get_different_texts(one: bytes, other: bytes) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@pytest.mark.parametrize("name", ["plain.eml", "mit Umlaut äöü.txt", "日本語", "emoji 🎉", "a b\u00a0c"])
def test_ordinary_names_stay_themselves(name: str) -> None:
    assert encode(name.encode()) == name


def test_the_escape_range_itself_is_escaped() -> None:
    assert encode(b"\xff") != encode("\U0010feff".encode())


@pytest.mark.parametrize("text", ["\U0010fe41", "\U0010fe2fetc", "a\U0010fe20b", "\n", "x\x7f", "\ud800"])
def test_a_text_that_no_name_encodes_to_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)
