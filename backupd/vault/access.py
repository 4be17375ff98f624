"""What a slice may use of its vault."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from backupd.vault.cache import IndexCache
from backupd.vault.chunking import Chunker
from backupd.vault.naming import Names
from backupd.vault.packer import Workshop
from backupd.vault.sealing import DataKeys, RandomBytes
from backupd.vault.stores.base import Store


class WriteAccess:
    """Store, keys, index cache and workers of one opened vault, for writing."""

    def __init__(
        self,
        store: Store,
        keys: DataKeys,
        names: Names,
        cache: IndexCache,
        workshop: Workshop,
        chunker: Chunker,
        sync: Callable[[], None],
        *,
        random: RandomBytes,
        clock: Callable[[], float] = time.time,
        spool_dir: Path,
        slice_limit_s: float,
    ) -> None:
        self.store = store
        self.keys = keys
        self.names = names
        self.cache = cache
        self.workshop = workshop
        self.chunker = chunker
        self.sync = sync
        self.random = random
        self.clock = clock
        self.spool_dir = spool_dir
        self.slice_limit_s = slice_limit_s
