"""Run by Alembic: migrate on the connection that `backupd.catalog.upgrade` hands over."""

from alembic import context

from backupd.catalog.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
