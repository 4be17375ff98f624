"""Opening the catalog and its two kinds of transaction.

Writers begin IMMEDIATE: a plain BEGIN that later writes loses nearly all contended updates to SQLITE_BUSY. Readers
begin deferred and are `query_only`, so any number of them runs beside a writer. No transaction spans work on a vault
or a network: callers gather values first, then write them in one go.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from backupd.catalog.schema import REVISION, REVISIONS
from backupd.errors import (
    BackupdError,
    Busy,
    Integrity,
    StoreDenied,
    StoreFull,
    StoreUnavailable,
    UnsupportedFormat,
)

_BUSY_TIMEOUT_MS = 10_000


class Catalog:
    """An opened catalog. May be used by several threads; each transaction has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _engine(path, "BEGIN IMMEDIATE", ("PRAGMA query_only=OFF",))
        self._reader = _engine(path, "BEGIN", ("PRAGMA query_only=ON",))

    @classmethod
    def open(cls, path: Path) -> Catalog:
        """Open the catalog, making or migrating it where needed.

        Raises `UnsupportedFormat` for a catalog of a newer program, `Integrity` for a file that is no catalog,
        `StoreDenied`, `StoreFull`, `Busy`.
        """
        with _named_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            stored = _stored_revision(path)
        if stored != REVISION:
            if stored is not None and stored not in REVISIONS:
                raise UnsupportedFormat(
                    f"The catalog {path} is of a newer format ({stored}) than this program reads ({REVISION}).",
                    hint="Update backupd, or use the program that wrote it.",
                )
            catalog = cls(path)
            catalog._bring_up_to_date(is_new=stored is None)
            return catalog
        return cls(path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only transaction: one consistent state of the catalog."""
        with _named_errors(self._path), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A writing transaction, committed at the end, rolled back by any exception. Keep it short."""
        with _named_errors(self._path), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the file descriptors back."""
        self._writer.dispose()
        self._reader.dispose()

    def _bring_up_to_date(self, *, is_new: bool) -> None:
        """Make or migrate the tables under the write lock: a second process waits, then finds it done."""
        if is_new:
            from backupd.catalog.creation import create as change
        else:
            from backupd.catalog.upgrade import upgrade as change
        with self.writing() as connection:
            change(connection)


def _engine(path: Path, begin: str, pragmas: tuple[str, ...]) -> Engine:
    # A pool, not a connection per transaction: the last one that closes checkpoints and removes the write-ahead log,
    # which took longer than most transactions.
    engine = create_engine("sqlite://", creator=lambda: _connect(path, pragmas), poolclass=QueuePool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _connect(path: Path, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    # isolation_level None: the driver begins nothing by itself; what begins and how is said above.
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )
    # synchronous NORMAL: a power cut may lose the last rows, never the catalog; what is lost is adopted from the vault.
    for pragma in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "PRAGMA foreign_keys=ON",
        *pragmas,
    ):
        connection.execute(pragma)
    return connection


def _stored_revision(path: Path) -> str | None:
    """Return the catalog's revision, None for a catalog still to be made."""
    connection = _connect(path, ())
    try:
        found = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'"
        ).fetchone()
        if not found[0]:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    finally:
        connection.close()


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what has to be done."""
    try:
        yield
    except DBAPIError as error:
        named = _named(path, error.orig)
        if named is None:
            raise
        raise named from error
    except sqlite3.Error as error:
        named = _named(path, error)
        if named is None:
            raise
        raise named from error
    except PermissionError as error:
        raise StoreDenied(f"{error.filename or path} cannot be written: {error.strerror}.") from error


def _named(path: Path, error: Any) -> BackupdError | None:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy(
            f"Another process keeps the catalog {path} locked.", hint="Wait for it to end, then try again."
        )
    if primary == sqlite3.SQLITE_FULL:
        return StoreFull(
            f"The disk of the catalog {path} is full.", hint="Make room and run the command again."
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreDenied(
            f"The catalog {path} cannot be opened for writing.", hint="Check the folder's permissions."
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return Integrity(
            f"The catalog {path} is damaged or is no catalog.",
            hint="Move the file away and run 'backupd rebuild-index': the catalog is made again from the vaults.",
        )
    if primary == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(f"The catalog {path} cannot be read or written: {error}.")
    return None
