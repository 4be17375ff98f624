"""Bringing a catalog to this program's schema. Imported only when the stored revision is another one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Return Alembic's configuration for the packaged migrations; no ini file, so it works from a wheel."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(connection: Connection) -> None:
    """Migrate in the caller's transaction. It holds the write lock: a second process waits, then finds it done."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
