"""What snapshots hold: versions of items, deletions, pending failures, and where the bytes are."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A decoded base64 part taken out of a message.

    `offset` is where its text goes back into the skeleton, `line_length` the characters per line, `eol` the bytes of a
    line end (0: one line, 1: LF, 2: CRLF), `blobs` how many of the content's blobs it is made of.
    """

    offset: int
    line_length: int
    eol: int
    blobs: int


class Content(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How an item's bytes are put together.

    `digest` is the keyed BLAKE3 of all `size` bytes (for a single plain blob: its id). `blobs` are blob ids: first
    those of the plain bytes (for split mail the skeleton), then those of each part in order. No parts: the content is
    the blobs, one after the other.
    """

    digest: bytes
    size: int
    blobs: list[bytes]
    parts: list[Part] = []


class Version(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One version of one item; the fields are those of `connectors.sdk.records.Item`."""

    id: str
    kind: str
    tag: bytes
    folder: str
    name: str
    modified_ms: int
    size: int
    meta: bytes
    content: Content | None


class Failure(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Why an item could not be had, until it can."""

    reason: str
    message: str
    folder: str = ""
    name: str = ""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """All that one snapshot says of one id. A failure stands beside the last good version, never instead of it."""

    id: str
    version: Version | None = None
    deleted: bool = False
    failure: Failure | None = None

    def over(self, older: Entry) -> Entry:
        """Return what this entry and an older one of the same id say together."""
        if self.version is not None or self.deleted:
            return self
        return Entry(self.id, older.version, older.deleted, self.failure)


class PageRef(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One page of entries inside a snapshot or base: its first and last id, its frame and how many entries."""

    first: str
    last: str
    offset: int
    length: int
    count: int


ENCODER = msgspec.msgpack.Encoder()
_PAGE = msgspec.msgpack.Decoder(list[Entry])


def encode_page(entries: list[Entry]) -> bytes:
    """Return the entries as bytes (not yet compressed)."""
    return ENCODER.encode(entries)


def decode_page(plain: bytes) -> list[Entry]:
    """Return the entries of a page's bytes."""
    return _PAGE.decode(plain)
