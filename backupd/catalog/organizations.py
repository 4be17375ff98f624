"""Organizations: the tenants. Each has one vault."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, String, Table, insert, select

from backupd.catalog.schema import METADATA

TABLE = Table(
    "organizations",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("vault_id", String(40), nullable=False, unique=True),
    Column("retention", String, nullable=False, server_default="forever"),
    Column("created_ms", BigInteger, nullable=False),
    Column("rebuilt_ms", BigInteger),
    Column("erased_ms", BigInteger),
)


class Organization(NamedTuple):
    """One organization. `retention` is the text of a `domain.retention.Retention`, as the vault holds it.

    `rebuilt_ms` is set once the catalog was made again from the vault: a prune then waits for a person's word.
    `erased_ms` is set once its keys were destroyed: it is listed, and left out of everything that would open it.
    """

    id: str
    name: str
    vault_id: str
    retention: str
    created_ms: int
    rebuilt_ms: int | None = None
    erased_ms: int | None = None


def add(tx: Connection, organization: Organization) -> None:
    """Insert the organization; its name and vault must be new."""
    tx.execute(insert(TABLE).values(organization._asdict()))


def by_name(tx: Connection, name: str) -> Organization | None:
    """Return the organization of exactly that name."""
    row = tx.execute(select(TABLE).where(TABLE.c.name == name)).one_or_none()
    return None if row is None else Organization(*row)


def every(tx: Connection) -> list[Organization]:
    """Return all organizations by name."""
    return [Organization(*row) for row in tx.execute(select(TABLE).order_by(TABLE.c.name))]


def set_retention(tx: Connection, organization_id: str, retention: str) -> None:
    """Store how long superseded and deleted versions are kept."""
    tx.execute(TABLE.update().where(TABLE.c.id == organization_id).values(retention=retention))


def note_erased(tx: Connection, organization_id: str, erased_ms: int) -> None:
    """Note that the organization's keys were destroyed."""
    tx.execute(TABLE.update().where(TABLE.c.id == organization_id).values(erased_ms=erased_ms))


def confirm_rebuilt(tx: Connection, organization_id: str) -> None:
    """Note that a person has looked at the rebuilt catalog."""
    tx.execute(TABLE.update().where(TABLE.c.id == organization_id).values(rebuilt_ms=None))
