"""What all tables share: one `MetaData`, names for constraints, and the revision this program is written for."""

from __future__ import annotations

from sqlalchemy import MetaData

REVISION = "0001"
"""The newest migration. Compared with the stored one at each open, so that Alembic is loaded only to migrate."""

REVISIONS = ("0001",)
"""All migrations this program knows, oldest first; a stored revision that is not here is of a newer program."""

METADATA = MetaData(
    # Constraints need names that are the same everywhere, or a later migration cannot drop them.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
