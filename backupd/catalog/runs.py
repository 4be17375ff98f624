"""Runs: one row per execution, with its state, counts and the sentence that says what went wrong."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    insert,
    select,
    text,
)

from backupd.catalog.schema import METADATA
from backupd.domain.runs import RunKind, RunState

TABLE = Table(
    "runs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("stream", ForeignKey("streams.name")),
    Column("state", String(20), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("items", BigInteger, nullable=False, server_default="0"),
    Column("deletes", BigInteger, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("bytes_in", BigInteger, nullable=False, server_default="0"),
    Column("bytes_stored", BigInteger, nullable=False, server_default="0"),
    Column("message", String, nullable=False, server_default=""),
    Index("ix_runs_organization_started", "organization_id", "started_ms"),
    # One running backup per stream, whoever starts it.
    Index(
        "uq_runs_stream_running",
        "stream",
        unique=True,
        sqlite_where=text("state = 'running' AND kind = 'backup'"),
    ),
)


class Run(NamedTuple):
    """One run; times in Unix milliseconds, sizes in bytes; `stream` is None for runs of a whole organization."""

    id: str
    kind: RunKind
    organization_id: str
    stream: str | None
    state: RunState
    started_ms: int
    ended_ms: int | None = None
    items: int = 0
    deletes: int = 0
    failures: int = 0
    bytes_in: int = 0
    bytes_stored: int = 0
    message: str = ""


class Outcome(NamedTuple):
    """What a run did, as it is written into its row at the end."""

    state: RunState
    items: int = 0
    deletes: int = 0
    failures: int = 0
    bytes_in: int = 0
    bytes_stored: int = 0
    message: str = ""


def start(tx: Connection, run: Run) -> None:
    """Insert the running row. A second running backup of one stream violates `uq_runs_stream_running`."""
    tx.execute(insert(TABLE).values(run._asdict()))


def finish(tx: Connection, run_id: str, outcome: Outcome, ended_ms: int) -> bool:
    """End the run once; False if somebody has ended it already (claims are single conditional statements)."""
    result = tx.execute(
        TABLE.update()
        .where(TABLE.c.id == run_id, TABLE.c.state == RunState.RUNNING)
        .values(ended_ms=ended_ms, **outcome._asdict())
    )
    return result.rowcount == 1


def interrupt(tx: Connection, stream: str, ended_ms: int) -> int:
    """End the stream's running backup rows whose process is known to be gone; returns how many there were."""
    result = tx.execute(
        TABLE.update()
        .where(TABLE.c.stream == stream, TABLE.c.state == RunState.RUNNING, TABLE.c.kind == RunKind.BACKUP)
        .values(
            state=RunState.INTERRUPTED, ended_ms=ended_ms, message="The process ended before the run did."
        )
    )
    return result.rowcount


def recent(tx: Connection, organization_id: str, limit: int) -> list[Run]:
    """Return the organization's newest runs, newest first."""
    query = (
        select(TABLE)
        .where(TABLE.c.organization_id == organization_id)
        .order_by(TABLE.c.started_ms.desc(), TABLE.c.id)
        .limit(limit)
    )
    return [_run(tuple(row)) for row in tx.execute(query)]


def get(tx: Connection, run_id: str) -> Run | None:
    """Return the run of that id."""
    row = tx.execute(select(TABLE).where(TABLE.c.id == run_id)).one_or_none()
    return None if row is None else _run(tuple(row))


def _run(row: tuple[object, ...]) -> Run:
    run = Run(*row)  # type: ignore[arg-type]  # the row's order is the table's, which is the tuple's
    return run._replace(kind=RunKind(run.kind), state=RunState(run.state))
