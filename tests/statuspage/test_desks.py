"""What operators do to incidents and maintenance, and what can never come of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm.exc import StaleDataError

from statuspage.desk.commands import Correction, NewIncident, NewUpdate
from statuspage.desk.incidents import IncidentDesk
from statuspage.domain.statuses import ComponentStatus, IncidentStatus
from statuspage.errors import EditConflict, Invalid, NotFound
from statuspage.store.incidents import Incident
from statuspage.store.operators import AuditEntry
from statuspage.store.outbox import Notification
from tests.statuspage.world import ANNA, World

PARTIAL = ComponentStatus.PARTIAL


def desk(world: World, session: Any) -> IncidentDesk:
    return IncidentDesk(session, world.site.region, ANNA, world.clock())


def status_of(world: World, key: str) -> str:
    return str(next(one for one in world.site.publication.site().view.components if one.key == key).status)


def test_an_incident_walks_from_investigating_to_post_mortem(world: World) -> None:
    found = world.open()
    for minute, status in enumerate(("identified", "monitoring", "resolved", "postmortem")):
        world.clock.forward(minutes=10)
        world.update(found, status, f"Step {minute}")
    body = world.json("/api/v2/incidents.json")["incidents"][0]
    assert body["status"] == "postmortem"
    assert [one["status"] for one in body["incident_updates"]] == [
        "postmortem",
        "resolved",
        "monitoring",
        "identified",
        "investigating",
    ]
    assert body["monitoring_at"] == "2026-03-10T13:20:00.000+01:00"
    assert body["resolved_at"] == "2026-03-10T13:30:00.000+01:00"
    assert status_of(world, "backups") == "operational"


@pytest.mark.parametrize(
    ("walk", "wrong"),
    [
        ((), "postmortem"),
        (("resolved", "postmortem"), "investigating"),
        ((), "in_progress"),
        ((), "nonsense"),
    ],
)
def test_a_step_that_cannot_follow_is_refused(world: World, walk: tuple[str, ...], wrong: str) -> None:
    found = world.open()
    for status in walk:
        world.clock.forward(minutes=1)
        world.update(found, status)
    with pytest.raises(Invalid):
        world.update(found, wrong)


def test_reopening_clears_the_resolution(world: World) -> None:
    found = world.open()
    world.clock.forward(minutes=5)
    world.update(found, "resolved")
    world.clock.forward(minutes=5)
    world.update(found, "investigating", components={"backups": PARTIAL})
    body = world.json("/api/v2/incidents/unresolved.json")["incidents"][0]
    assert body["resolved_at"] is None and status_of(world, "backups") == "partial_outage"


def test_the_impact_follows_the_components_unless_it_is_fixed(world: World) -> None:
    assert world.json("/api/v2/status.json")["status"]["indicator"] == "none"
    world.open("major_outage", component="website")
    assert world.json("/api/v2/incidents.json")["incidents"][0]["impact"] == "critical"
    assert world.json("/api/v2/status.json")["status"] == {
        "indicator": "critical",
        "description": "Major Service Outage",
    }


def test_two_incidents_on_one_component_show_the_worse_until_it_ends(world: World) -> None:
    world.open("degraded_performance")
    worse = world.open("major_outage")
    assert status_of(world, "backups") == "major_outage"
    world.clock.forward(minutes=1)
    world.update(worse, "resolved")
    assert status_of(world, "backups") == "degraded_performance"


def test_the_second_of_two_editors_is_told_to_read_again(world: World) -> None:
    found = world.open()
    with world.site.database.read() as session:
        seen = session.scalar(select(Incident.version).where(Incident.id == found))
    world.update(found, "identified", version=seen)
    with pytest.raises(EditConflict, match="somebody else"):
        world.update(found, "monitoring", version=seen)


def test_two_editors_in_the_same_instant_cannot_both_win(world: World) -> None:
    found = world.open()
    with world.site.database.read() as first:
        slow = first.get(Incident, found)
        assert slow is not None
    world.update(found, "identified")
    with pytest.raises(StaleDataError), world.site.database.write() as session:
        slow = session.merge(slow, load=False)
        slow.names = {"en": "Mine"}


def test_a_correction_changes_the_past_and_says_so(world: World) -> None:
    world.clock.forward(days=1)
    found = world.open("major_outage")
    world.clock.forward(hours=1)
    world.update(found, "resolved")
    first = world.json("/api/v2/incidents.json")["incidents"][0]["incident_updates"][-1]["id"]
    with world.site.database.write() as session:
        desk(world, session).correct(
            first,
            Correction(
                {"en": "It was only partial."}, {"backups": PARTIAL}, world.clock() - timedelta(hours=2)
            ),
        )
    world.site.publication.refresh()
    today = world.site.publication.site().view.components[1].days[-1]
    assert today.seconds == {PARTIAL: 7200.0}
    page = world.get(f"/en/incidents/{found}").text
    assert "It was only partial." in page and "corrected" in page
    with world.site.database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "update.correct")).one()
    assert entry.detail["before"]["bodies"] == {"en": "We are looking into it."}


def test_a_correction_that_would_reverse_the_order_is_refused(world: World) -> None:
    found = world.open()
    world.clock.forward(hours=1)
    resolved = world.update(found, "resolved")
    world.clock.forward(days=2)
    world.update(found, "postmortem")
    world.clock.forward(hours=1)
    with (
        pytest.raises(Invalid, match="from investigating to postmortem"),
        world.site.database.write() as session,
    ):
        desk(world, session).correct(resolved, Correction(display_at=world.clock()))


def test_a_draft_is_seen_by_nobody_until_it_is_published(world: World) -> None:
    found = world.open(draft=True)
    assert world.get(f"/incidents/{found}").status_code == 404
    assert world.json("/api/v2/incidents.json")["incidents"] == []
    assert status_of(world, "backups") == "operational"
    with world.site.database.write() as session:
        assert session.scalar(select(func.count()).select_from(Notification)) == 0
        desk(world, session).publish_draft(found)
    world.site.publication.refresh()
    assert world.get(f"/incidents/{found}").status_code == 200
    assert status_of(world, "backups") == "partial_outage"


def test_what_was_public_cannot_be_discarded(world: World) -> None:
    found = world.open()
    with pytest.raises(Invalid, match="stays in the history"), world.site.database.write() as session:
        desk(world, session).discard(found)


def test_a_discarded_draft_is_gone(world: World) -> None:
    found = world.open(draft=True)
    with world.site.database.write() as session:
        desk(world, session).discard(found)
    with pytest.raises(NotFound):
        world.update(found, "identified")


def test_backfill_enters_the_past_and_tells_nobody(world: World) -> None:
    start = world.clock() - timedelta(days=5)
    new = NewIncident(
        {"en": "Old"}, {"en": "Was late."}, {"backups": ComponentStatus.MAJOR}, started_at=start
    )
    end = NewUpdate(IncidentStatus.RESOLVED, {"en": "Over."}, display_at=start + timedelta(hours=1))
    with world.site.database.write() as session:
        desk(world, session).backfill(new, [end])
        assert session.scalar(select(func.count()).select_from(Notification)) == 0
    world.site.publication.refresh()
    past = world.site.publication.site().view.components[1].days[-6]
    assert past.known and past.down_s == 3600


def test_backfill_out_of_order_or_unresolved_is_refused(world: World) -> None:
    start = world.clock() - timedelta(days=5)
    new = NewIncident({"en": "Old"}, {"en": "x"}, {"backups": PARTIAL}, started_at=start)
    early = NewUpdate("resolved", {"en": "x"}, display_at=start - timedelta(hours=1))
    open_ = NewUpdate("identified", {"en": "x"}, display_at=start + timedelta(hours=1))
    for updates in ([early], [open_], []):
        with pytest.raises(Invalid), world.site.database.write() as session:
            desk(world, session).backfill(new, updates)


@pytest.mark.parametrize(
    "more", [{"started_at": 1}, {"component": ""}, {"names": {"en": ""}}, {"bodies": {}}]
)
def test_an_impossible_incident_is_refused_whole(world: World, more: dict[str, Any]) -> None:
    if "started_at" in more:
        more = {"started_at": world.clock() + timedelta(minutes=1)}
    with pytest.raises(Invalid):
        world.open(**more)
    with world.site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Incident)) == 0
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_the_same_action_again_does_nothing(world: World) -> None:
    assert world.open(action_id="one") == world.open(action_id="one")
    found = world.open(action_id="two")
    assert world.update(found, "identified", action_id="u") == world.update(
        found, "identified", action_id="u"
    )


def test_every_change_is_audited_with_who_did_it(world: World) -> None:
    found = world.open()
    world.update(found, "identified")
    maintenance = world.announce()
    with world.site.database.write() as session:
        world.maintenance_desk(session).cancel(maintenance)
    with world.site.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [one.action for one in entries] == [
        "incident.open",
        "incident.update",
        "maintenance.announce",
        "maintenance.cancel",
    ]
    assert {one.actor for one in entries} == {ANNA.name}


def test_maintenance_starts_and_ends_by_the_clock(world: World) -> None:
    world.announce("restores", after_h=1, hours=2)
    for forward, status, component in (
        (0.5, "scheduled", "operational"),
        (1, "in_progress", "under_maintenance"),
        (1, "in_progress", "under_maintenance"),
        (1, "completed", "operational"),
    ):
        world.clock.forward(hours=forward)
        with world.site.database.write() as session:
            world.maintenance_desk(session).keep_time()
        world.site.publication.refresh()
        assert (
            world.json("/api/v2/scheduled-maintenances.json")["scheduled_maintenances"][0]["status"] == status
        )
        assert status_of(world, "restores") == component


def test_a_maintenance_whose_window_was_slept_through_is_only_ended(world: World) -> None:
    world.announce(after_h=1, hours=1)
    world.clock.forward(hours=10)
    with world.site.database.write() as session:
        moved = world.maintenance_desk(session).keep_time()
        assert [one.status for one in moved] == ["completed"]
        assert world.maintenance_desk(session).keep_time() == []
    assert world.json("/api/v2/scheduled-maintenances/active.json")["scheduled_maintenances"] == []


def test_moving_and_cancelling_leave_notifications(world: World) -> None:
    found = world.announce()
    start = world.clock() + timedelta(days=3)
    with world.site.database.write() as session:
        world.maintenance_desk(session).reschedule(found, start, start + timedelta(hours=1))
    with world.site.database.write() as session:
        world.maintenance_desk(session).cancel(found)
    with world.site.database.read() as session:
        events = session.scalars(select(Notification.event).order_by(Notification.created_at)).all()
    assert events == ["maintenance_scheduled", "maintenance_updated", "maintenance_updated"]
    world.site.publication.refresh()
    assert "CANCELLED" in world.get("/maintenance.ics").text


@pytest.mark.parametrize(("after_h", "hours"), [(1, 0), (1, -1), (-5, 2), (1, 24 * 15)])
def test_an_impossible_window_is_refused(world: World, after_h: float, hours: float) -> None:
    with pytest.raises(Invalid):
        world.announce(after_h=after_h, hours=hours)
