"""The index cache: a local, encrypted, disposable file that answers "have it? where?".

Everything in it can be read again from the vault's packs, indexes and snapshots. A miss may cost a duplicate, which
is legal; a hit must be true, so packs that a prune condemned or removed stop being hits before anything is written.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

import apsw

from backupd.errors import KeyDenied, StoreDenied, StoreFull, StoreUnavailable
from backupd.vault.pack import Location, PackRecord, locations
from backupd.vault.sealing import Extent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexes(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs(number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB UNIQUE NOT NULL,
    key_version INTEGER NOT NULL, salt BLOB NOT NULL, size INTEGER NOT NULL, condemned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS blobs(id BLOB PRIMARY KEY, pack INTEGER NOT NULL, frame INTEGER NOT NULL,
    frame_offset INTEGER NOT NULL, frame_length INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL)
    WITHOUT ROWID;
"""
_VERSION = 1
_FIND = "SELECT pack, frame, frame_offset, frame_length, offset, length FROM blobs WHERE id = ?"
_PACK = "SELECT id, key_version, salt, condemned FROM packs WHERE number = ?"
# A blob that is in several packs is remembered where it will stay: a condemned pack never replaces another.
_ADD_CONDEMNED_BLOB = "INSERT OR IGNORE INTO blobs VALUES(?, ?, ?, ?, ?, ?, ?)"
_ADD_BLOB = (
    "INSERT INTO blobs VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET pack = excluded.pack,"
    " frame = excluded.frame, frame_offset = excluded.frame_offset, frame_length = excluded.frame_length,"
    " offset = excluded.offset, length = excluded.length"
    " WHERE NOT EXISTS (SELECT 1 FROM packs WHERE number = blobs.pack AND NOT condemned)"
)


_PACKS_KEPT = 4096


class _KnownPack(NamedTuple):
    id: bytes
    key_version: int
    salt: bytes
    condemned: int


class IndexCache:
    """Blob id -> location, on disk, for one vault. Safe to use from several threads and processes."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._lock = threading.RLock()
        self._db = self._open()
        self._finder = self._db.cursor()
        self._packs: dict[int, _KnownPack] = {}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def find(self, blob_id: bytes) -> Location | None:
        """Return where the blob can be read (a condemned pack still can), or None."""
        with self._lock:
            row = self._finder.execute(_FIND, (blob_id,)).fetchone()
            pack = None if row is None else self._pack(row[0])
        if row is None or pack is None:
            return None
        _, frame, frame_offset, frame_length, offset, length = row
        extent = Extent(frame_offset, frame_length)
        return Location(pack.id, pack.key_version, pack.salt, frame, extent, offset, length)

    def has(self, blob_id: bytes) -> bool:
        """Return whether a new snapshot may lean on the blob: known, and not in a condemned pack."""
        with self._lock:
            row = self._finder.execute(_FIND, (blob_id,)).fetchone()
            pack = None if row is None else self._pack(row[0])
        return pack is not None and not pack.condemned

    def forget_packs(self) -> None:
        """Look packs up anew: another process may have condemned some since. Done before every slice."""
        with self._lock:
            self._packs.clear()

    def is_empty(self) -> bool:
        """Return whether no blob is known at all."""
        with self._lock:
            return self._db.execute("SELECT 1 FROM blobs LIMIT 1").get is None

    def add(
        self, records: Iterable[PackRecord], index: str | None = None, *, condemned: Container[bytes] = ()
    ) -> None:
        """Learn what the packs hold; with `index`, remember that this index object is loaded."""
        with self._lock, self._db:
            for record in records:
                self._add_pack(record, record.id in condemned)
            if index is not None:
                self._db.execute("INSERT OR IGNORE INTO indexes VALUES(?)", (index,))

    def loaded_indexes(self) -> set[str]:
        """Return the names of the index objects that were loaded."""
        with self._lock:
            return {name for (name,) in self._db.execute("SELECT name FROM indexes")}

    def pack_ids(self) -> Iterator[bytes]:
        """Yield the ids of all known packs."""
        with self._lock:
            rows = self._db.execute("SELECT id FROM packs ORDER BY id").fetchall()
        return (cast(bytes, pack_id) for (pack_id,) in rows)

    def generation(self) -> int:
        """Return the newest condemned generation this cache has taken in (0: none)."""
        return self._fact("generation")

    def set_generation(self, generation: int) -> None:
        """Remember that the condemned list of `generation` has been taken in."""
        self._set_fact("generation", generation)

    def is_whole(self) -> bool:
        """Return whether a full load of the vault has been finished at least once."""
        return bool(self._fact("whole"))

    def set_whole(self) -> None:
        """Remember that a full load has been finished."""
        self._set_fact("whole", 1)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock, self._db:
            self._packs.clear()
            for table in ("facts", "indexes", "blobs", "packs"):
                self._db.execute(f"DELETE FROM {table}")
            self._set_fact("version", _VERSION)

    def _fact(self, name: str) -> int:
        with self._lock:
            return cast(int, self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).get or 0)

    def _set_fact(self, name: str, value: int) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO facts VALUES(?, ?)", (name, value))

    def _pack(self, number: int) -> _KnownPack | None:
        known = self._packs.get(number)
        if known is None:
            row = self._db.execute(_PACK, (number,)).fetchone()
            if row is None:
                return None
            if len(self._packs) >= _PACKS_KEPT:
                self._packs.clear()
            known = self._packs[number] = _KnownPack(*row)
        return known

    def _add_pack(self, record: PackRecord, condemned: bool) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO packs(id, key_version, salt, size, condemned) VALUES(?, ?, ?, ?, ?)",
            (record.id, record.key_version, record.salt, record.size, condemned),
        )
        number = self._db.execute("SELECT number FROM packs WHERE id = ?", (record.id,)).get
        self._db.executemany(
            _ADD_CONDEMNED_BLOB if condemned else _ADD_BLOB,
            (
                (blob_id, number, at.frame, at.extent.offset, at.extent.length, at.offset, at.length)
                for blob_id, at in sorted(locations(record))
            ),
        )

    def _open(self) -> apsw.Connection:
        try:
            return self._connect()
        except (apsw.NotADBError, apsw.CorruptError, apsw.SchemaChangeError):
            # Another key, another version or a damaged file: it is disposable, so it is made anew.
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            return self._connect()
        except apsw.FullError:
            raise StoreFull(
                f"There is no room for the index cache {self._path}.", hint="Make room and run again."
            ) from None
        except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError):
            raise StoreDenied(f"The index cache {self._path} cannot be written.") from None
        except (apsw.IOError, apsw.BusyError) as error:
            raise StoreUnavailable(f"The index cache {self._path} cannot be opened: {error}.") from None

    def _connect(self) -> apsw.Connection:
        if len(self._key) != 32:
            raise KeyDenied("The index cache needs a key of 32 bytes.")
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = apsw.Connection(str(self._path))
        try:
            db.set_busy_timeout(30_000)
            # Only a raw key avoids key derivation (0.3 ms instead of 19 ms an open).
            db.pragma("key", "raw:" + self._key.hex())
            db.pragma("journal_mode", "wal")
            # The operating system keeps writes of a killed process; after a power cut the file is rebuilt.
            db.pragma("synchronous", "off")
            db.execute(_SCHEMA)
            found = db.execute("SELECT value FROM facts WHERE name = 'version'").get
            if found is None:
                db.execute("INSERT OR IGNORE INTO facts VALUES('version', ?)", (_VERSION,))
            elif found != _VERSION:
                raise apsw.SchemaChangeError("another version")
        except BaseException:
            db.close()
            raise
        return db
