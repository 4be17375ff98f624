"""Intake: takes an item's bytes apart into blobs and says how they go back together."""

from __future__ import annotations

import io
from typing import BinaryIO, Protocol

from blake3 import blake3

from backupd.vault import mail
from backupd.vault.chunking import WHOLE_LIMIT_BYTES, Chunker
from backupd.vault.entries import Content, Part
from backupd.vault.naming import Names

IN_MEMORY_LIMIT_BYTES = 32 << 20
_READ_BYTES = 1 << 20
_PROBE_BYTES = 4096


class BlobSink(Protocol):
    """Where new blobs go."""

    def __call__(self, blob_id: bytes, data: bytes, binary: bool) -> None:
        """Store the blob unless the vault has it already."""


class Intake:
    """Takes contents apart for one writer."""

    def __init__(self, names: Names, chunker: Chunker, sink: BlobSink) -> None:
        self._names = names
        self._chunker = chunker
        self._sink = sink

    def take(self, source: BinaryIO | bytes, size_hint: int, *, is_mail: bool) -> Content:
        """Store everything `source` gives and return how to put it together again.

        Up to 32 MiB is handled in memory (and mail is split); more is streamed through the chunker, so memory stays
        bounded whatever the size.
        """
        if isinstance(source, bytes):
            source = io.BytesIO(source)
        head = _read_up_to(source, size_hint)
        if len(head) > IN_MEMORY_LIMIT_BYTES:
            return self._take_stream(head, source)
        return self._take_mail(head) if is_mail else self._take_plain(head, looks_binary(head))

    def _take_mail(self, message: bytes) -> Content:
        skeleton, found = mail.split(message)
        cut = mail.body_start(skeleton)
        if not found and not cut:
            return self._take_plain(message, False)
        blobs = self._store(skeleton[:cut], False) if cut else []
        blobs += self._store(skeleton[cut:], False)
        parts = []
        for part in found:
            ids = self._store(part.data, True)
            blobs += ids
            parts.append(Part(part.offset, part.line_length, part.eol, len(ids)))
        return Content(self._names.blob_id(message), len(message), blobs, parts)

    def _take_plain(self, data: bytes, binary: bool) -> Content:
        blobs = self._store(data, binary)
        digest = blobs[0] if len(blobs) == 1 else self._names.blob_id(data)
        return Content(digest, len(data), blobs)

    def _take_stream(self, head: bytes, source: BinaryIO) -> Content:
        binary = looks_binary(head)
        hasher = blake3(key=self._names.blob_key)
        stream = _Observed(head, source, hasher)
        blobs = []
        for chunk in self._chunker.cut_stream(stream):  # type: ignore[arg-type]
            blob_id = self._names.blob_id(chunk)
            self._sink(blob_id, chunk, binary)
            blobs.append(blob_id)
        return Content(hasher.digest(), stream.size, blobs)

    def _store(self, data: bytes, binary: bool) -> list[bytes]:
        if len(data) <= WHOLE_LIMIT_BYTES:
            blob_id = self._names.blob_id(data)
            self._sink(blob_id, data, binary)
            return [blob_id]
        ids = []
        for chunk in self._chunker.cut(data):
            blob_id = self._names.blob_id(chunk)
            self._sink(blob_id, chunk, binary)
            ids.append(blob_id)
        return ids


class _Observed:
    """A stream that was begun already, whose bytes are hashed and counted as they are read."""

    def __init__(self, head: bytes, rest: BinaryIO, hasher: blake3) -> None:
        self._head: bytes | None = head
        self._rest = rest
        self._hasher = hasher
        self.size = 0

    def read(self, limit: int) -> bytes:
        """Return up to `limit` bytes; empty at the end."""
        if self._head is not None:
            data, rest = self._head[:limit], self._head[limit:]
            self._head = rest or None
        else:
            data = self._rest.read(min(limit, _READ_BYTES)) or b""
        self._hasher.update(data)
        self.size += len(data)
        return data


def looks_binary(data: bytes) -> bool:
    """Return whether a content compresses better among binaries than among text."""
    probe = data[:_PROBE_BYTES]
    return b"\0" in probe or probe.startswith((b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"\xff\xd8", b"\x89PNG"))


def _read_up_to(source: BinaryIO, size_hint: int) -> bytes:
    """Return all of `source` if it is at most 32 MiB, else its first bytes, more than that."""
    first = source.read(min(max(size_hint, 0), IN_MEMORY_LIMIT_BYTES) + 1) or b""
    if not first:
        return b""
    parts, size = [first], len(first)
    while size <= IN_MEMORY_LIMIT_BYTES:
        more = source.read(_READ_BYTES)
        if not more:
            break
        parts.append(more)
        size += len(more)
    return first if len(parts) == 1 else b"".join(parts)
