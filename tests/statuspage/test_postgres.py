"""The same site on PostgreSQL, where one is reachable: migrations, reading, writing, claiming."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from statuspage.outbox import claims
from statuspage.outbox.building import build
from statuspage.store.database import METADATA
from tests.statuspage.world import World, make_world, settings_for

SERVER = os.environ.get("BACKUPD_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    name = f"status_{secrets.token_hex(6)}"
    admin = create_engine(SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except OperationalError as error:
        pytest.skip(f"PostgreSQL is not reachable: {str(error).splitlines()[0]}")
    url = SERVER.rpartition("/")[0].replace("+psycopg", "") + f"/{name}"
    made = make_world(settings_for(tmp_path, STATUS_DATABASE_URL=url))
    yield made
    made.site.database.close()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def test_the_site_works_the_same(world: World) -> None:
    world.subscribe("kim@example.org", "backups")
    found = world.open()
    world.clock.forward(minutes=5)
    world.update(found, "resolved")
    world.announce("backups")
    for _ in range(2):
        assert world.ingest(world.measured(1, 1)).status_code == 202
        world.clock.forward(minutes=1)
    assert world.json("/api/v2/incidents.json")["incidents"][0]["status"] == "resolved"
    for path in world.site.publication.site().paths():
        assert world.get(path).status_code == 200, path
    with world.site.database.write() as session:
        assert build(session, world.clock()) == 3
    with world.site.database.write() as session:
        assert len(claims.claim(session, ("email",), world.clock(), 10)) == 3


def test_two_senders_never_claim_the_same(world: World) -> None:
    for number in range(60):
        world.subscribe(f"u{number}@example.org")
    world.open()
    with world.site.database.write() as session:
        build(session, world.clock())
    taken: list[int] = []

    def take() -> None:
        for _ in range(10):
            with world.site.database.write() as session:
                taken.extend(one.id for one in claims.claim(session, ("email",), world.clock(), 3))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60


def test_migrations_make_what_the_models_say(world: World) -> None:
    with world.site.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
