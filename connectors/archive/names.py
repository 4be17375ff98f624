"""File names as item ids: an exact, reversible spelling of any byte string as clean text.

A name that is printable UTF-8 stays itself. Every other byte — undecodable ones, control characters, and the
characters from the escape range on — becomes one character of U+10FE00..U+10FEFF (private use), so an id never
carries a control character to a terminal, a log or a database, decoding gives back the same bytes, and U+10FFFF is
greater than every id.
"""

from __future__ import annotations

import os
import sys

_ESCAPE = 0x10FE00
_NATIVE_UTF8 = sys.getfilesystemencoding().lower() in ("utf-8", "utf8")


def _spelled(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return chr(_ESCAPE + code - 0xDC00)
    if code < 0x20 or 0x7F <= code < 0xA0 or code >= _ESCAPE:
        return "".join(chr(_ESCAPE + byte) for byte in char.encode())
    return char


def encode(path: bytes) -> str:
    """Return the id text of a path (or one name) given as the file system's bytes."""
    text = path.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else "".join(map(_spelled, text))


def decode(text: str) -> bytes:
    """Return the bytes that `encode` made `text` of; raises `ValueError` for a text it never makes."""
    if text.isprintable():
        return text.encode()
    path = b"".join(
        bytes((ord(char) - _ESCAPE,)) if _ESCAPE <= ord(char) < _ESCAPE + 0x100 else char.encode()
        for char in text
    )
    if encode(path) != text:
        raise ValueError(f"{text!r} is not the id of a file name")
    return path


def encode_native(name: str) -> str:
    """Return the id text of a name as `os` functions give it (undecodable bytes as surrogates)."""
    if _NATIVE_UTF8 and name.isprintable():
        return name
    return encode(os.fsencode(name))


def decode_native(text: str) -> str:
    """Return the name as `os` functions take it; the reverse of `encode_native`."""
    if _NATIVE_UTF8 and text.isprintable():
        return text
    return os.fsdecode(decode(text))
