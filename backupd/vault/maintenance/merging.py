"""Merging: rewrites index objects so that they are few, of bounded size, and free of packs that go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from backupd.errors import Busy
from backupd.vault.index import MAX_BLOBS, index_names, read_index, write_indexes
from backupd.vault.pack import PackRecord
from backupd.vault.stores.base import ObjectLocked, ObjectNotFound
from backupd.vault.vault import Vault

SMALL_BLOBS = MAX_BLOBS // 2
SMALL_AT_LEAST = 8
"""Indexes below half size are merged as soon as there are so many of them."""


def merge_indexes(vault: Vault, gone: Collection[bytes]) -> None:
    """Write indexes without the packs `gone`, then delete those they replace; does nothing where nothing is to do.

    Only index objects whose every other entry was written anew are deleted, so one that a backup adds meanwhile
    stays, and a crash leaves entries twice, never not at all.
    """
    touched, small = [], []
    for name in index_names(vault.store):
        records = _read(vault, name)
        if any(record.id in gone for record in records):
            touched.append(name)
        elif sum(len(record.directory.lengths) for record in records) < SMALL_BLOBS:
            small.append(name)
    chosen = touched + (small if len(small) >= SMALL_AT_LEAST else [])
    if not chosen:
        return
    write_indexes(vault.store, vault.keys, _remaining(vault, chosen, gone), vault.random)
    for name in chosen:
        with suppress(ObjectLocked):
            vault.store.delete(name)


def count_indexes(vault: Vault) -> int:
    """Return how many index objects there are."""
    return sum(1 for _ in index_names(vault.store))


def _remaining(vault: Vault, names: Sequence[str], gone: Collection[bytes]) -> Iterator[PackRecord]:
    seen: set[bytes] = set()
    for name in names:
        for record in _read(vault, name):
            if record.id not in gone and record.id not in seen:
                seen.add(record.id)
                yield record


def _read(vault: Vault, name: str) -> list[PackRecord]:
    try:
        return read_index(vault.store, vault.keys, name)
    except ObjectNotFound:
        raise Busy("Another prune is running in this vault.", hint="Run it again later.") from None
