"""The proof, asked of a store before a vault is made in it, that its conditional create is one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from backupd.errors import StoreDenied
from backupd.vault.stores.base import ObjectExists, ObjectLocked, Store

RACERS = 2


def probe_conditional_create(store: Store, *, random: Callable[[int], bytes] = os.urandom) -> None:
    """Create one object from two threads at once and once more after them; exactly one may succeed.

    Raises StoreDenied when the store lets a second creator win or does not keep the winner's bytes: commits in
    it would overwrite each other. The object is removed again (where a bucket's default retention forbids that,
    it stays until that ends).
    """
    name = f"probe/{random(16).hex()}"
    texts = [b"probe %d " % number + random(16).hex().encode() for number in range(RACERS)]
    try:
        winners = _race(store, name, texts)
        late = _creates(store, name, b"a late creator")
        if len(winners) != 1 or late or store.get(name) != winners[0]:
            raise StoreDenied(
                "The store ignores the condition of a conditional create: two writers could overwrite each other.",
                hint="Use a store that honours If-None-Match, or a local file system with hard links.",
            )
    finally:
        with suppress(ObjectLocked):
            store.delete(name)


def _race(store: Store, name: str, texts: list[bytes]) -> list[bytes]:
    """Create `name` with each text at once; return the texts of those that were told they won."""
    start = threading.Barrier(len(texts))

    def run(text: bytes) -> bool:
        start.wait()
        return _creates(store, name, text)

    with ThreadPoolExecutor(len(texts), thread_name_prefix="store probe") as pool:
        return [text for text, won in zip(texts, pool.map(run, texts), strict=True) if won]


def _creates(store: Store, name: str, text: bytes) -> bool:
    try:
        store.create(name, text)
    except ObjectExists:
        return False
    return True
