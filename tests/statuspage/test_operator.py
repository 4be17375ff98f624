"""Operators: nobody in without all three factors, no page without a guard, and one desk behind pages, API and CLI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from statuspage.cli import main
from statuspage.desk.operators import OperatorDesk
from statuspage.store.incidents import Incident
from statuspage.store.operators import AuditEntry, Operator
from tests.statuspage.world import INGEST_SECRET, World, make_world, settings_for

PASSWORD = "correct horse battery"


@pytest.fixture
def secret(world: World) -> str:
    with world.site.database.write() as session:
        return OperatorDesk(session, world.clock()).add("anna@backupd.example", PASSWORD, "test").totp_secret


def sign_in(world: World, secret: str, *, password: str = PASSWORD, code: str | None = None) -> Any:
    code = code or pyotp.TOTP(secret).at(world.clock())
    return world.client.post(
        "/operator/sign-in", data={"email": "anna@backupd.example", "password": password, "code": code}
    )


def token(world: World) -> dict[str, str]:
    with world.site.database.write() as session:
        issued = OperatorDesk(session, world.clock()).issue_token("anna@backupd.example", "test", "test")
    return {"Authorization": f"Bearer {issued}"}


def test_all_three_must_be_right_and_a_code_counts_once(world: World, secret: str) -> None:
    wrong = [
        sign_in(world, secret, password="wrong"),
        sign_in(world, secret, code="000000"),
        world.client.post(
            "/operator/sign-in", data={"email": "no@backupd.example", "password": "x", "code": "1"}
        ),
    ]
    assert [one.status_code for one in wrong] == [403, 403, 403]
    assert len({re.sub(r'value="[^"]+"', "", one.text) for one in wrong}) == 1
    assert sign_in(world, secret).status_code == 303
    assert world.get("/operator/").status_code == 200
    world.client.delete_cookie("status_operator")
    assert sign_in(world, secret).status_code == 403  # the same code again
    world.clock.forward(seconds=31)
    assert sign_in(world, secret).status_code == 303
    with world.site.database.read() as session:
        refused = session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.refused")).all()
    assert len(refused) == 4


def test_guessing_is_slowed_down(world: World, secret: str) -> None:
    from statuspage.web.limiting import limiter

    limiter.enabled = True
    codes = [sign_in(world, secret, code="000000").status_code for _ in range(12)]
    limiter.reset()
    limiter.enabled = False
    assert codes[:10] == [403] * 10 and codes[10:] == [429, 429]


def test_no_operator_route_answers_a_stranger(world: World) -> None:
    seen = 0
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/operator") or rule.rule == "/operator/sign-in":
            continue
        path = re.sub(r"<[^>]+>", "aaaaaaaaaaaa", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = world.client.open(path, method=method)
            expected = {403} if "/api/" in path else {303}
            assert answer.status_code in expected, (method, path)
            seen += 1
    assert seen >= 20


def test_a_form_from_elsewhere_is_refused(world: World, secret: str) -> None:
    sign_in(world, secret)
    world.app.config["WTF_CSRF_ENABLED"] = True
    answer = world.client.post("/operator/incidents/new", data={"action": "post", "name.en": "x"})
    assert answer.status_code == 400 and "CSRF" in answer.text
    page = world.get("/operator/incidents/new").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    assert (
        world.client.post(
            "/operator/incidents/new",
            data={
                "csrf_token": found[1],
                "name.en": "x",
                "body.en": "y",
                "status.backups": "partial_outage",
                "deliver": "on",
                "action": "preview",
                "regions": "emea",
            },
        ).status_code
        == 200
    )


def test_a_disabled_operator_and_a_signed_out_one_are_out_at_once(world: World, secret: str) -> None:
    sign_in(world, secret)
    headers = token(world)
    with world.site.database.write() as session:
        OperatorDesk(session, world.clock()).disable("anna@backupd.example", "test")
    assert world.get("/operator/").status_code == 303
    assert world.client.post("/operator/api/v1/preview", data="{}", headers=headers).status_code == 403


def form(**more: str) -> dict[str, Any]:
    return {
        "name.en": "Late",
        "name.de": "Verspätet",
        "body.en": "Looking.",
        "status.backups": "partial_outage",
        "deliver": "on",
        "regions": "emea",
        "action_id": "a1",
        **more,
    }


def test_the_page_previews_then_posts(world: World, secret: str) -> None:
    world.subscribe("kim@example.org", "backups")
    world.subscribe("web@example.org", "website")
    sign_in(world, secret)
    shown = world.client.post("/operator/incidents/new", data=form(action="preview")).text
    assert (
        "kim@example.org" in shown
        and "web@example.org" not in shown
        and "<strong>1</strong> will be told" in shown
    )
    assert world.json("/api/v2/incidents.json")["incidents"] == []
    answer = world.client.post("/operator/incidents/new", data=form(action="post"))
    assert answer.status_code == 303
    again = world.client.post("/operator/incidents/new", data=form(action="post"))
    assert again.headers["Location"] == answer.headers["Location"]
    assert len(world.json("/api/v2/incidents.json")["incidents"]) == 1


def test_the_second_editor_keeps_what_he_typed(world: World, secret: str) -> None:
    sign_in(world, secret)
    found = world.open()
    version = re.search(r'name="version" value="(\d+)"', world.get(f"/operator/incidents/{found}").text)
    assert version is not None
    world.update(found, "identified")
    answer = world.client.post(
        f"/operator/incidents/{found}/update",
        data={"version": version[1], "status": "monitoring", "body.en": "My careful words."},
    )
    assert answer.status_code == 409
    assert "changed by somebody else" in answer.text and "My careful words." in answer.text


def test_every_page_of_an_operator_can_be_seen(world: World, secret: str) -> None:
    sign_in(world, secret)
    draft, maintenance = world.open(draft=True), world.announce()
    world.client.post(
        "/operator/templates",
        data={
            "key": "slow",
            "kind": "incident",
            "name.en": "Slow",
            "body.en": "It is slow.",
            "status.backups": "partial_outage",
        },
    )
    for path in (
        "",
        "incidents/new",
        "incidents/new?template=slow",
        "maintenances/new",
        f"incidents/{draft}",
        f"incidents/{maintenance}",
        "templates",
        "subscribers",
        "audit",
    ):
        assert world.get(f"/operator/{path}").status_code == 200, path
    assert 'value="Slow"' in world.get("/operator/incidents/new?template=slow").text


def test_the_page_moves_and_cancels_a_maintenance_in_the_regions_time(world: World, secret: str) -> None:
    sign_in(world, secret)
    found = world.announce()
    page = world.get(f"/operator/incidents/{found}").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None and 'value="2026-03-11T13:00"' in page
    assert (
        world.client.post(
            f"/operator/incidents/{found}/reschedule",
            data={
                "version": version[1],
                "scheduled_for": "2026-03-12T08:00",
                "scheduled_until": "2026-03-12T09:30",
            },
        ).status_code
        == 303
    )
    told = world.json("/api/v2/scheduled-maintenances/upcoming.json")["scheduled_maintenances"][0]
    assert told["scheduled_for"] == "2026-03-12T08:00:00.000+01:00"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[World, World]]:
    worlds = [make_world(settings_for(tmp_path, region)) for region in ("emea", "amer")]
    yield worlds[0], worlds[1]
    for one in worlds:
        one.site.database.close()


def post(world: World, path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return world.client.post(f"/operator/api/v1/{path}", data=json.dumps(body), headers=headers)


def test_one_action_posts_to_several_regions_and_is_repeated_safely(two: tuple[World, World]) -> None:
    emea, amer = two
    with emea.site.database.write() as session:
        OperatorDesk(session, emea.clock()).add("anna@backupd.example", PASSWORD, "test")
    headers = token(emea)
    body = {
        "names": {"en": "Everywhere"},
        "bodies": {"en": "x"},
        "components": {"backups": "partial_outage"},
        "action_id": "act-1",
    }
    path = "incidents?regions=emea,amer,apac"
    first = post(emea, path, body, headers)
    assert first.status_code == 207  # apac has no database: its failure is told, the others are done
    assert [one["state"] for one in first.json["outcomes"]] == ["done", "done", "failed"]
    apac = emea.site.settings.database_url_of("apac").removeprefix("sqlite:///")
    Path(apac).write_bytes(b"")
    from tests.statuspage.world import migrated

    Path(apac).write_bytes(migrated("apac"))
    emea.site.fleet._databases.clear()
    again = post(emea, path, body, headers)
    assert [one["state"] for one in again.json["outcomes"]] == ["already", "already", "done"]
    said = post(
        emea,
        "actions/act-1/updates?regions=emea,amer,apac",
        {"status": "resolved", "bodies": {"en": "Over."}, "action_id": "act-2"},
        headers,
    )
    assert said.status_code == 201
    amer.site.publication.refresh()
    for one in (emea, amer):
        told = one.json("/api/v2/incidents.json")["incidents"]
        assert [(incident["name"], incident["status"]) for incident in told] == [("Everywhere", "resolved")]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("incidents", {"names": {"en": "x"}}, 422),
        ("incidents", {"nonsense": 1}, 422),
        ("incidents?regions=atlantis", {"names": {"en": "x"}, "bodies": {"en": "x"}}, 422),
        ("incidents/aaaaaaaaaaaa/updates", {"status": "resolved", "bodies": {"en": "x"}}, 404),
        ("preview", {"components": ["kitchen"]}, 422),
    ],
)
def test_the_api_refuses_with_a_problem(
    world: World, secret: str, path: str, body: dict[str, Any], status: int
) -> None:
    answer = post(world, path, body, token(world))
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_the_api_previews_updates_corrects_and_publishes(world: World, secret: str) -> None:
    world.subscribe("kim@example.org")
    headers = token(world)
    assert post(world, "preview", {"components": ["backups"]}, headers).json["counts"] == {"email": 1}
    draft = world.open(draft=True)
    assert post(world, f"incidents/{draft}/publish", {}, headers).status_code == 200
    said = post(
        world,
        f"incidents/{draft}/updates",
        {"status": "identified", "bodies": {"en": "x"}, "version": 1},
        headers,
    )
    assert said.status_code == 409
    said = post(world, f"incidents/{draft}/updates", {"status": "identified", "bodies": {"en": "x"}}, headers)
    assert said.status_code == 201
    corrected = world.client.patch(
        f"/operator/api/v1/updates/{said.json['id']}",
        headers=headers,
        data=json.dumps({"bodies": {"en": "Corrected words."}}),
    )
    assert corrected.status_code == 200 and "Corrected words." in world.get("/").text


def cli(tmp_path: Path, *arguments: str) -> Any:
    environment = {
        "STATUS_DATA": str(tmp_path / "cli"),
        "STATUS_INGEST_SECRETS": INGEST_SECRET,
        "REGION": "emea",
    }
    return CliRunner().invoke(main, ["--json", *arguments], obj=environment)


def test_the_command_line_does_a_days_work(tmp_path: Path) -> None:
    assert cli(tmp_path, "incident", "list").exit_code == 1  # no schema yet: said in a sentence
    assert "migrate" in cli(tmp_path, "incident", "list").output
    assert cli(tmp_path, "migrate").exit_code == 0
    added = json.loads(
        cli(tmp_path, "operator", "add", "anna@backupd.example", "--password", PASSWORD).output
    )
    assert added["uri"].startswith("otpauth://totp/")
    opened = cli(
        tmp_path,
        "incident",
        "open",
        "--name",
        "Late",
        "--name",
        "de=Verspätet",
        "--text",
        "Looking.",
        "--affects",
        "backups=partial_outage",
    )
    incident = json.loads(opened.output)[0]["incident"]
    assert (
        cli(tmp_path, "incident", "update", incident, "--status", "resolved", "--text", "Over.").exit_code
        == 0
    )
    assert (
        cli(tmp_path, "incident", "update", incident, "--status", "in_progress", "--text", "x").exit_code == 1
    )
    assert (
        cli(
            tmp_path, "incident", "update", incident, "--status", "resolved", "--text", "x", "--version", "1"
        ).exit_code
        == 1
    )
    part = cli(
        tmp_path,
        "incident",
        "open",
        "--name",
        "x",
        "--text",
        "x",
        "--affects",
        "backups=partial_outage",
        "--regions",
        "emea,amer",
    )
    assert part.exit_code == 3
    assert cli(tmp_path, "incident", "open", "--name", "x").exit_code == 2
    actions = [one["action"] for one in json.loads(cli(tmp_path, "audit").output)]
    assert actions.count("incident.open") == 2 and "operator.add" in actions


def test_an_unwritable_place_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cli").write_text("a file where a folder should be")
    answer = cli(tmp_path, "migrate")
    assert answer.exit_code == 1 and answer.output.startswith("backupd-status: STATUS_DATA=")


def test_the_desk_of_the_pages_is_the_audited_one(world: World, secret: str) -> None:
    sign_in(world, secret)
    world.client.post("/operator/incidents/new", data=form(action="post"))
    with world.site.database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "incident.open")).one()
        assert entry.actor == "anna@backupd.example"
        assert session.scalars(select(Operator.totp_step)).one() > 0
        assert session.scalars(select(Incident.origin)).one() == "operator"
