"""Migrations and models agree, and a database of another revision is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from statuspage.errors import SettingsError
from statuspage.store.database import METADATA, Database
from tests.statuspage.world import World


def test_migrations_make_what_the_models_say(world: World) -> None:
    with world.site.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_migrating_twice_changes_nothing(world: World) -> None:
    before = world.site.database.version()
    world.site.database.migrate(world.site.region, world.clock())
    assert world.site.database.version() == before == 1


def test_an_empty_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(SettingsError, match="backupd-status migrate"):
        database.check_schema()
    database.close()
