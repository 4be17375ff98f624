"""What every table shares: the declarative base, instants kept as UTC, and ids as the public API has them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Double, MetaData
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 12


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as UTC without a zone so that SQLite and PostgreSQL compare it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """An aware instant on its way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """An aware instant on its way out."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Root of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        float: Double,
        datetime: Instant,
        dict[str, str]: JSON,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


def new_id() -> str:
    """A fresh id: 12 lower-case letters or digits, as clients of the public API expect."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
