"""Opens the database: SQLite by default, PostgreSQL by URL; one way to read, one way to write, one way to migrate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.errors import DatabaseLost, SettingsError
from statuspage.store import incidents, measurements, operators, outbox, page, subscribers
from statuspage.store.base import Base, new_id

MIGRATIONS = Path(__file__).parent / "migrations"
AGGREGATES = (incidents, measurements, operators, outbox, page, subscribers)
METADATA = Base.metadata


class Database:
    """One region's database. Reads never block on writers; writes take SQLite's lock at their first statement.

    On SQLite a writer begins IMMEDIATE: a deferred one that reads first and writes later fails at once when another
    writer came between, whatever the busy timeout.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {} if self.sqlite and ":memory:" in url else {"pool_size": pool_size}
        connect = {"timeout": 10, "check_same_thread": False} if self.sqlite else {"connect_timeout": 5}
        self.engine = create_engine(url, connect_args=connect, pool_pre_ping=not self.sqlite, **options)
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(writes=True)
        self._reader = self.engine if self.sqlite else self.engine.execution_options(postgresql_readonly=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and writes nothing."""
        try:
            with Session(self._reader, expire_on_commit=False) as session:
                yield session
        except DBAPIError as error:
            raise DatabaseLost("The database cannot be read at the moment; try again in a minute.") from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: committed when the block ends, rolled back when it raises."""
        try:
            with Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session
        except (IntegrityError, DataError, ProgrammingError):
            raise  # of what was asked, not of the database
        except DBAPIError as error:
            raise DatabaseLost(
                "The database cannot be written at the moment; nothing was changed."
            ) from error

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """A transaction for one statement that is run very often: without the object mapper's cost."""
        try:
            with self._writer.begin() as connection:
                yield connection
        except OperationalError as error:
            raise DatabaseLost(
                "The database cannot be written at the moment; nothing was changed."
            ) from error

    def version(self) -> int:
        """The page's data version; every visible change raises it."""
        try:
            with self._reader.connect() as connection:
                return int(connection.scalar(select(page.Page.version)) or 0)
        except DBAPIError as error:
            raise DatabaseLost("The database cannot be read at the moment.") from error

    def migrate(self, region: Region, now: datetime) -> None:
        """Brings the schema to this code's revision and creates the page and its components where missing."""
        if self.sqlite and (path := self.engine.url.database) and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        with self._writer.begin() as connection:
            # Two processes that start together must not both create the tables.
            if not self.sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(726051)")
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        with self.write() as session:
            page.seed(session, region, new_id(), now)

    def check_schema(self) -> None:
        """Refuses a database whose schema is not the one this code was written for."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        head = ScriptDirectory.from_config(config).get_current_head()
        try:
            with self._reader.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
        except DBAPIError as error:
            raise DatabaseLost("The database cannot be opened.") from error
        if found != head:
            raise SettingsError(
                f"The database is at schema revision {found}, this program needs {head}: "
                "run `backupd-status migrate` first."
            )

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only={0 if writes else 1}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
