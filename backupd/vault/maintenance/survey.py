"""The survey of a vault: which blobs the kept snapshots need, and where each of them is at home.

It lies in a temporary, encrypted SQLite file, so memory stays bounded whatever the vault's size. A blob may be in
several packs; its home is the one that a prune keeps anyway: not doomed, indexed, and the fullest of live bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

import apsw

from backupd.vault.pack import BLOB_ID_BYTES, PackRecord
from backupd.vault.sealing import RandomBytes

BATCH = 4096
_CACHE_KIB = 32 << 10
_SCHEMA = """
CREATE TABLE marks(id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE packs(number INTEGER PRIMARY KEY, id BLOB UNIQUE NOT NULL, size INTEGER NOT NULL, blobs INTEGER NOT NULL,
    weight INTEGER NOT NULL, doomed INTEGER NOT NULL, indexed INTEGER NOT NULL, present INTEGER NOT NULL DEFAULT 0,
    rank REAL NOT NULL DEFAULT 0);
CREATE TABLE placements(id BLOB NOT NULL, pack INTEGER NOT NULL, length INTEGER NOT NULL, PRIMARY KEY(id, pack))
    WITHOUT ROWID;
CREATE TABLE homes(pack INTEGER NOT NULL, id BLOB NOT NULL, length INTEGER NOT NULL, PRIMARY KEY(pack, id))
    WITHOUT ROWID;
"""
# An empty blob weighs something too, so a pack of nothing but empty blobs has a share that lives.
_RANK = (
    "UPDATE packs SET rank = 2 * doomed + (NOT indexed) + 1.0"
    " - coalesce((SELECT weight FROM temp.found WHERE pack = number), 0) / (weight + 1.0)"
)
# SQLite takes the other columns from the row that has the minimum.
_HOMES = (
    "INSERT INTO homes SELECT pack, id, length FROM (SELECT p.id AS id, p.pack AS pack, p.length AS length, min(k.rank)"
    " FROM placements p JOIN packs k ON k.number = p.pack WHERE k.present GROUP BY p.id) ORDER BY pack, id"
)
_STATES = (
    "SELECT k.id, k.size, k.blobs, k.weight, k.doomed, k.indexed, count(h.id), coalesce(sum(h.length + 1), 0)"
    " FROM packs k LEFT JOIN homes h ON h.pack = k.number WHERE k.present GROUP BY k.number"
)
_GHOSTS = (
    "SELECT id FROM packs k WHERE NOT present AND NOT EXISTS (SELECT 1 FROM placements p WHERE p.pack = k.number"
    " AND NOT EXISTS (SELECT 1 FROM placements q JOIN packs o ON o.number = q.pack WHERE q.id = p.id AND o.present))"
)


class PackState(NamedTuple):
    """One pack in the store: its size in bytes, its blobs, and how many of them are at home in it and needed."""

    id: bytes
    size: int
    blobs: int
    weight: int
    doomed: bool
    indexed: bool
    live_blobs: int
    live_weight: int

    @property
    def live_share(self) -> float:
        """The part of the pack that is needed, 0 to 1, by plain bytes."""
        return self.live_weight / self.weight if self.weight else 0.0


class Survey:
    """Collects marks and packs, then answers. Used by one thread; close it at the end."""

    def __init__(self, spool_dir: Path, random: RandomBytes) -> None:
        path = spool_dir / f"survey-{random(16).hex()}"
        self._db = apsw.Connection(str(path))
        try:
            self._db.pragma("key", "raw:" + random(32).hex())
            self._db.pragma("journal_mode", "off")
            self._db.pragma("synchronous", "off")
            self._db.pragma("locking_mode", "exclusive")
            self._db.pragma("cache_size", -_CACHE_KIB)
            self._db.execute(_SCHEMA)
        finally:
            path.unlink(missing_ok=True)  # The open file lives on; a killed process leaves nothing behind.
        self._pending: list[tuple[bytes]] = []

    def close(self) -> None:
        """Drop the survey."""
        self._db.close()

    def __enter__(self) -> Survey:
        """Return the survey; it is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the survey."""
        self.close()

    def mark(self, blob_ids: Iterable[bytes]) -> None:
        """Record that a kept snapshot needs these blobs."""
        self._pending += [(blob_id,) for blob_id in blob_ids]
        if len(self._pending) >= BATCH:
            self._flush()

    def add_pack(self, record: PackRecord, *, doomed: bool, indexed: bool = True) -> None:
        """Record what a pack holds; all marks must have been made. A pack that is known already is left as it is."""
        self._flush()
        lengths = record.directory.lengths
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO packs(id, size, blobs, weight, doomed, indexed) VALUES(?, ?, ?, ?, ?, ?)",
                (record.id, record.size, len(lengths), sum(lengths) + len(lengths), doomed, indexed),
            )
            if not self._db.changes():
                return
            number = self._db.last_insert_rowid()
            ids = record.directory.ids
            self._db.executemany(
                "INSERT OR IGNORE INTO placements SELECT id, ?, ? FROM marks WHERE id = ?",
                (
                    (number, length, ids[place * BLOB_ID_BYTES : (place + 1) * BLOB_ID_BYTES])
                    for place, length in enumerate(lengths)
                ),
            )

    def see(self, pack_id: bytes) -> bool:
        """Record that the store has the pack; return False if nothing described it so far."""
        self._db.execute("UPDATE packs SET present = 1 WHERE id = ?", (pack_id,))
        return bool(self._db.changes())

    def settle(self) -> None:
        """Decide where each blob is at home; after this the survey only answers."""
        self._flush()
        with self._db:
            self._db.execute(
                "CREATE TEMP TABLE found AS SELECT pack, sum(length + 1) AS weight FROM placements GROUP BY pack"
            )
            self._db.execute("CREATE INDEX temp.found_pack ON found(pack)")
            self._db.execute(_RANK)
            self._db.execute(_HOMES)

    def packs(self) -> Iterator[PackState]:
        """Yield the packs that the store has."""
        for pack_id, size, blobs, weight, doomed, indexed, live_blobs, live_weight in self._db.execute(
            _STATES
        ):
            yield PackState(
                cast(bytes, pack_id),
                cast(int, size),
                cast(int, blobs),
                cast(int, weight),
                bool(doomed),
                bool(indexed),
                cast(int, live_blobs),
                cast(int, live_weight),
            )

    def at_home(self, pack_id: bytes) -> set[bytes]:
        """Return the needed blobs that are at home in one pack (as many as a pack holds)."""
        rows = self._db.execute(
            "SELECT id FROM homes WHERE pack = (SELECT number FROM packs WHERE id = ?)", (pack_id,)
        )
        return {cast(bytes, blob_id) for (blob_id,) in rows}

    def ghosts(self) -> set[bytes]:
        """Return the packs that are described but not there, and hold nothing that is not elsewhere too."""
        return {cast(bytes, pack_id) for (pack_id,) in self._db.execute(_GHOSTS)}

    def referenced(self) -> tuple[int, int]:
        """Return how many blobs are needed and found, and their plain bytes."""
        row = self._db.execute("SELECT count(*), coalesce(sum(length), 0) FROM homes").fetchone()
        blobs, size = cast(tuple[int, int], row)
        return blobs, size

    def homeless(self) -> int:
        """Return how many needed blobs are in no pack of the store."""
        marks = cast(int, self._db.execute("SELECT count(*) FROM marks").get)
        return marks - self.referenced()[0]

    def _flush(self) -> None:
        if self._pending:
            self._pending.sort()
            with self._db:
                self._db.executemany("INSERT OR IGNORE INTO marks VALUES(?)", self._pending)
            self._pending = []
