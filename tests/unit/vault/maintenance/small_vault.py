"""A vault small enough to prune, damage and check hundreds of times, beside a model of plain dictionaries."""

from __future__ import annotations

import contextlib
import hashlib
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from backupd.errors import BackupdError
from backupd.vault.keys.keyring import Keyring
from backupd.vault.slice import Slice
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.stores.base import Store
from backupd.vault.stores.memory import ManualClock, MemoryStore
from backupd.vault.vault import Vault

DAY_S = 86_400
MAIL = "con/anna/mail"
DRIVE = "con/anna/drive"
State = dict[str, bytes]


class Item(NamedTuple):
    """What a connector would say of an item."""

    id: str
    tag: bytes
    size_bytes: int
    kind: str = "file"
    folder: str = "f"
    name: str = "n"
    modified_ms: int = 0
    meta: bytes = b""


class Seeded:
    """Random bytes that are the same in every run."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._calls = 0

    def __call__(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(f"{self._seed} {self._calls}".encode()).digest(count)


def noise(seed: object, size: int = 2000) -> bytes:
    """Bytes that do not compress."""
    return random.Random(str(seed)).randbytes(size)


def copied(store: MemoryStore, clock: ManualClock) -> MemoryStore:
    """The same objects in a store of its own, with their times."""
    twin = MemoryStore(clock=clock, locks=store._locks)
    twin._objects = dict(store._objects)
    return twin


class SmallVault:
    """An opened vault over `store`, and what every point in time must give back."""

    def __init__(self, folder: Path, *, locks: bool = False) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.memory = MemoryStore(clock=self.clock, locks=locks)
        self.keys = Keyring.generate("0" * 32, random=Seeded("keys"), now_ms=0)
        self.points: dict[tuple[str, int], State] = {}
        self.opened = 0
        self.vault = self._open(self.memory, create=True)

    def _open(self, store: Store, *, create: bool = False, cache_path: Path | None = None) -> Vault:
        self.opened += 1
        make = Vault.create if create else Vault.open
        return make(
            store,
            self.keys,
            cache_path=cache_path or self.folder / f"cache-{self.opened}" / "index.sqlite",
            spool_dir=self.folder / "spool",
            clock=self.clock,
            random=Seeded(f"vault {self.opened}"),
        )

    @contextlib.contextmanager
    def another(self, store: Store | None = None) -> Iterator[Vault]:
        """Open the same vault once more, as another process with an empty cache would."""
        vault = self._open(store or self.memory)
        try:
            yield vault
        finally:
            vault.workshop.close()
            vault.cache.close()
            shutil.rmtree(self.folder / f"cache-{self.opened}", ignore_errors=True)

    @contextlib.contextmanager
    def sharing(self, cache_path: Path) -> Iterator[Vault]:
        """Open the same vault once more over a cache file that others use as well."""
        vault = self._open(self.memory, cache_path=cache_path)
        try:
            yield vault
        finally:
            vault.workshop.close()
            vault.cache.close()

    def close(self) -> None:
        self.vault.close()

    def write(
        self,
        stream: str,
        changes: Mapping[str, bytes | None],
        *,
        complete: bool = True,
        advance_s: float = DAY_S,
        vault: Vault | None = None,
    ) -> SnapshotInfo:
        """Commit one slice and remember the state it leaves."""
        part = fill((vault or self.vault).slice(stream, "run"), changes)
        return self.committed(part, stream, changes, complete=complete, advance_s=advance_s)

    def committed(
        self,
        part: Slice,
        stream: str,
        changes: Mapping[str, bytes | None],
        *,
        complete: bool = True,
        advance_s: float = 0,
    ) -> SnapshotInfo:
        info = part.commit(b"cursor", complete=complete, as_of_ms=int(self.clock() * 1000))
        assert info is not None
        state = dict(self.points.get((stream, info.seq - 1), {}))
        for item_id, content in changes.items():
            if content is None:
                state.pop(item_id, None)
            else:
                state[item_id] = content
        self.points[stream, info.seq] = state
        self.clock.advance(advance_s)
        return info

    def wait(self) -> None:
        """Let the time pass that a sweep waits for."""
        self.clock.advance(2 * self.vault.format.slice_limit_s + 1)

    def packs(self) -> list[str]:
        return [info.name for info in self.memory.list("packs/")]

    def seqs(self, stream: str, vault: Vault | None = None) -> list[int]:
        return [info.seq for info in (vault or self.vault).snapshots(stream)]

    def seqs_of_all(self) -> dict[str, list[int]]:
        """The points in time of every stream, as a newly opened vault tells them."""
        with self.another() as vault:
            return {stream: self.seqs(stream, vault) for stream in vault.streams()}

    def forget(self, stream: str, item_id: str) -> None:
        """Take an item out of every point of the model, as a purge does."""
        for (named, seq), state in list(self.points.items()):
            if named == stream:
                self.points[named, seq] = {key: value for key, value in state.items() if key != item_id}

    def compare(self, vault: Vault | None = None) -> int:
        """Assert that every point in time that is left equals the model; return how many there are."""
        vault = vault or self.vault
        count = 0
        for stream in vault.streams():
            for info in vault.snapshots(stream):
                expected = self.points[stream, info.seq]
                view = vault.view(stream, info.seq)
                found = {
                    v.id: b"".join(vault.read(v.content)) for v in view.versions() if v.content is not None
                }
                assert found == expected, f"{stream} at {info.seq}"
                count += 1
        return count


def fill(part: Slice, changes: Mapping[str, bytes | None]) -> Slice:
    """Tell a slice of the changes; a None is a deletion."""
    for item_id, content in changes.items():
        if content is None:
            part.delete(item_id)
        else:
            tag = hashlib.sha256(content).digest()[:8]
            part.upsert(Item(item_id, tag, len(content)), content)
    return part


def reason(error: BackupdError) -> str:
    return error.message
