"""Snapshots: a copy of what the vault's snapshots say of themselves, for listing without opening the vault."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from backupd.catalog.schema import METADATA

TABLE = Table(
    "snapshots",
    METADATA,
    Column("stream", ForeignKey("streams.name"), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("run_id", String(40), nullable=False),
    Column("as_of_ms", BigInteger, nullable=False),
    Column("committed_ms", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("upserts", BigInteger, nullable=False),
    Column("deletes", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_stored", BigInteger, nullable=False),
)


class Snapshot(NamedTuple):
    """One committed snapshot of a stream; fields as in the vault's `SnapshotInfo`."""

    stream: str
    seq: int
    hash: bytes
    run_id: str
    as_of_ms: int
    committed_ms: int
    complete: bool
    upserts: int
    deletes: int
    failures: int
    bytes_in: int
    bytes_stored: int


def add(tx: Connection, rows: Iterable[Snapshot]) -> None:
    """Insert rows that are not there yet (a run that healed a lost row may find it written meanwhile)."""
    values = [row._asdict() for row in rows]
    if values:
        tx.execute(insert(TABLE).on_conflict_do_nothing(), values)


def of_stream(tx: Connection, stream: str) -> list[Snapshot]:
    """Return the stream's snapshots, oldest first."""
    query = select(TABLE).where(TABLE.c.stream == stream).order_by(TABLE.c.seq)
    return [Snapshot(*row) for row in tx.execute(query)]


def keep_only(tx: Connection, stream: str, seqs: set[int]) -> None:
    """Drop the rows of snapshots that the vault no longer has (retired by prune)."""
    stored = set(tx.execute(select(TABLE.c.seq).where(TABLE.c.stream == stream)).scalars())
    gone = [{"gone_seq": seq} for seq in sorted(stored - seqs)]
    if gone:
        from sqlalchemy import bindparam

        tx.execute(TABLE.delete().where(TABLE.c.stream == stream, TABLE.c.seq == bindparam("gone_seq")), gone)
