"""Moving here from a Statuspage: ids stay, history stays, and nobody is mailed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from statuspage.errors import Invalid
from statuspage.store.outbox import Delivery, Notification
from statuspage.store.subscribers import Subscriber
from statuspage.transfer.importing import Import, read
from tests.statuspage.world import ANNA, World

OLD_ID = "kctbh9vrtdwd"
COMPONENTS = {
    "components": [
        {"id": OLD_ID, "name": "Backup service", "start_date": "2025-01-01"},
        {"id": "zzzzzzzzzzzz", "name": "Unrelated"},
    ]
}
INCIDENT: dict[str, Any] = {
    "id": "p31zjtct2jer",
    "name": "Old trouble",
    "status": "resolved",
    "impact": "major",
    "created_at": "2026-02-01T10:00:00.000Z",
    "updated_at": "2026-02-01T12:00:00.000Z",
    "started_at": "2026-02-01T10:00:00.000Z",
    "components": [{"id": OLD_ID}],
    "incident_updates": [
        {
            "id": "update000002",
            "status": "resolved",
            "body": "Over.",
            "created_at": "2026-02-01T12:00:00Z",
            "display_at": "2026-02-01T12:00:00Z",
            "affected_components": None,
        },
        {
            "id": "update000001",
            "status": "investigating",
            "body": "Looking. <b>x</b>",
            "created_at": "2026-02-01T10:00:00Z",
            "display_at": "2026-02-01T10:00:00Z",
            "affected_components": [
                {"code": OLD_ID, "name": "x", "old_status": "operational", "new_status": "major_outage"}
            ],
        },
    ],
}
SUBSCRIBERS = """email,mode,endpoint,components,created_at,quarantined_at
Kim@Example.org,email,,kctbh9vrtdwd,2025-03-01T00:00:00Z,
gone@example.org,email,,,2025-03-01T00:00:00Z,2025-04-01T00:00:00Z
ops@example.org,webhook,https://hooks.example.org/x,,2025-03-01T00:00:00Z,
"bad\r\nBcc: x@y.org",email,,,2025-03-01T00:00:00Z,
,sms,,,2025-03-01T00:00:00Z,
"""


def run(world: World, tmp_path: Path, *, twice: bool = False) -> list[tuple[int, int, int]]:
    files = {
        "c.json": json.dumps(COMPONENTS),
        "i.json": json.dumps({"incidents": [INCIDENT]}),
        "s.csv": SUBSCRIBERS,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    counts = []
    for _ in range(1 + twice):
        with world.site.database.write() as session:
            work = Import(
                session,
                world.site.region,
                world.site.settings,
                ANNA,
                world.clock(),
                {"Backup service": "backups"},
            )
            counts.append(
                (
                    work.components(read(tmp_path / "c.json")),
                    work.incidents(read(tmp_path / "i.json")),
                    work.subscribers(read(tmp_path / "s.csv")),
                )
            )
    world.site.publication.refresh()
    return counts


def test_ids_texts_and_times_stay(world: World, tmp_path: Path) -> None:
    assert run(world, tmp_path, twice=True) == [(1, 1, 3), (0, 0, 0)]
    told = world.json("/api/v2/incidents.json")["incidents"][0]
    assert (told["id"], told["impact"]) == ("p31zjtct2jer", "major")
    assert [one["id"] for one in told["incident_updates"]] == ["update000002", "update000001"]
    assert told["incident_updates"][1]["body"] == "Looking. x"
    assert told["resolved_at"] == "2026-02-01T13:00:00.000+01:00"
    component = world.json("/api/v2/components.json")["components"][1]
    assert (component["id"], component["start_date"]) == (OLD_ID, "2025-01-01")
    assert world.get(f"/components/{OLD_ID}/history.rss").status_code == 200
    day = next(one for one in world.site.publication.site().view.components[1].days if one.seconds)
    assert day.down_s == 7200


def test_subscribers_come_over_confirmed_and_unmailed(world: World, tmp_path: Path) -> None:
    run(world, tmp_path)
    with world.site.database.read() as session:
        found = {
            one.address: (one.channel, one.state, one.everything)
            for one in session.scalars(select(Subscriber))
        }
        assert session.scalar(select(func.count()).select_from(Notification)) == 0
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
    assert found == {
        "Kim@example.org": ("email", "active", False),
        "gone@example.org": ("email", "quarantined", True),
        "https://hooks.example.org/x": ("webhook", "active", True),
    }


def test_ids_cannot_change_under_what_refers_to_them(world: World, tmp_path: Path) -> None:
    world.open()
    with pytest.raises(Invalid, match="before there are"):
        run(world, tmp_path)


def test_a_file_that_is_no_export_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{not json")
    with pytest.raises(Invalid):
        read(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("[1, 2]")
    with pytest.raises(Invalid, match="no list of objects"):
        read(tmp_path / "x.json")
