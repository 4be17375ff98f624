"""RSS, Atom, JSON Feed and iCal, read by independent readers."""

from __future__ import annotations

import calendar
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest
from icalendar import Calendar
from lxml import etree

from tests.statuspage.world import World

ATOM = etree.RelaxNG(etree.parse(Path(__file__).parent / "schemas" / "atom.rng"))
FEEDS = ("/history.rss", "/history.atom")


@pytest.fixture
def told(world: World) -> World:
    """Two incidents of two components and a maintenance in the future."""
    backups = world.open(names={"en": "Late & <slow>", "de": "Verspätet"})
    world.clock.forward(minutes=10)
    world.update(backups, "identified")
    world.open("degraded_performance", component="website", names={"en": "Portal"}, bodies={"en": "Slow."})
    world.announce("restores", after_h=72)
    return world


def paths(world: World) -> list[str]:
    ids = [one.id for one in world.site.region.components]
    return [
        *FEEDS,
        "/de/history.rss",
        "/ja/history.atom",
        *(f"/components/{id_}{path}" for id_ in ids for path in FEEDS),
    ]


def test_feedparser_finds_nothing_to_complain_of(told: World) -> None:
    for path in paths(told):
        found = feedparser.parse(told.get(path).data)
        assert not found.bozo, (path, found.get("bozo_exception"))
        assert found.feed.title and found.feed.link
        for entry in found.entries:
            assert entry.link and entry.title and (entry.get("summary") or entry.get("content"))


def test_atom_is_valid(told: World) -> None:
    for path in paths(told):
        if path.endswith("atom"):
            ATOM.assertValid(etree.fromstring(told.get(path).data))


def test_the_schema_refuses_a_feed_without_an_id(told: World) -> None:
    feed = etree.fromstring(told.get("/history.atom").data)
    feed.remove(feed.find("{*}id"))
    assert not ATOM.validate(feed)


def test_atom_has_an_entry_per_incident_whose_id_stays(told: World) -> None:
    before = feedparser.parse(told.get("/history.atom").data).entries
    assert len(before) == 3
    ids = {entry.id for entry in before}
    incident = told.json("/api/v2/incidents/unresolved.json")["incidents"][0]["id"]
    told.clock.forward(minutes=9)
    told.update(incident, "monitoring")
    after = feedparser.parse(told.get("/history.atom").data).entries
    assert {entry.id for entry in after} == ids and all(entry.id.startswith("tag:") for entry in after)
    assert after[0].id == f"tag:status-emea.backupd.example,2026:incident/{incident}"


def test_rss_has_an_item_per_update_with_its_id_as_guid(told: World) -> None:
    items = feedparser.parse(told.get("/history.rss").data).entries
    updates = {
        update["id"]
        for key, path in (("incidents", "incidents"), ("scheduled_maintenances", "scheduled-maintenances"))
        for event in told.json(f"/api/v2/{path}.json")[key]
        for update in event["incident_updates"]
    }
    assert {item.id for item in items} == updates and len(items) == 4


def test_a_future_maintenance_is_dated_now_and_has_its_window_apart(told: World) -> None:
    for path in FEEDS:
        for entry in feedparser.parse(told.get(path).data).entries:
            stamp = entry.published_parsed
            assert datetime.fromtimestamp(calendar.timegm(stamp), UTC) <= told.clock()
        window = etree.fromstring(told.get(path).data).find(".//{urn:backupd:status:1}window")
        assert window is not None and window.get("from") == "2026-03-13T13:10:00+01:00"


def test_the_self_link_is_the_address_it_was_served_at(told: World) -> None:
    for path in paths(told):
        links = [link.href for link in feedparser.parse(told.get(path).data).feed.links if link.rel == "self"]
        # The default language has no prefix of its own, so that one feed has one address.
        assert links == [f"https://status-emea.backupd.example{path}"]


def test_a_components_feed_has_only_its_events(told: World) -> None:
    def titles(key: str) -> set[str]:
        return {one["title"] for one in told.json(f"/components/{told.component_id(key)}/feed.json")["items"]}

    assert titles("website") == {"Portal"} and titles("restores") == {"Storage upgrade"}


def test_a_page_wide_event_is_in_every_feed(told: World) -> None:
    told.open(component="", page_wide=True, names={"en": "Everything"})
    for component in told.site.region.components:
        assert "Everything" in told.get(f"/components/{component.id}/history.atom").text


def test_json_feed_is_as_its_version_says(told: World) -> None:
    body = told.json("/feed.json")
    assert body["version"] == "https://jsonfeed.org/version/1.1"
    assert body["feed_url"] == "https://status-emea.backupd.example/feed.json"
    for item in body["items"]:
        assert {"id", "url", "title", "content_html", "date_published", "date_modified", "tags"} <= set(item)
        datetime.fromisoformat(item["date_published"])


def test_the_calendar_holds_every_maintenance(told: World) -> None:
    events = list(Calendar.from_ical(told.get("/maintenance.ics").data).walk("VEVENT"))
    assert [str(one["SUMMARY"]) for one in events] == ["Storage upgrade"]
    assert events[0].decoded("DTSTART") == datetime(2026, 3, 13, 12, 10, tzinfo=UTC)
    assert str(events[0]["UID"]).endswith("@status-emea.backupd.example")


def test_a_long_history_is_cut_to_fifty(world: World) -> None:
    for _ in range(53):
        world.open()
        world.clock.forward(minutes=1)
    assert len(feedparser.parse(world.get("/history.atom").data).entries) == 50


def reader(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_sfeed_reads_every_item(told: World) -> None:
    program = reader("sfeed")
    for path in FEEDS:
        lines = (
            subprocess.run(
                [program, "https://status-emea.backupd.example/"],
                input=told.get(path).data,
                capture_output=True,
                check=True,
                timeout=20,
            )
            .stdout.decode()
            .splitlines()
        )
        assert len(lines) == len(feedparser.parse(told.get(path).data).entries)
        for line in lines:
            fields: list[Any] = line.split("\t")
            assert (
                int(fields[0]) <= told.clock().timestamp() and fields[1] and fields[2].startswith("https://")
            )


def test_newsboat_reads_every_item(told: World, tmp_path: Path) -> None:
    program = reader("newsboat")
    for number, path in enumerate(FEEDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "feed").write_bytes(told.get(path).data)
        (folder / "urls").write_text(f"file://{folder}/feed\n")
        (folder / "config").write_text("")
        common = [program, "-u", f"{folder}/urls", "-c", f"{folder}/cache", "-C", f"{folder}/config"]
        environment = {"HOME": str(folder), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        subprocess.run(
            [*common, "-x", "reload"], check=True, timeout=60, env=environment, capture_output=True
        )
        said = subprocess.run(
            [*common, "-x", "print-unread"], check=True, timeout=60, env=environment, capture_output=True
        ).stdout.decode()
        assert said.split()[0] == str(len(feedparser.parse(told.get(path).data).entries))


def test_a_feed_is_json_that_a_strict_reader_takes(told: World) -> None:
    json.loads(told.get("/feed.json").data, parse_constant=lambda _: pytest.fail("not JSON"))


@pytest.mark.parametrize("prefix", ["", "/en", "/de"])
def test_a_feeds_own_address_is_the_one_it_is_served_at(told: World, prefix: str) -> None:
    for name in ("history.rss", "history.atom"):
        parsed = feedparser.parse(told.get(f"{prefix}/{name}").data)
        own = [link.href for link in parsed.feed.links if link.rel == "self"]
        assert [address.partition("://")[2].partition("/")[2] for address in own] == [f"{prefix}/{name}"[1:]]
