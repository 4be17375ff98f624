"""Accounts: the protected principals of a connection."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
)

from backupd.catalog.connections import TABLE as CONNECTIONS
from backupd.catalog.schema import METADATA

TABLE = Table(
    "accounts",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("connection_id", ForeignKey("connections.id"), nullable=False),
    Column("source_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("found_ms", BigInteger, nullable=False),
    Column("gone_ms", BigInteger),
    UniqueConstraint("connection_id", "source_id"),
)


class Account(NamedTuple):
    """One account. `source_id` is the source's own id; `gone_ms` is set while the source no longer has it."""

    id: str
    connection_id: str
    source_id: str
    name: str
    kind: str
    found_ms: int
    gone_ms: int | None = None


def of_connection(tx: Connection, connection_id: str) -> list[Account]:
    """Return the connection's accounts by name."""
    query = select(TABLE).where(TABLE.c.connection_id == connection_id).order_by(TABLE.c.name, TABLE.c.id)
    return [Account(*row) for row in tx.execute(query)]


def of_organization(tx: Connection, organization_id: str) -> list[Account]:
    """Return the accounts of all the organization's connections, by name."""
    query = (
        select(TABLE)
        .join(CONNECTIONS, CONNECTIONS.c.id == TABLE.c.connection_id)
        .where(CONNECTIONS.c.organization_id == organization_id)
        .order_by(TABLE.c.name, TABLE.c.id)
    )
    return [Account(*row) for row in tx.execute(query)]


def add(tx: Connection, account: Account) -> None:
    """Insert a newly discovered account."""
    tx.execute(insert(TABLE).values(account._asdict()))


def found(tx: Connection, account_id: str, name: str) -> None:
    """Note that the source (still, or again) has the account, and what it calls it now."""
    tx.execute(TABLE.update().where(TABLE.c.id == account_id).values(name=name, gone_ms=None))


def gone(tx: Connection, account_ids: list[str], gone_ms: int) -> None:
    """Note that the source no longer has these accounts; what was backed up of them stays."""
    tx.execute(
        TABLE.update().where(TABLE.c.id.in_(account_ids), TABLE.c.gone_ms.is_(None)).values(gone_ms=gone_ms)
    )
