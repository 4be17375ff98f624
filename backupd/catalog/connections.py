"""Connections: the credential to one source of an organization."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    JSON,
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

from backupd.catalog.schema import METADATA

TABLE = Table(
    "connections",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("name", String, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("organization_id", "kind", "name"),
)


class SourceConnection(NamedTuple):
    """One connection; `settings` are public (a path, a tenant), never a secret."""

    id: str
    organization_id: str
    kind: str
    name: str
    settings: dict[str, str]
    created_ms: int


def add(tx: Connection, connection: SourceConnection) -> None:
    """Insert the connection; kind and name must be new within the organization."""
    tx.execute(insert(TABLE).values(connection._asdict()))


def find(tx: Connection, organization_id: str, kind: str, name: str) -> SourceConnection | None:
    """Return the organization's connection of that kind and name."""
    query = select(TABLE).where(
        TABLE.c.organization_id == organization_id, TABLE.c.kind == kind, TABLE.c.name == name
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else SourceConnection(*row)


def of(tx: Connection, organization_id: str) -> list[SourceConnection]:
    """Return the organization's connections, oldest first."""
    query = (
        select(TABLE)
        .where(TABLE.c.organization_id == organization_id)
        .order_by(TABLE.c.created_ms, TABLE.c.id)
    )
    return [SourceConnection(*row) for row in tx.execute(query)]


def by_id(tx: Connection, connection_id: str) -> SourceConnection | None:
    """Return the connection of that id."""
    row = tx.execute(select(TABLE).where(TABLE.c.id == connection_id)).one_or_none()
    return None if row is None else SourceConnection(*row)


def set_settings(tx: Connection, connection_id: str, settings: dict[str, str]) -> None:
    """Replace the connection's public settings."""
    tx.execute(TABLE.update().where(TABLE.c.id == connection_id).values(settings=settings))
