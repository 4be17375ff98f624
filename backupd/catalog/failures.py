"""Failures: the items that could not be had and are pending, derived from the newest snapshots for listing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, func, insert, select

from backupd.catalog.schema import METADATA

TABLE = Table(
    "failures",
    METADATA,
    Column("stream", ForeignKey("streams.name"), primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("reason", String(80), nullable=False),
    Column("message", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("name", String, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)


class PendingFailure(NamedTuple):
    """One item that could not be had; it is tried again at each run. `since_ms` is when it was first missed."""

    stream: str
    item_id: str
    reason: str
    message: str
    folder: str
    name: str
    since_ms: int


def replace(tx: Connection, stream: str, rows: Iterable[PendingFailure]) -> None:
    """Make these the stream's pending failures, keeping since when each is pending."""
    before = select(TABLE.c.item_id, TABLE.c.since_ms).where(TABLE.c.stream == stream)
    since = dict(tx.execute(before).tuples().all())
    tx.execute(TABLE.delete().where(TABLE.c.stream == stream))
    values = [row._replace(since_ms=since.get(row.item_id, row.since_ms))._asdict() for row in rows]
    if values:
        tx.execute(insert(TABLE), values)


def of_streams(tx: Connection, streams: list[str]) -> list[PendingFailure]:
    """Return the pending failures of these streams, by stream and item."""
    query = select(TABLE).where(TABLE.c.stream.in_(streams)).order_by(TABLE.c.stream, TABLE.c.item_id)
    return [PendingFailure(*row) for row in tx.execute(query)]


def counts(tx: Connection, streams: list[str]) -> dict[str, int]:
    """Return how many failures are pending per stream (streams without any are absent)."""
    query = select(TABLE.c.stream, func.count()).where(TABLE.c.stream.in_(streams)).group_by(TABLE.c.stream)
    return dict(tx.execute(query).tuples().all())
