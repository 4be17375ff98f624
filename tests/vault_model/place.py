"""A place for vaults in tests: a store, seeded keys and randomness, and folders of their own."""

from __future__ import annotations

import random as random_module
import threading
from pathlib import Path

from backupd.vault.keys.keyring import Keyring
from backupd.vault.stores.base import Store
from backupd.vault.stores.memory import ManualClock, MemoryStore
from backupd.vault.vault import Vault

VAULT_ID = "00112233445566778899aabbccddeeff"


class Seeded:
    """Random bytes that are the same in every run. Safe between threads."""

    def __init__(self, seed: int = 1) -> None:
        self._source = random_module.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, size: int) -> bytes:
        with self._lock:
            return self._source.randbytes(size)


def keyring(seed: int = 7, vault_id: str = VAULT_ID) -> Keyring:
    """Return the keys of a vault; another seed, other keys."""
    return Keyring.generate(vault_id, random=Seeded(seed), now_ms=1_700_000_000_000)


class Place:
    """One vault's store and folders; opens the vault as often as a test likes."""

    def __init__(
        self, folder: Path, store: Store | None = None, *, seed: int = 1, clock: ManualClock | None = None
    ) -> None:
        self.folder = folder
        self.clock = ManualClock() if clock is None else clock
        self.store: Store = MemoryStore(clock=self.clock) if store is None else store
        self.random = Seeded(seed)
        self.keys = keyring()
        self._opened: list[Vault] = []

    def create(self) -> Vault:
        """Make the vault."""
        return self._kept(
            Vault.create(
                self.store,
                self.keys,
                cache_path=self.cache_path(),
                spool_dir=self.spool_dir,
                clock=self.clock,
                random=self.random,
            )
        )

    def open(self, store: Store | None = None, *, cache: str = "main") -> Vault:
        """Open the vault, with another store around it or another machine's cache if a test says so."""
        return self._kept(
            Vault.open(
                self.store if store is None else store,
                self.keys,
                cache_path=self.cache_path(cache),
                spool_dir=self.spool_dir,
                clock=self.clock,
                random=self.random,
            )
        )

    def forget_cache(self, cache: str = "main") -> None:
        """Remove a cache file, as a new machine would not have it."""
        for suffix in ("", "-wal", "-shm"):
            path = self.cache_path(cache)
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def cache_path(self, cache: str = "main") -> Path:
        """Return where a cache file is."""
        return self.folder / "cache" / f"{cache}.sqlite"

    @property
    def spool_dir(self) -> Path:
        """The folder of half-made packs."""
        return self.folder / "spool"

    def close(self) -> None:
        """Close every vault that was opened here (a memory store keeps its objects)."""
        while self._opened:
            self._opened.pop().close()

    def _kept(self, vault: Vault) -> Vault:
        self._opened.append(vault)
        return vault
