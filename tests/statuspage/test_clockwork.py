"""What happens by the clock: escalation, reminders, cleaning, and that one failing step stops no other."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from statuspage.clockwork import Clockwork
from statuspage.store.measurements import SeenMessage
from statuspage.store.outbox import Delivery
from statuspage.wiring import build_target
from tests.statuspage.world import World, make_world, settings_for


@pytest.fixture
def world(tmp_path: Any) -> World:
    return make_world(
        settings_for(tmp_path, STATUS_ESCALATE_TO="oncall@backupd.example chief@backupd.example")
    )


def tick(world: World, **forward: float) -> list[str]:
    if forward:
        world.clock.forward(**forward)
    Clockwork(world.site, build_target(world.site.settings)).tick()
    with world.site.database.read() as session:
        return [f"{one['kind']}>{one['to']}" for one in session.scalars(select(Delivery.letter)) if one]


def test_a_draft_nobody_takes_on_escalates_until_somebody_does(world: World) -> None:
    draft = world.open(draft=True)
    assert tick(world, minutes=9) == []
    assert tick(world, minutes=2) == [
        "draft_waits>oncall@backupd.example",
        "draft_waits>chief@backupd.example",
    ]
    assert len(tick(world, minutes=14)) == 2
    assert len(tick(world, minutes=2)) == 4
    with world.site.database.write() as session:
        from tests.statuspage.test_desks import desk

        desk(world, session).acknowledge(draft)
    assert len(tick(world, minutes=60)) == 4


def test_the_public_is_not_left_without_a_word(world: World) -> None:
    found = world.open()
    assert tick(world, minutes=59) == []
    assert len(tick(world, minutes=2)) == 2
    assert len(tick(world, minutes=30)) == 2
    world.update(found, "identified")
    assert len(tick(world, minutes=59)) == 2
    assert len(tick(world, minutes=2)) == 4


def test_ids_that_can_no_longer_be_replayed_are_forgotten(world: World) -> None:
    world.ingest(world.measured())
    for hours, left in ((0.1, 1), (1, 0)):
        tick(world, hours=hours)
        with world.site.database.read() as session:
            assert session.scalar(select(func.count()).select_from(SeenMessage)) == left


def test_a_step_that_fails_stops_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def publish(self, pieces: Any) -> int:
            raise OSError("the disk is gone")

        def beat(self, body: bytes) -> None:
            raise OSError("the disk is gone")

    world.subscribe("kim@example.org")
    world.open()
    Clockwork(world.site, Broken()).tick()
    assert "publish failed: the disk is gone" in caplog.text
    with world.site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1
