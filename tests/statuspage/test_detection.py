"""From measurements to incidents: several customers or nothing, hysteresis, and no belief in what is forged or old."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from regions.loader import load
from statuspage.detection.watching import dump
from statuspage.detection.watching import load as load_standing
from statuspage.domain import rules
from statuspage.domain.rules import Evidence, Phase, Standing, Step, Window
from statuspage.domain.statuses import ComponentStatus
from statuspage.store.incidents import Incident
from statuspage.store.measurements import Hour, Sample
from tests.statuspage.world import START, World

RULE = load("emea").detection["backups"]
GOOD, BAD = ComponentStatus.OPERATIONAL, ComponentStatus.PARTIAL


def minutes(world: World, count: int, failures: int, organizations: int, **more: Any) -> None:
    for _ in range(count):
        world.clock.forward(minutes=1)
        assert world.ingest(world.measured(failures, organizations, **more)).status_code == 202


def incidents(world: World) -> list[Incident]:
    with world.site.database.read() as session:
        return list(session.scalars(select(Incident).order_by(Incident.created_at)))


@pytest.mark.parametrize(("organizations", "opened"), [(3, 1), (2, 1), (1, 0), (0, 0)])
def test_failures_of_several_organizations_open_a_draft_and_of_one_none(
    world: World, organizations: int, opened: int
) -> None:
    minutes(world, 5, 30, organizations)
    found = incidents(world)
    assert len(found) == opened
    assert all(one.published_at is None and one.origin == "detector" for one in found)
    assert world.json("/api/v2/incidents.json")["incidents"] == []


def test_two_of_a_thousand_are_not_several(world: World) -> None:
    minutes(world, 5, 30, 3, total=1_000)
    assert incidents(world) == []
    minutes(world, 5, 30, 20, total=1_000)
    assert len(incidents(world)) == 1


def test_two_bad_minutes_are_not_enough(world: World) -> None:
    minutes(world, 2, 30, 5)
    minutes(world, 1, 0, 0)
    minutes(world, 2, 30, 5)
    assert incidents(world) == []


def test_a_published_incident_is_watched_before_it_is_resolved(world: World) -> None:
    minutes(world, 3, 30, 5)
    world.client.get("/")
    found = incidents(world)[0]
    from statuspage.desk.incidents import IncidentDesk
    from tests.statuspage.world import ANNA

    with world.site.database.write() as session:
        IncidentDesk(session, world.site.region, ANNA, world.clock()).publish_draft(found.id)
    minutes(world, 4, 0, 0)
    assert world.json("/api/v2/incidents.json")["incidents"][0]["status"] == "investigating"
    minutes(world, 1, 0, 0)
    assert world.json("/api/v2/incidents.json")["incidents"][0]["status"] == "monitoring"
    minutes(world, 5, 0, 0)
    told = world.json("/api/v2/incidents.json")["incidents"][0]
    assert told["status"] == "resolved" and len(incidents(world)) == 1
    assert [one["status"] for one in told["incident_updates"]] == ["resolved", "monitoring", "investigating"]


def test_a_relapse_goes_on_in_the_same_incident_and_takes_longer_to_end(world: World) -> None:
    minutes(world, 3, 30, 5)
    minutes(world, 5, 0, 0)
    assert incidents(world)[0].status == "monitoring"
    minutes(world, 3, 30, 5)
    assert [one.status for one in incidents(world)] == ["investigating"]
    minutes(world, 9, 0, 0)
    assert incidents(world)[0].status == "investigating"  # once it took five, now ten
    minutes(world, 1, 0, 0)
    assert incidents(world)[0].status == "monitoring"


def probe(world: World, vantage: str, failures: int) -> None:
    world.ingest(
        world.measured(
            failures, 0, component="website", attempts=1, total=0, workload="website", vantage=vantage
        )
    )


def test_a_website_down_from_both_vantage_points_is_published_at_once_when_allowed(world: World) -> None:
    for _ in range(4):
        world.clock.forward(minutes=1)
        probe(world, "virginia", 1)
        probe(world, "singapore", 1)
    found = world.json("/api/v2/incidents/unresolved.json")["incidents"]
    assert [one["impact"] for one in found] == ["critical"]
    assert found[0]["name"] == "The website cannot be reached"
    assert "ウェブサイトに接続できません" in world.get("/ja/").text


def test_a_website_down_from_one_vantage_point_is_that_points_matter(world: World) -> None:
    for _ in range(6):
        world.clock.forward(minutes=1)
        probe(world, "virginia", 1)
        probe(world, "singapore", 0)
    assert incidents(world) == []


def test_a_person_who_posts_below_several_is_warned(world: World) -> None:
    from statuspage.detection.watching import shortfall

    def warning() -> str | None:
        with world.site.database.read() as session:
            return shortfall(session, world.site.region, ["backups"])

    assert warning() is None  # nothing is measured, so nothing contradicts
    minutes(world, 1, 30, 1)
    assert "1 of 100 organizations" in str(warning())
    minutes(world, 1, 30, 5)
    assert warning() is None


def test_a_replay_is_refused_and_counts_once(world: World) -> None:
    body = json.dumps({"region": "emea", "measurements": [world.measured(1, 1)]}).encode()
    codes = [world.ingest_raw(body, "same", world.clock()).status_code for _ in range(2)]
    assert codes == [202, 409]
    with world.site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Sample)) == 1
        assert session.scalars(select(Hour.attempts)).one() == 100


@pytest.mark.parametrize(
    ("skew_s", "status"), [(-301, 403), (301, 403), (-299, 202), (299, 202), (10**9, 403)]
)
def test_an_old_or_future_signature_is_refused(world: World, skew_s: int, status: int) -> None:
    assert world.ingest(world.measured(), at=world.clock() + timedelta(seconds=skew_s)).status_code == status


def test_a_forged_or_altered_message_is_refused(world: World) -> None:
    assert world.ingest(world.measured(), secret="whsec_" + "QUJD" * 8).status_code == 403
    body = json.dumps({"region": "emea", "measurements": [world.measured()]}).encode()
    good = world.ingest_raw(body, "a", world.clock())
    assert good.status_code == 202
    headers = {"webhook-id": "b", "webhook-timestamp": str(int(world.clock().timestamp()))}
    for signature in ("", "v1,", "v1,AAAA", "v2,AAAA", "v1,é"):
        answer = world.client.post(
            "/ingest/v1/measurements", data=body, headers={**headers, "webhook-signature": signature}
        )
        assert answer.status_code == 403
    for stamp in ("", "now", "-1", "1e9", "٣"):
        answer = world.client.post(
            "/ingest/v1/measurements",
            data=body,
            headers={"webhook-id": "b", "webhook-timestamp": stamp, "webhook-signature": "v1,AAAA"},
        )
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "bad",
    [
        {"measured_at": (START + timedelta(minutes=6)).isoformat()},
        {"measured_at": "2026-03-10T12:00:00"},
        {"measured_at": "2020-01-01T00:00:00Z"},
        {"failures": 101},
        {"failures": -1},
        {"attempts": "many"},
        {"component": "kitchen"},
        {"organizations_affected": 101},
        {"unknown": 1},
        {"lag_s": -1},
        {"workload": "../x"},
    ],
)
def test_a_measurement_that_cannot_be_is_refused_whole(world: World, bad: dict[str, Any]) -> None:
    answer = world.ingest(world.measured(), {**world.measured(), **bad})
    assert answer.status_code == 422 and answer.content_type == "application/problem+json"
    with world.site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Sample)) == 0


def test_another_regions_measurements_are_refused(world: World) -> None:
    assert world.ingest(world.measured(), region="amer").status_code == 422


def test_a_backlog_is_charted_and_not_judged(world: World) -> None:
    old = [world.measured(50, 50, at=world.clock() - timedelta(hours=hours)) for hours in range(2, 20)]
    assert world.ingest(*old).status_code == 202
    assert incidents(world) == []
    assert world.json("/heartbeat.json")["components"] == {}
    with world.site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Hour)) == 18


windows = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), max_size=120)


@given(windows)
def test_whatever_comes_the_rule_never_opens_for_fewer_than_several(found: list[tuple[bool, int]]) -> None:
    standing, opened = Standing(), 0
    for index, (bad, organizations) in enumerate(found):
        evidence = Evidence(
            START + timedelta(minutes=index), BAD if bad else GOOD, organizations, 100, False, ""
        )
        before = standing
        standing, step = rules.advance(RULE, standing, evidence)
        assert load_standing(dump(standing)) == standing
        if step in (Step.OPEN, Step.RELAPSE):
            opened += 1
            assert bad and organizations >= 2
        if step is Step.RESOLVE:
            assert before.phase is Phase.MONITORING
    streaks = sum(1 for bad, organizations in found if bad and organizations >= 2)
    assert opened <= streaks // rules.BAD_TO_OPEN


@pytest.mark.parametrize(
    ("window", "status"),
    [
        (Window(100, 2, None, None, 5, 100, "mail", ""), "operational"),
        (Window(100, 4, None, None, 5, 100, "mail", ""), "degraded_performance"),
        (Window(100, 20, None, None, 5, 100, "mail", ""), "partial_outage"),
        (Window(100, 60, None, None, 5, 100, "mail", ""), "major_outage"),
        (Window(100, 0, 22_000, None, 5, 100, "mail", ""), "degraded_performance"),
        (Window(100, 0, None, 4_000, 5, 100, "mail", ""), "degraded_performance"),
        (Window(0, 0, None, None, 0, 100, "mail", ""), "operational"),
    ],
)
def test_what_a_window_amounts_to(window: Window, status: str) -> None:
    assert rules.judge(RULE, [window], (), START).status == status


def test_organizations_of_a_healthy_workload_do_not_make_a_problem_of_several() -> None:
    one_customer = Window(100, 60, None, None, 1, 100, "mail", "")
    healthy = Window(1_000, 5, None, None, 5, 100, "files", "")
    evidence = rules.judge(RULE, [one_customer, healthy], (), START)
    assert evidence.status == "major_outage" and evidence.organizations_affected == 1
    assert not rules.several(RULE, evidence)


def test_one_bad_sample_seen_again_and_again_counts_once(world: World) -> None:
    minutes(world, 1, 30, 5, workload="files")
    minutes(world, 4, 0, 0, workload="mail")
    assert incidents(world) == []
    for _ in range(2):  # two more that are themselves bad, with good ones of another workload in between
        world.clock.forward(seconds=40)
        assert world.ingest(world.measured(30, 5, workload="files")).status_code == 202
        world.clock.forward(seconds=40)
        assert world.ingest(world.measured(workload="mail")).status_code == 202
    assert len(incidents(world)) == 1


def test_an_old_bad_sample_keeps_a_window_from_being_good(world: World) -> None:
    minutes(world, 3, 30, 5, workload="files")
    minutes(world, 4, 0, 0, workload="mail")
    minutes(world, 4, 0, 0, workload="mail")  # good since the bad sample fell out of sight
    assert incidents(world)[0].status == "investigating"
    minutes(world, 1, 0, 0, workload="mail")
    assert incidents(world)[0].status == "monitoring"


@pytest.mark.parametrize("ended", ["discarded", "resolved"])
def test_a_failure_that_goes_on_after_a_person_ended_the_incident_is_told_again(
    world: World, ended: str
) -> None:
    from statuspage.desk.incidents import IncidentDesk
    from tests.statuspage.world import ANNA

    minutes(world, 3, 30, 5)
    first = incidents(world)[0]
    if ended == "resolved":
        world.update(first.id, "resolved")
    else:
        with world.site.database.write() as session:
            IncidentDesk(session, world.site.region, ANNA, world.clock()).discard(first.id)
    minutes(world, 2, 30, 5)
    assert len(incidents(world)) == 1
    minutes(world, 1, 30, 5)
    found = incidents(world)
    assert len(found) == 2 and found[1].status == "investigating" and found[1].discarded_at is None
