"""The site's own database: one file per aggregate, migrated by Alembic. Nothing here knows Flask."""
