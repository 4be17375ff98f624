"""The v2 API: exact shapes, the closed sets of words, validators and CORS."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.statuspage.world import World

PAGE = {"id", "name", "url", "time_zone", "updated_at"}
COMPONENT = {
    "id",
    "name",
    "status",
    "created_at",
    "updated_at",
    "position",
    "description",
    "showcase",
    "start_date",
    "group_id",
    "page_id",
    "group",
    "only_show_if_degraded",
}
INCIDENT = {
    "id",
    "name",
    "status",
    "created_at",
    "updated_at",
    "monitoring_at",
    "resolved_at",
    "impact",
    "shortlink",
    "started_at",
    "page_id",
    "incident_updates",
    "components",
}
UPDATE = {
    "id",
    "status",
    "body",
    "incident_id",
    "created_at",
    "updated_at",
    "display_at",
    "affected_components",
    "deliver_notifications",
}
PATHS = {
    "/api/v2/status.json": {"page", "status"},
    "/api/v2/components.json": {"page", "components"},
    "/api/v2/incidents.json": {"page", "incidents"},
    "/api/v2/incidents/unresolved.json": {"page", "incidents"},
    "/api/v2/scheduled-maintenances.json": {"page", "scheduled_maintenances"},
    "/api/v2/scheduled-maintenances/upcoming.json": {"page", "scheduled_maintenances"},
    "/api/v2/scheduled-maintenances/active.json": {"page", "scheduled_maintenances"},
    "/api/v2/summary.json": {"page", "status", "components", "incidents", "scheduled_maintenances"},
}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")


@pytest.fixture
def full(world: World) -> World:
    """A page with everything on it: open, resolved, upcoming and active."""
    world.open("degraded_performance")
    over = world.open("major_outage", component="website")
    world.clock.forward(minutes=5)
    world.update(over, "resolved")
    world.announce("restores", after_h=48)
    world.announce("website", after_h=1)
    world.clock.forward(hours=1, minutes=1)
    with world.site.database.write() as session:
        world.maintenance_desk(session).keep_time()
    world.site.publication.refresh()
    return world


@pytest.mark.parametrize("path", PATHS)
def test_every_body_has_exactly_its_keys(full: World, path: str) -> None:
    body = full.json(path)
    assert set(body) == PATHS[path]
    assert set(body["page"]) == PAGE
    for component in body.get("components", []):
        assert set(component) == COMPONENT
    for key, extra in (
        ("incidents", set()),
        ("scheduled_maintenances", {"scheduled_for", "scheduled_until"}),
    ):
        for event in body.get(key, []):
            assert set(event) == INCIDENT | extra
            for update in event["incident_updates"]:
                assert set(update) == UPDATE
                for change in update["affected_components"] or []:
                    assert set(change) == {"code", "name", "old_status", "new_status"}


def test_each_list_holds_what_its_name_says(full: World) -> None:
    def statuses(path: str, key: str) -> list[str]:
        return [one["status"] for one in full.json(path)[key]]

    assert sorted(statuses("/api/v2/incidents.json", "incidents")) == ["investigating", "resolved"]
    assert statuses("/api/v2/incidents/unresolved.json", "incidents") == ["investigating"]
    key = "scheduled_maintenances"
    assert sorted(statuses("/api/v2/scheduled-maintenances.json", key)) == ["in_progress", "scheduled"]
    assert statuses("/api/v2/scheduled-maintenances/upcoming.json", key) == ["scheduled"]
    assert statuses("/api/v2/scheduled-maintenances/active.json", key) == ["in_progress"]
    summary = full.json("/api/v2/summary.json")
    assert [one["status"] for one in summary["incidents"]] == ["investigating"]
    assert [one["status"] for one in summary[key]] == ["in_progress", "scheduled"]
    assert [one["status"] for one in summary["components"]] == [
        "under_maintenance",
        "degraded_performance",
        "operational",
    ]
    assert summary["status"] == {"indicator": "minor", "description": "Partially Degraded Service"}


def test_times_are_of_the_pages_zone_with_milliseconds_and_ids_are_twelve(full: World) -> None:
    def walk(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, key)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, name)
        elif name.endswith("_at") or name in ("scheduled_for", "scheduled_until"):
            assert value is None or (STAMP.fullmatch(value) and value.endswith("+01:00"))
        elif name in ("id", "page_id", "incident_id", "code"):
            assert re.fullmatch(r"[a-z0-9]{12}", value)

    walk(full.json("/api/v2/summary.json"))
    assert full.json("/api/v2/status.json")["page"]["time_zone"] == "Europe/Berlin"


def test_updates_are_newest_first_and_tell_old_and_new(full: World) -> None:
    over = next(
        one for one in full.json("/api/v2/incidents.json")["incidents"] if one["status"] == "resolved"
    )
    assert [one["status"] for one in over["incident_updates"]] == ["resolved", "investigating"]
    change = over["incident_updates"][0]["affected_components"][0]
    assert (change["old_status"], change["new_status"]) == ("major_outage", "operational")


def test_incidents_are_the_latest_fifty(world: World) -> None:
    for _ in range(52):
        found = world.open()
        world.clock.forward(minutes=1)
        world.update(found, "resolved")
    assert len(world.json("/api/v2/incidents.json")["incidents"]) == 50


@pytest.mark.parametrize(
    "path",
    [
        *PATHS,
        "/",
        "/history",
        "/history.atom",
        "/history.rss",
        "/feed.json",
        "/maintenance.ics",
        "/badge.svg",
        "/badge/backups.svg",
        "/widget",
    ],
)
def test_an_unchanged_document_is_not_sent_twice(full: World, path: str) -> None:
    first = full.get(path)
    assert first.status_code == 200
    etag = first.headers["ETag"]
    assert (
        re.fullmatch(r'"[0-9a-f]{24}"', etag)
        and "max-age=30, stale-if-error=86400" in first.headers["Cache-Control"]
    )
    again = full.get(path, If_None_Match=etag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    packed = full.get(path, Accept_Encoding="gzip")
    assert full.get(path, Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"]).status_code == 304
    if packed.headers.get("Content-Encoding"):
        assert packed.headers["ETag"] != etag
    full.clock.forward(seconds=40)
    assert full.get(path, If_None_Match=f'W/"x", {etag}').status_code == 304


def test_a_change_changes_the_validator_at_once(full: World) -> None:
    etag = full.get("/api/v2/summary.json").headers["ETag"]
    full.open()
    assert full.get("/api/v2/summary.json", If_None_Match=etag).status_code == 200


def test_two_processes_make_the_same_bytes(full: World) -> None:
    from tests.statuspage.world import Clock, make_world

    other = make_world(full.site.settings, Clock(full.clock.now))
    other.clock.forward(minutes=3)
    for path in (*PATHS, "/", "/history.atom", "/history.rss", "/maintenance.ics"):
        assert full.get(path).data == other.get(path).data, path
    other.site.database.close()


def test_the_api_is_open_to_scripts_of_other_sites(full: World) -> None:
    assert full.get("/api/v2/summary.json").headers["Access-Control-Allow-Origin"] == "*"
    assert full.get("/api/v2/nothing.json").headers["Access-Control-Allow-Origin"] == "*"


def test_a_script_may_ask_before_a_conditional_request(world: World) -> None:
    answer = world.client.options(
        "/api/v2/summary.json",
        headers={"Origin": "https://example.org", "Access-Control-Request-Headers": "if-none-match"},
    )
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]


def test_an_unknown_path_of_the_api_is_a_problem_in_json(world: World) -> None:
    answer = world.get("/api/v2/nothing.json")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.json["status"] == 404


def test_head_has_the_headers_and_no_body(world: World) -> None:
    full = world.get("/api/v2/summary.json")
    head = world.client.head("/api/v2/summary.json")
    assert head.data == b"" and head.headers["Content-Length"] == str(len(full.data))


def test_without_measurements_nobody_claims_health(world: World) -> None:
    assert world.json("/api/v2/status.json")["status"]["description"] == "All Systems Operational"
    world.clock.forward(seconds=world.site.region.unverified_after_s + 1)
    assert world.json("/api/v2/status.json")["status"] == {
        "indicator": "none",
        "description": "Not Currently Verified",
    }
    assert "no measurement has arrived yet" in world.get("/en/").text
