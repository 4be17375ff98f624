"""Runs migrations over the connection the program hands in; there is no offline mode."""

from __future__ import annotations

from alembic import context

from statuspage.store.database import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
