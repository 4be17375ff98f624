"""The vault: one organization's store, opened with its keys."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backupd.vault.access import WriteAccess
from backupd.vault.cache import IndexCache
from backupd.vault.chunking import Chunker
from backupd.vault.entries import Content, Entry
from backupd.vault.format import VaultFormat, read_format, write_format
from backupd.vault.loading import IndexLoader
from backupd.vault.naming import Names
from backupd.vault.packer import Workshop
from backupd.vault.reader import Reader
from backupd.vault.records import Records
from backupd.vault.sealing import DataKeys, RandomBytes
from backupd.vault.slice import Slice
from backupd.vault.snapshot import SnapshotInfo, read_snapshot
from backupd.vault.stores.base import ObjectNotFound, Store
from backupd.vault.stores.probe import probe_conditional_create
from backupd.vault.timeline import Timeline
from backupd.vault.view import View

"""How often the index cache is filled anew when its file turns out damaged meanwhile."""


class Vault:
    """An opened vault. Several threads may use it, each with slices of its own."""

    def __init__(
        self,
        store: Store,
        keys: DataKeys,
        found: VaultFormat,
        *,
        cache_path: Path,
        spool_dir: Path,
        clock: Callable[[], float] = time.time,
        random: RandomBytes = os.urandom,
    ) -> None:
        self.store = store
        self.keys = keys
        self.format = found
        self.vault_id = keys.vault_id
        self.clock = clock
        self.random = random
        self.spool_dir = spool_dir
        spool_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.names = Names(keys.naming_key)
        self.cache = IndexCache(cache_path, self.names.cache_key)
        self.records = Records(store, keys, self.names, random)
        self.loader = IndexLoader(store, keys, self.cache)
        self.reader = Reader(store, keys, self.names, self.cache, self.loader.refresh)
        self._chunker = Chunker(self.names.chunk_seed)
        self.workshop = Workshop()

    @classmethod
    def create(
        cls,
        store: Store,
        keys: DataKeys,
        *,
        cache_path: Path,
        spool_dir: Path,
        clock: Callable[[], float] = time.time,
        random: RandomBytes = os.urandom,
    ) -> Vault:
        """Make a new vault in an empty place; refuses a store that ignores conditional creates."""
        probe_conditional_create(store)
        found = write_format(store, Names(keys.naming_key), keys.vault_id, int(clock() * 1000))
        return cls(store, keys, found, cache_path=cache_path, spool_dir=spool_dir, clock=clock, random=random)

    @classmethod
    def open(
        cls,
        store: Store,
        keys: DataKeys,
        *,
        cache_path: Path,
        spool_dir: Path,
        clock: Callable[[], float] = time.time,
        random: RandomBytes = os.urandom,
    ) -> Vault:
        """Open an existing vault; raises NotFound, UnsupportedFormat, KeyDenied, Integrity."""
        found = read_format(store, Names(keys.naming_key), keys.vault_id)
        return cls(store, keys, found, cache_path=cache_path, spool_dir=spool_dir, clock=clock, random=random)

    def close(self) -> None:
        """Give back threads, files and connections."""
        self.workshop.close()
        self.cache.close()
        self.store.close()

    def streams(self) -> list[str]:
        """Return the names of all streams that ever had a snapshot, sorted."""
        return sorted(self.timeline_of_key(key).stream for key in self.stream_keys())

    def stream_keys(self) -> list[str]:
        """Return the keyed names of all streams in the store, sorted."""
        return sorted({info.name.split("/")[1] for info in self.store.list("snapshots/")})

    def timeline(self, stream: str) -> Timeline:
        """Return the timeline of a stream by its plain name."""
        return self.timeline_of(stream, self.names.name("stream", stream))

    def timeline_of_key(self, key: str) -> Timeline:
        """Return the timeline of a stream by its keyed name; its plain name is read from its first snapshot."""
        first = next(iter(self.store.list(f"snapshots/{key}/")), None)
        if first is None:
            raise ObjectNotFound(f"There is no stream {key}.")
        header, _ = read_snapshot(self.store, self.keys, first.name, "")
        return self.timeline_of(header.stream, key)

    def snapshots(self, stream: str) -> list[SnapshotInfo]:
        """Return a stream's snapshots, ascending, without the retired ones."""
        return self.timeline(stream).snapshots()

    def head(self, stream: str) -> SnapshotInfo | None:
        """Return a stream's newest snapshot, or None."""
        return self.timeline(stream).head()

    def at(self, stream: str, at_ms: int | None) -> SnapshotInfo:
        """Return the newest complete snapshot taken at or before `at_ms` (None: the newest)."""
        return self.timeline(stream).at(at_ms)

    def view(self, stream: str, seq: int | None = None) -> View:
        """Return the stream's state at a snapshot (None: at its newest)."""
        timeline = self.timeline(stream)
        if seq is None:
            seqs = timeline.seqs()
            seq = seqs[-1] if seqs else None
        return timeline.view(seq)

    def history(self, stream: str, item_id: str) -> list[tuple[SnapshotInfo, Entry]]:
        """Return what each snapshot that is left says of one item, ascending."""
        timeline = self.timeline(stream)
        found = []
        previous = 0
        for info in timeline.snapshots():
            # Over a gap of retired snapshots, a base or roll-up says what they said.
            entry = timeline.changes(info.seq, previous).change(item_id)
            if entry is not None:
                found.append((info, entry))
            previous = info.seq
        return found

    def slice(self, stream: str, run_id: str, *, expect: tuple[int, bytes] | None = None) -> Slice:
        """Begin a slice of a stream. `expect` is the remembered head (seq, hash); another history is RolledBack."""
        started_s = self.store.now()
        self.sync()
        access = WriteAccess(
            self.store,
            self.keys,
            self.names,
            self.cache,
            self.workshop,
            self._chunker,
            self.sync,
            random=self.random,
            clock=self.clock,
            spool_dir=self.spool_dir,
            slice_limit_s=self.format.slice_limit_s,
        )
        return Slice(access, self.timeline(stream), run_id, started_s=started_s, expect=expect)

    def read(self, content: Content) -> Iterator[bytes]:
        """Yield a content's exact bytes; raises Integrity rather than give out its end wrong."""
        return self.reader.content(content)

    def sync(self) -> None:
        """Take in what others did to the indexes since; cheap when nothing happened. Done before every slice."""
        self.loader.sync()

    def refresh(self) -> None:
        """Read all indexes anew. Does nothing if the store still looks as it did at the last refresh."""
        self.loader.refresh()

    def keep_short(self, stream: str, seq: int) -> str | None:
        """Write a base at `seq` where reading the stream has become slow without one; return its name."""
        timeline = self.timeline(stream)
        return timeline.write_base(seq) if timeline.wants_base(seq) else None

    def timeline_of(self, stream: str, key: str) -> Timeline:
        """Return the timeline of a stream by both its names, trusting that they belong together."""
        return Timeline(self.store, self.keys, stream, key, random=self.random, spool_dir=self.spool_dir)
