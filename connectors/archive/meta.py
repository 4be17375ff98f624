"""What an item's `meta` holds: all that is needed, beside id and content, to give the tree back."""

from __future__ import annotations

import msgspec

VERSION = 1
"""Grows when the fields below change their meaning; new fields go at the end and have defaults."""

EML = "eml"
MAILDIR = "maildir"
MBOX = "mbox"
FILE = "file"
FOLDER = "folder"


class Meta(msgspec.Struct, array_like=True, frozen=True):
    """The original's container and stat.

    `mode` are the permission bits (0o7777), `mtime_ns` Unix nanoseconds. A Maildir message has its
    `subfolder` (`cur` or `new`) and file `name` with flags, both in the spelling of `archive.names`. A piece
    of an mbox has its byte `offset` and the length of its `From ` line with line end (0: it has none).
    """

    version: int
    container: str
    mode: int
    mtime_ns: int
    subfolder: str = ""
    name: str = ""
    offset: int = 0
    envelope_length: int = 0


_DECODER = msgspec.msgpack.Decoder(Meta)
_ENCODER = msgspec.msgpack.Encoder()


def pack(container: str, mode: int, mtime_ns: int) -> bytes:
    """Return the meta of a whole file or folder (the short form of `dump`)."""
    return _ENCODER.encode((VERSION, container, mode, mtime_ns))


def dump(meta: Meta) -> bytes:
    """Return the meta as bytes."""
    return _ENCODER.encode(meta)


def load(data: bytes) -> Meta:
    """Return the meta; raises `ValueError` when the bytes are not one or of a newer version."""
    try:
        meta = _DECODER.decode(data)
    except msgspec.MsgspecError as exc:
        raise ValueError(f"not the meta of an archive item: {exc}") from exc
    if meta.version != VERSION:
        raise ValueError(f"meta version {meta.version} is not known here")
    return meta
