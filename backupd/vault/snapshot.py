"""Snapshots and bases: what a stream held, as sorted pages of entries in one sealed object.

A snapshot holds what changed since its parent, a base the whole view at its seq (or, as a roll-up, all changes since
an older seq). Both have the same shape: pages of entries in ascending id order as frames, and a header as directory.
"""

from __future__ import annotations

import bisect
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec
import zstandard

from backupd.errors import Busy, Integrity
from backupd.vault.entries import ENCODER, Entry, PageRef, decode_page, encode_page
from backupd.vault.pack import BLOB_ID_BYTES, PackRecord
from backupd.vault.sealing import (
    SALT_BYTES,
    DataKeys,
    Extent,
    Kind,
    ObjectReader,
    ObjectWriter,
    RandomBytes,
    check_frame_size,
    expand,
)
from backupd.vault.stores.base import ObjectNotFound, Store

PAGE_ENTRIES = 512
PAGE_BYTES = 4 << 20
"""What a page's entries may weigh before the next page begins (metadata may be large); one entry always fits."""
SEQ_DIGITS = 10


class SnapshotHeader(msgspec.Struct, array_like=True, frozen=True):
    """A snapshot's directory. Times are Unix milliseconds, sizes bytes.

    `attempt` is the writer's own random mark: it tells a lost race from a retry of one's own create. `original` is set
    on a snapshot that was replaced: the identity of the one first committed, so that the chain of hashes stays whole.
    A replaced snapshot is `retired` (expired, without entries), or it is one from which items were purged.
    """

    stream: str
    seq: int
    parent_hash: bytes
    run_id: str
    attempt: bytes
    as_of_ms: int
    committed_ms: int
    complete: bool
    cursor: bytes
    upserts: int
    deletes: int
    failures: int
    bytes_in: int
    bytes_stored: int
    pages: list[PageRef]
    packs: list[PackRecord]
    original: bytes = b""
    retired: bool = False


class BaseHeader(msgspec.Struct, array_like=True, frozen=True):
    """A base's directory: the state at `seq`, or all changes in (`since`, `seq`] when `since` is not 0."""

    stream: str
    seq: int
    since: int
    snapshot_hash: bytes
    items: int
    pages: list[PageRef]


class SnapshotInfo(NamedTuple):
    """What callers may know of a snapshot; `hash` is its identity."""

    stream: str
    seq: int
    hash: bytes
    parent_hash: bytes
    run_id: str
    as_of_ms: int
    committed_ms: int
    complete: bool
    cursor: bytes
    upserts: int
    deletes: int
    failures: int
    bytes_in: int
    bytes_stored: int
    retired: bool


class LayerReplaced(Busy):
    """A snapshot or base was expired, purged or superseded while it was being read; begin again."""


class Layer:
    """The entries of one snapshot or base, read page by page."""

    def __init__(self, reader: ObjectReader, pages: list[PageRef]) -> None:
        self._reader = reader
        self._pages = pages
        self._last_ids = [page.last for page in pages]
        self._kept: tuple[int, list[Entry]] = (-1, [])

    def entries(self, after: str = "") -> Iterator[Entry]:
        """Yield the entries with an id greater than `after` ("": all), ascending."""
        for number in range(bisect.bisect_right(self._last_ids, after) if after else 0, len(self._pages)):
            page = self._page(number)
            if after and page[0].id <= after:
                yield from (entry for entry in page if entry.id > after)
            else:
                yield from page

    def get(self, item_id: str) -> Entry | None:
        """Return the entry of one id, or None."""
        number = bisect.bisect_left(self._last_ids, item_id)
        if number == len(self._pages) or self._pages[number].first > item_id:
            return None
        kept = self._kept
        if kept[0] != number:
            kept = self._kept = (number, self._page(number))
        place = bisect.bisect_left(kept[1], item_id, key=_id_of)
        if place < len(kept[1]) and kept[1][place].id == item_id:
            return kept[1][place]
        return None

    def _page(self, number: int) -> list[Entry]:
        page = self._pages[number]
        name = self._reader.seal.name
        try:
            packed = self._reader.frame(number, Extent(page.offset, page.length))
        except (Integrity, ObjectNotFound):
            if not self._reader.was_replaced():
                raise
            raise LayerReplaced(
                f"The object {name} was replaced by maintenance while it was being read.",
                hint="Run it again.",
            ) from None
        entries = decode_page(expand(packed, name))
        if len(entries) != page.count or entries[0].id != page.first or entries[-1].id != page.last:
            raise Integrity(f"A page of {name} is not the one its header describes.")
        return entries


def _id_of(entry: Entry) -> str:
    return entry.id


