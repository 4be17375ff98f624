"""A vault in memory, a catalog on disk and a stream in both: what every run needs around it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from backupd.catalog import accounts, connections, failures, organizations, runs, snapshots, streams
from backupd.catalog.database import Catalog
from backupd.runs.backup import BackupOrder, BackupResult, back_up
from backupd.runs.surroundings import Progress, Surroundings
from backupd.vault.keys.keyring import Keyring
from backupd.vault.stores.memory import MemoryStore
from backupd.vault.vault import Vault
from tests.unit.runs.scripted import ScriptedStream

STREAM = "con-1/alice/mail"
START_MS = 1_750_000_000_000


@dataclass
class House:
    """Everything under one roof; `run` makes one backup of the stream."""

    root: Path
    store: MemoryStore
    keys: Keyring
    vault: Vault
    catalog: Catalog
    slept: list[float] = field(default_factory=list)
    told: list[Progress] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    now_ms: int = START_MS
    monotonic_s: float = 0.0
    count: int = 0

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            now_ms=self._tick,
            monotonic=lambda: self.monotonic_s,
            sleep=self.slept.append,
            stop=self.stop,
            progress=self.told.append,
        )

    def _tick(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def order(self, slice_entries: int = 1000, slice_s: float = 60.0) -> BackupOrder:
        self.count += 1
        return BackupOrder(
            f"run-{self.count}", "org-1", STREAM, "Alice/mail", self.root / "locks", slice_s, slice_entries
        )

    def run(self, source: ScriptedStream, **limits: float) -> BackupResult:
        order = self.order(**limits)  # type: ignore[arg-type]
        return back_up(order, source, self.vault, self.catalog, self.surroundings)

    def stream(self) -> streams.Stream:
        with self.catalog.reading() as tx:
            found = streams.get(tx, STREAM)
        assert found is not None
        return found

    def last_run(self) -> runs.Run:
        with self.catalog.reading() as tx:
            found = runs.get(tx, f"run-{self.count}")
        assert found is not None
        return found

    def pending(self) -> list[tuple[str, str]]:
        with self.catalog.reading() as tx:
            return [(one.item_id, one.reason) for one in failures.of_streams(tx, [STREAM])]

    def rows(self) -> list[snapshots.Snapshot]:
        with self.catalog.reading() as tx:
            return snapshots.of_stream(tx, STREAM)

    def current(self) -> dict[str, bytes]:
        """What the vault holds now: id -> bytes."""
        return {
            version.id: b"" if version.content is None else b"".join(self.vault.read(version.content))
            for version in self.vault.view(STREAM).versions()
        }

    def objects(self) -> list[str]:
        return [info.name for info in self.store.list("")]


def build(root: Path) -> House:
    store, keys = MemoryStore(), Keyring.generate("0" * 32, random=os.urandom, now_ms=START_MS)
    vault = Vault.create(store, keys, cache_path=root / "cache.sqlite", spool_dir=root / "spool")
    catalog = Catalog.open(root / "catalog.sqlite")
    with catalog.writing() as tx:
        organizations.add(tx, organizations.Organization("org-1", "Example", "0" * 32, "forever", 1))
        connections.add(
            tx, connections.SourceConnection("con-1", "org-1", "archive", "/in", {"path": "/in"}, 1)
        )
        accounts.add(tx, accounts.Account("acc-1", "con-1", "alice", "Alice", "folder", 1))
        streams.add(tx, streams.Stream(STREAM, "acc-1", "mail"))
    return House(root, store, keys, vault, catalog)


def close(house: House) -> None:
    house.vault.close()
    house.catalog.close()


def ids(house: House) -> Iterable[str]:
    return sorted(house.current())
