"""JSON files that notice any change: the last line is a SHA-256 over every byte before it.

The checksum needs no key, so damage is told from a wrong key. It is no defence against a forger; what
must not be forged is authenticated inside. Files of every later format keep the same last line.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from backupd.errors import Integrity, UnsupportedFormat

Document = TypeVar("Document", bound=msgspec.Struct)

_END = b'"\n}\n'
_START = b',\n  "sha256": "'
_TAIL_BYTES = len(_START) + 64 + len(_END)


class _Format(msgspec.Struct):
    format: int


def encode(document: msgspec.Struct) -> bytes:
    """Return the file's bytes: indented JSON of `document`, closed by the checksum line."""
    body = msgspec.json.format(msgspec.json.encode(document), indent=2).removesuffix(b"\n}")
    return body + _tail(body)


def decode(raw: bytes, document_type: type[Document], *, newest_format: int, place: str) -> Document:
    """Return the document in a file's bytes.

    Raises Integrity for any changed bit and UnsupportedFormat for an intact file of a newer format;
    `place` names the file in the message.
    """
    body = raw[:-_TAIL_BYTES]
    if raw[len(body) :] != _tail(body):
        raise Integrity(
            f"{place} is damaged: its checksum does not match.", hint="Bring back an intact copy."
        )
    text = body + b"\n}"
    try:
        found = msgspec.json.decode(text, type=_Format).format
        if found > newest_format:
            raise UnsupportedFormat(
                f"{place} has format {found}; this program reads up to {newest_format}.",
                hint="Upgrade backupd.",
            )
        return msgspec.json.decode(text, type=document_type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Integrity(
            f"{place} does not hold what it should: {error}.", hint="Bring back an intact copy."
        ) from None


def _tail(body: bytes) -> bytes:
    return _START + hashlib.sha256(body).hexdigest().encode() + _END
