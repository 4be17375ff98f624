"""The index cache: a local, encrypted, disposable file that answers "have it? where?".

Everything in it can be read again from the vault's packs, indexes and snapshots. A miss may cost a duplicate, which
is legal; a hit must be true, so packs that a prune condemned or removed stop being hits before anything is written.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar, cast

import apsw

from backupd.errors import BackupdError, KeyDenied, StoreDenied, StoreFull, StoreUnavailable
from backupd.vault.pack import Location, PackRecord, locations
from backupd.vault.sealing import Extent
from backupd.vault.stores.os_errors import store_error

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
_DAMAGE = (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, apsw.SchemaChangeError)

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def _guarded(
    method: Callable[Concatenate[IndexCache, Given], Answer],
) -> Callable[Concatenate[IndexCache, Given], Answer]:
    """Hold the lock; make a file found damaged anew and ask again: what it held is then missing, never wrong."""

    @functools.wraps(method)
    def run(cache: IndexCache, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        with cache.lock:
            try:
                try:
                    return method(cache, *args, **kwargs)
                except _DAMAGE:
                    cache.make_anew()
                    return method(cache, *args, **kwargs)
            except apsw.Error as error:
                raise _translated(cache.path, error) from None

    return run


class _KnownPack(NamedTuple):
    id: bytes
    key_version: int
    salt: bytes
    condemned: int


class IndexCache:
    """Blob id -> location, on disk, for one vault. Safe to use from several threads and processes."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.times_made_anew = 0
        """How often the file was found damaged since it was opened; whoever fills it begins again."""
        self._key = key
        self._db = self._open()
        self._finder = self._db.cursor()
        self._packs: dict[int, _KnownPack] = {}

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._db.close()

    @_guarded
    def find(self, blob_id: bytes) -> Location | None:
        """Return where the blob can be read (a condemned pack still can), or None."""
        row = self._finder.execute(_FIND, (blob_id,)).fetchone()
        pack = None if row is None else self._pack(row[0])
        if row is None or pack is None:
            return None
        _, frame, frame_offset, frame_length, offset, length = row
        extent = Extent(frame_offset, frame_length)
        return Location(pack.id, pack.key_version, pack.salt, frame, extent, offset, length)

    @_guarded
    def has(self, blob_id: bytes) -> bool:
        """Return whether a new snapshot may lean on the blob: known, and not in a condemned pack."""
        row = self._finder.execute(_FIND, (blob_id,)).fetchone()
        pack = None if row is None else self._pack(row[0])
        return pack is not None and not pack.condemned

    def forget_packs(self) -> None:
        """Look packs up anew: another process may have condemned some since. Done before every slice."""
        with self.lock:
            self._packs.clear()

    @_guarded
    def is_empty(self) -> bool:
        """Return whether no blob is known at all."""
        return self._db.execute("SELECT 1 FROM blobs LIMIT 1").get is None

    @_guarded
    def add(
        self, records: Iterable[PackRecord], index: str | None = None, *, condemned: Container[bytes] = ()
    ) -> None:
        """Learn what the packs hold; with `index`, remember that this index object is loaded."""
        with self._db:
            for record in records:
                self._add_pack(record, record.id in condemned)
            if index is not None:
                self._db.execute("INSERT OR IGNORE INTO indexes VALUES(?)", (index,))

    @_guarded
    def loaded_indexes(self) -> set[str]:
        """Return the names of the index objects that were loaded."""
        return {name for (name,) in self._db.execute("SELECT name FROM indexes")}

    @_guarded
    def pack_ids(self) -> Iterator[bytes]:
        """Yield the ids of all known packs."""
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

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Make everything done inside one transaction, which other processes see at its end."""
        with self.lock:
            with self._translating():
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._packs.clear()
                with suppress(apsw.Error):
                    self._db.execute("ROLLBACK")
                raise
            with self._translating(), suppress(apsw.SQLError):
                # Nothing is open any more if the file was found damaged and made anew meanwhile.
                self._db.execute("COMMIT")

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE:
            self.make_anew()
        except apsw.Error as error:
            raise _translated(self.path, error) from None

    @_guarded
    def clear(self) -> None:
        """Forget everything."""
        with self._db:
            self._packs.clear()
            for table in ("facts", "indexes", "blobs", "packs"):
                self._db.execute(f"DELETE FROM {table}")
            self._set_fact("version", _VERSION)

    def make_anew(self) -> None:
        """Replace the file by an empty one."""
        with self.lock:
            self.times_made_anew += 1
            self._packs.clear()
            self._db.close(True)
            self._remove()
            self._db = self._open()
            self._finder = self._db.cursor()

    @_guarded
    def _fact(self, name: str) -> int:
        return cast(int, self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).get or 0)

    @_guarded
    def _set_fact(self, name: str, value: int) -> None:
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
            try:
                return self._connect()
            except _DAMAGE:
                # Another key, another version or a damaged file: it is disposable, so it is made anew.
                self._remove()
                return self._connect()
        except apsw.Error as error:
            raise _translated(self.path, error) from None
        except OSError as error:
            raise store_error(error, str(self.path)) from None

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _connect(self) -> apsw.Connection:
        if len(self._key) != 32:
            raise KeyDenied("The index cache needs a key of 32 bytes.")
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = apsw.Connection(str(self.path))
        try:
            db.set_busy_timeout(30_000)
            # Only a raw key avoids key derivation (0.3 ms instead of 19 ms an open).
            db.pragma("key", "raw:" + self._key.hex())
            # The operating system keeps writes of a killed process; after a power cut the file is rebuilt. Said first:
            # turning on the write-ahead log would wait for the disk.
            db.pragma("synchronous", "off")
            db.pragma("journal_mode", "wal")
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


def _translated(path: Path, error: apsw.Error) -> BackupdError:
    if isinstance(error, apsw.FullError):
        return StoreFull(f"There is no room for the index cache {path}.", hint="Make room and run again.")
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return StoreDenied(f"The index cache {path} cannot be written.")
    return StoreUnavailable(f"The index cache {path} cannot be used right now: {error}.")