class PageWriter:
    """Writes a sealed object of sorted pages into a spooled file."""

    def __init__(self, keys: DataKeys, kind: Kind, name: str, random: RandomBytes, spool_dir: Path) -> None:
        spool = tempfile.SpooledTemporaryFile(8 << 20, dir=str(spool_dir), prefix="pages-")  # noqa: SIM115 closed by close()
        self._file = cast(BinaryIO, spool)
        self._writer = ObjectWriter(keys, kind, name, random(SALT_BYTES), self._file)
        self._compressor = zstandard.ZstdCompressor(level=3)
        self.name = name
        self.pages: list[PageRef] = []
        self.items = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Write all entries, which come in ascending id order."""
        page: list[Entry] = []
        size = 0
        for entry in entries:
            page.append(entry)
            if entry.version is not None:
                size += len(entry.version.meta)
                size += BLOB_ID_BYTES * len(entry.version.content.blobs) if entry.version.content else 0
            if len(page) == PAGE_ENTRIES or size >= PAGE_BYTES:
                self._add_page(page)
                page, size = [], 0
        if page:
            self._add_page(page)

    def create(self, store: Store, header: SnapshotHeader | BaseHeader) -> bytes:
        """Finish with `header` and create the object in the store; return its identity."""
        with self._file:
            identity = self._writer.finish(ENCODER.encode(header))
            self._file.seek(0)
            store.create(self.name, self._file)
        return identity

    def replace(self, store: Store, header: SnapshotHeader | BaseHeader) -> None:
        """Finish with `header` and put the object in the place of the one there; raises ObjectLocked."""
        with self._file:
            self._writer.finish(ENCODER.encode(header))
            self._file.seek(0)
            store.put(self.name, self._file)

    def close(self) -> None:
        """Drop the spooled file of an object that is not to be created."""
        self._file.close()

    def _add_page(self, page: list[Entry]) -> None:
        plain = encode_page(page)
        check_frame_size(plain, self.name)
        offset, length = self._writer.add_frame(self._compressor.compress(plain))
        self.pages.append(PageRef(page[0].id, page[-1].id, offset, length, len(page)))
        self.items += len(page)


def read_snapshot(
    store: Store, keys: DataKeys, name: str, stream: str
) -> tuple[SnapshotHeader, ObjectReader]:
    """Open a snapshot and check that it is the one its name says; raises Integrity, ObjectNotFound."""
    reader = ObjectReader.load(store, keys, Kind.SNAPSHOT, name)
    header = msgspec.msgpack.decode(reader.directory, type=SnapshotHeader)
    if (stream and header.stream != stream) or header.seq != seq_of(name):
        raise Integrity(f"The snapshot {name} is another one than its name says.")
    return header, reader


def read_base(store: Store, keys: DataKeys, name: str) -> tuple[BaseHeader, Layer]:
    """Open a base; raises Integrity, ObjectNotFound."""
    reader = ObjectReader.load(store, keys, Kind.BASE, name)
    header = msgspec.msgpack.decode(reader.directory, type=BaseHeader)
    return header, Layer(reader, header.pages)


def info_of(header: SnapshotHeader, reader: ObjectReader) -> SnapshotInfo:
    """Return what callers may know of an opened snapshot."""
    return SnapshotInfo(
        header.stream,
        header.seq,
        header.original or reader.identity,
        header.parent_hash,
        header.run_id,
        header.as_of_ms,
        header.committed_ms,
        header.complete,
        header.cursor,
        header.upserts,
        header.deletes,
        header.failures,
        header.bytes_in,
        header.bytes_stored,
        header.retired,
    )


def snapshot_name(stream_key: str, seq: int) -> str:
    """Return the object name of a snapshot."""
    return f"snapshots/{stream_key}/{seq:0{SEQ_DIGITS}d}"


def base_name(stream_key: str, seq: int, since: int) -> str:
    """Return the object name of a base (`since` 0) or roll-up."""
    return f"bases/{stream_key}/{seq:0{SEQ_DIGITS}d}-{since:0{SEQ_DIGITS}d}"


def seq_of(name: str) -> int:
    """Return the seq in a snapshot's object name."""
    digits = name.rpartition("/")[2]
    if len(digits) != SEQ_DIGITS or not digits.isdigit():
        raise Integrity(f"{name} is not the name of a snapshot.")
    return int(digits)


def base_span(name: str) -> tuple[int, int]:
    """Return (seq, since) in a base's object name."""
    seq, _, since = name.rpartition("/")[2].partition("-")
    if not (seq.isdigit() and since.isdigit()):
        raise Integrity(f"{name} is not the name of a base.")
    return int(seq), int(since)
