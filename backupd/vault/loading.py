"""Keeping the index cache in step with the vault: what others wrote is taken in, what a prune removed is forgotten.

Listings go against the order in which things are written (packs, index, snapshot; a prune: new index, old index, pack),
so whatever an index or snapshot describes is in a listing made after it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple

from blake3 import blake3

from backupd.errors import BackupdError, Integrity, KeyDenied, StoreUnavailable, UnsupportedFormat
from backupd.vault.cache import IndexCache
from backupd.vault.condemned import newest_generation, read_condemned
from backupd.vault.index import PREFIX, index_names, read_index
from backupd.vault.pack import PackRecord, pack_id_of
from backupd.vault.sealing import DataKeys
from backupd.vault.snapshot import read_snapshot
from backupd.vault.stores.base import ObjectNotFound, Store

ATTEMPTS = 5
_DAMAGED = (Integrity, KeyDenied, UnsupportedFormat)


class _Listing(NamedTuple):
    generation: int
    snapshots: list[str]
    indexes: list[str]
    packs: set[bytes]

    def fingerprint(self) -> bytes:
        seen = blake3(str(self.generation).encode())
        for name in (*self.indexes, *self.snapshots):
            seen.update(name.encode() + b"\n")
        for pack_id in sorted(self.packs):
            seen.update(pack_id)
        return seen.digest()


class _Outdated(Exception):
    """The cache already holds what a later listing showed."""


class IndexLoader:
    """Fills one vault's index cache. Safe to use from several threads."""

    def __init__(self, store: Store, keys: DataKeys, cache: IndexCache) -> None:
        self._store = store
        self._keys = keys
        self._cache = cache
        self._lock = threading.Lock()
        self._seen = b""
        self.damaged: dict[str, BackupdError] = {}
        """Objects that did not open at the last refresh. What they describe is missing for reads, not wrong."""

    def sync(self) -> None:
        """Take in what others did to the indexes since; cheap when nothing happened. Done before every slice.

        A damaged index or condemned list is raised: a backup must not go on by half a picture of the vault.
        """
        self._cache.forget_packs()
        if not self._cache.is_whole() or newest_generation(self._store) != self._cache.generation():
            self.refresh()
            for name in sorted(self.damaged):
                if name.startswith(PREFIX):
                    raise self.damaged[name]
            return
        new = sorted(set(index_names(self._store)) - self._cache.loaded_indexes())
        if not new:
            return
        condemned = set(read_condemned(self._store, self._keys, self._cache.generation()).packs)
        for name in new:
            try:
                self._cache.add(read_index(self._store, self._keys, name), name, condemned=condemned)
            except ObjectNotFound:
                continue  # Merged into another index since it was listed; a miss until the next sync.

    def refresh(self) -> None:
        """Read all indexes anew. Does nothing if the store still looks as it did at the last refresh."""
        with self._lock:
            for _ in range(ATTEMPTS):
                known = self._cache.generation()
                listing = self._list()
                fingerprint = listing.fingerprint()
                if fingerprint == self._seen and self._cache.is_whole():
                    return
                made_anew = self._cache.times_made_anew
                try:
                    self._load(listing, known)
                except (ObjectNotFound, _Outdated):
                    continue  # A prune went on since the listing; what it wrote instead is in the next one.
                if made_anew == self._cache.times_made_anew:
                    self._seen = fingerprint
                    return
        raise StoreUnavailable(
            "The vault's indexes change, or the index cache is damaged, faster than they can be read.",
            hint="Try again; if it stays so, check the disk that the cache is on.",
        )

    def _list(self) -> _Listing:
        store = self._store
        return _Listing(
            newest_generation(store),
            [info.name for info in store.list("snapshots/")],
            list(index_names(store)),
            {pack_id_of(info.name) for info in store.list("packs/")},
        )

    def _load(self, listing: _Listing, known: int) -> None:
        """Fill the cache in one transaction: other processes see the state before it until it is whole."""
        condemned = set(read_condemned(self._store, self._keys, listing.generation).packs)
        self.damaged = {}
        with self._cache.filling():
            if listing.generation < self._cache.generation() != known:
                # Another process was here since the listing: what it knows to be condemned must stay so.
                raise _Outdated
            self._cache.clear()
            for name in listing.indexes:
                try:
                    records = read_index(self._store, self._keys, name)
                except _DAMAGED as error:
                    self.damaged[name] = error
                else:
                    self._add(records, name, listing.packs, condemned)
            for name in listing.snapshots:
                try:
                    header, _ = read_snapshot(self._store, self._keys, name, "")
                except _DAMAGED as error:
                    self.damaged[name] = error
                else:
                    self._add(header.packs, None, listing.packs, condemned)
            self._cache.set_generation(listing.generation)
            self._cache.set_whole()

    def _add(
        self, records: Iterable[PackRecord], index: str | None, there: set[bytes], condemned: set[bytes]
    ) -> None:
        self._cache.add((record for record in records if record.id in there), index, condemned=condemned)
