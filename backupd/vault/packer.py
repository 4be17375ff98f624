"""The packer: turns a stream of new blobs into sealed packs in the store.

Like blobs are grouped (text with text, binaries with binaries) into frames of about 512 KiB, so that small ones
compress well. Compression and upload run on a few threads (zstd and file writes release the interpreter lock);
everything else stays on the caller's. Packs are spooled to disk, so memory holds only the frames in flight.
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import zstandard
from msgspec.msgpack import encode

from backupd.errors import StoreUnavailable
from backupd.vault.pack import (
    FRAME_BYTES,
    MAX_PACK_BLOBS,
    TARGET_BYTES,
    PackDirectory,
    PackFrame,
    PackRecord,
    pack_name,
)
from backupd.vault.sealing import SALT_BYTES, DataKeys, Kind, ObjectWriter, RandomBytes
from backupd.vault.stores.base import Store
from backupd.vault.stores.os_errors import store_error

COMPRESSION_LEVEL = 3
FRAMES_IN_FLIGHT = 6


class Workshop:
    """The threads that compress frames and upload packs, shared by all packers of a vault."""

    def __init__(self, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="vault")
        self._uploads = ThreadPoolExecutor(2, thread_name_prefix="vault-upload")
        self._local = threading.local()

    def compress(self, blobs: list[bytes]) -> Future[bytes]:
        """Compress the blobs, joined, into one frame."""
        return self._pool.submit(self._squeeze, blobs)

    def upload(self, store: Store, name: str, spool: BinaryIO) -> Future[None]:
        """Create the object `name` from a spooled file and close the file."""
        return self._uploads.submit(_upload, store, name, spool)

    def close(self) -> None:
        """Let the threads finish."""
        self._pool.shutdown()
        self._uploads.shutdown()

    def _squeeze(self, blobs: list[bytes]) -> bytes:
        compressor = getattr(self._local, "compressor", None)
        if compressor is None:
            compressor = self._local.compressor = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL)
        return cast(bytes, compressor.compress(blobs[0] if len(blobs) == 1 else b"".join(blobs)))


def _upload(store: Store, name: str, spool: BinaryIO) -> None:
    with spool:
        spool.seek(0)
        store.create(name, spool)


class _Group:
    """Blobs waiting for their frame to fill."""

    __slots__ = ("blobs", "ids", "size")

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.blobs: list[bytes] = []
        self.size = 0


class _Frame(NamedTuple):
    ids: list[bytes]
    lengths: list[int]
    compressed: Future[bytes]


class _OpenPack:
    """A pack being written into a spooled file."""

    def __init__(self, keys: DataKeys, random: RandomBytes, spool_dir: Path) -> None:
        self.id = random(32)
        spool = tempfile.TemporaryFile(dir=spool_dir, prefix="pack-")  # noqa: SIM115 closed by upload or abort
        self.spool = cast(BinaryIO, spool)
        self.writer = ObjectWriter(keys, Kind.PACK, pack_name(self.id), random(SALT_BYTES), self.spool)
        self.frames: list[PackFrame] = []
        self.ids: list[bytes] = []
        self.lengths: list[int] = []

    def add(self, frame: _Frame) -> None:
        offset, length = self.writer.add_frame(frame.compressed.result())
        self.frames.append(PackFrame(offset, length, len(frame.ids)))
        self.ids += frame.ids
        self.lengths += frame.lengths

    def finish(self) -> PackRecord:
        directory = PackDirectory(self.frames, b"".join(self.ids), self.lengths)
        self.writer.finish(encode(directory))
        seal = self.writer.seal
        return PackRecord(self.id, seal.key_version, seal.salt, self.writer.size, directory)


class Packer:
    """Packs the new blobs of one writer. Used by one thread; call `finish` or `abort` at the end."""

    def __init__(
        self, store: Store, keys: DataKeys, workshop: Workshop, *, random: RandomBytes, spool_dir: Path
    ) -> None:
        self._store = store
        self._keys = keys
        self._workshop = workshop
        self._random = random
        self._spool_dir = spool_dir
        self._groups = {False: _Group(), True: _Group()}
        self._in_flight: deque[_Frame] = deque()
        self._open: _OpenPack | None = None
        self._uploads: deque[Future[None]] = deque()
        self._records: list[PackRecord] = []
        self._lost = False

    def add(self, blob_id: bytes, data: bytes, *, binary: bool) -> None:
        """Take a blob that the vault does not have yet. A large one gets a frame of its own."""
        self._refuse_loss()
        size = len(data)
        if size >= FRAME_BYTES:
            self._submit([blob_id], [data])
            return
        group = self._groups[binary]
        if group.size + size > FRAME_BYTES and group.size:
            self._flush(binary)
            group = self._groups[binary]
        group.ids.append(blob_id)
        group.blobs.append(data)
        group.size += size

    def finish(self) -> list[PackRecord]:
        """Seal and upload all that is left; return the packs when every one of them is durable."""
        self._refuse_loss()
        for binary in (False, True):
            self._flush(binary)
        self._drain(0)
        self._close_pack()
        with self._all_or_lost():
            while self._uploads:
                self._uploads.popleft().result()
        records, self._records = self._records, []
        return records

    def abort(self) -> None:
        """Drop what is not uploaded yet; uploaded packs stay as garbage for the next prune."""
        self._groups = {False: _Group(), True: _Group()}
        for frame in self._in_flight:
            frame.compressed.cancel()
        self._in_flight.clear()
        if self._open is not None:
            self._open.spool.close()
            self._open = None
        while self._uploads:
            self._uploads.popleft().exception()

    def _flush(self, binary: bool) -> None:
        group = self._groups[binary]
        if group.ids:
            self._groups[binary] = _Group()
            self._submit(group.ids, group.blobs)

    def _submit(self, ids: list[bytes], blobs: list[bytes]) -> None:
        lengths = [len(blob) for blob in blobs]
        self._in_flight.append(_Frame(ids, lengths, self._workshop.compress(blobs)))
        self._drain(FRAMES_IN_FLIGHT)

    def _refuse_loss(self) -> None:
        if self._lost:
            raise StoreUnavailable(
                "Writing a pack failed before, so this writer cannot go on.", hint="Run it again."
            )

    def _drain(self, leave: int) -> None:
        """Write finished frames, in order; wait only while more than `leave` are in flight."""
        frames = self._in_flight
        while frames and (len(frames) > leave or frames[0].compressed.done()):
            with self._all_or_lost():
                if self._open is None:
                    self._open = _OpenPack(self._keys, self._random, self._spool_dir)
                self._open.add(frames.popleft())
            if self._open.writer.size >= TARGET_BYTES or len(self._open.ids) >= MAX_PACK_BLOBS:
                self._close_pack()

    def _close_pack(self) -> None:
        if self._open is None:
            return
        finished, self._open = self._open, None
        with self._all_or_lost():
            self._records.append(finished.finish())
            self._uploads.append(self._workshop.upload(self._store, pack_name(finished.id), finished.spool))
            while len(self._uploads) > 2:
                self._uploads.popleft().result()

    @contextmanager
    def _all_or_lost(self) -> Iterator[None]:
        """Remember that blobs were lost, so that a caller who goes on after an error cannot commit without them."""
        try:
            yield
        except OSError as error:
            self._lost = True
            raise store_error(error, "the spool folder") from error
        except BaseException:
            self._lost = True
            raise
