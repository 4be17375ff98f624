"""Reading: from a content's blob ids back to its exact bytes, or a loud error.

The outcomes are never mixed: a blob is absent (said only after the indexes were read anew), or it fails
authentication (Integrity), or it is right. The digest over the whole item is checked before its end is given out.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from blake3 import blake3

from backupd.errors import Integrity
from backupd.vault import mail
from backupd.vault.cache import IndexCache
from backupd.vault.entries import Content
from backupd.vault.naming import Names
from backupd.vault.pack import Location, pack_name
from backupd.vault.sealing import DataKeys, Kind, ObjectSeal, expand
from backupd.vault.stores.base import ObjectNotFound, Store

FRAME_CACHE_BYTES = 96 << 20
SEALS_KEPT = 256


class Reader:
    """Reads blobs and contents of one vault. Safe to use from several threads."""

    def __init__(
        self, store: Store, keys: DataKeys, names: Names, cache: IndexCache, refresh: Callable[[], None]
    ) -> None:
        self._store = store
        self._keys = keys
        self._names = names
        self._cache = cache
        self._refresh = refresh
        self._frames = _FrameCache(FRAME_CACHE_BYTES)
        self._seals: OrderedDict[bytes, ObjectSeal] = OrderedDict()
        self._lock = threading.Lock()

    def blob(self, blob_id: bytes) -> bytes:
        """Return a blob's bytes; raises Integrity if it is damaged or the vault does not have it."""
        location = self._cache.find(blob_id)
        if location is not None:
            try:
                return self._at(location)
            except ObjectNotFound:
                pass  # The pack was pruned since the cache learned of it; the blob may live elsewhere.
        self._refresh()
        location = self._cache.find(blob_id)
        if location is None:
            raise Integrity(f"The vault does not hold blob {blob_id.hex()[:16]}, which a snapshot needs.")
        try:
            return self._at(location)
        except ObjectNotFound:
            raise Integrity(f"The pack {pack_name(location.pack)} is missing from the vault.") from None

    def content(self, content: Content) -> Iterator[bytes]:
        """Yield the exact bytes of a content in pieces; raises Integrity at the latest where the last would come."""
        hasher = blake3(key=self._names.blob_key)
        size = 0
        held = b""
        for piece in self._pieces(content):
            if not piece:
                continue  # Were it the last one, everything would be given out before the digest is checked.
            hasher.update(piece)
            size += len(piece)
            if held:
                yield held
            held = piece
        if size != content.size or hasher.digest() != content.digest:
            raise Integrity("The content does not have the digest it was stored with.")
        yield held

    def whole(self, content: Content) -> bytes:
        """Return a content's exact bytes at once; for contents that are known to fit in memory."""
        pieces = list(self._pieces(content))
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(data) != content.size or self._names.blob_id(data) != content.digest:
            raise Integrity("The content does not have the digest it was stored with.")
        return data

    def _pieces(self, content: Content) -> Iterator[bytes]:
        if not content.parts:
            for blob_id in content.blobs:
                yield self.blob(blob_id)
            return
        skeleton_blobs = len(content.blobs) - sum(part.blobs for part in content.parts)
        skeleton = b"".join([self.blob(blob_id) for blob_id in content.blobs[:skeleton_blobs]])
        position, next_blob = 0, skeleton_blobs
        for part in content.parts:
            yield skeleton[position : part.offset]
            ids = content.blobs[next_blob : next_blob + part.blobs]
            data = self.blob(ids[0]) if len(ids) == 1 else b"".join([self.blob(blob_id) for blob_id in ids])
            yield mail.encode(data, part.line_length, part.eol)
            position, next_blob = part.offset, next_blob + part.blobs
        yield skeleton[position:]

    def _at(self, location: Location) -> bytes:
        key = (location.pack, location.frame)
        plain = self._frames.get(key)
        if plain is None:
            name = pack_name(location.pack)
            offset, length = location.extent
            sealed = self._store.read(name, offset, length)
            plain = expand(self._seal(location).open(location.frame, sealed), name)
            self._frames.put(key, plain)
        end = location.offset + location.length
        if end > len(plain):
            raise Integrity(f"A frame of {pack_name(location.pack)} is shorter than its directory says.")
        if location.offset == 0 and end == len(plain):
            return plain
        return plain[location.offset : end]

    def _seal(self, location: Location) -> ObjectSeal:
        with self._lock:
            seal = self._seals.get(location.pack)
            if seal is not None:
                self._seals.move_to_end(location.pack)
                return seal
        name = pack_name(location.pack)
        seal = ObjectSeal(self._keys, Kind.PACK, name, location.key_version, location.salt)
        with self._lock:
            self._seals[location.pack] = seal
            while len(self._seals) > SEALS_KEPT:
                self._seals.popitem(last=False)
        return seal


class _FrameCache:
    """The frames read last, up to a bound in bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._frames: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[bytes, int]) -> bytes | None:
        with self._lock:
            plain = self._frames.get(key)
            if plain is not None:
                self._frames.move_to_end(key)
            return plain

    def put(self, key: tuple[bytes, int], plain: bytes) -> None:
        with self._lock:
            if key in self._frames:
                return
            self._frames[key] = plain
            self._size += len(plain)
            while self._size > self._limit and len(self._frames) > 1:
                _, dropped = self._frames.popitem(last=False)
                self._size -= len(dropped)
