"""Making a new catalog at once, at this program's revision.

Alembic takes longer to import than a small backup takes; it is needed only where an older catalog has to be migrated.
A test compares what both ways make.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from backupd.catalog.schema import REVISION
from backupd.catalog.tables import METADATA


def create(connection: Connection) -> None:
    """Make all tables and note their revision, in the caller's transaction; what is there already stays."""
    METADATA.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS alembic_version ("
            "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(
        text("INSERT INTO alembic_version SELECT :revision WHERE NOT EXISTS (SELECT 1 FROM alembic_version)"),
        {"revision": REVISION},
    )
