"""Signing up and leaving: double opt-in, the same answer for everybody, nothing kept of who left."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import func, select

from statuspage.errors import Invalid
from statuspage.store.operators import AuditEntry
from statuspage.store.outbox import Delivery
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions import addresses
from statuspage.subscriptions.desk import SubscriptionDesk
from statuspage.web.limiting import limiter
from tests.statuspage.world import World


def sign_up(world: World, email: str = "kim@example.org", *components: str, **more: Any) -> Any:
    ids = [world.component_id(key) for key in components or ("website", "backups", "restores")]
    return world.client.post(
        "/en/subscribe", data={"channel": "email", "email": email, "components": ids, **more}
    )


def letters(world: World) -> list[dict[str, Any]]:
    with world.site.database.read() as session:
        return [row for row in session.scalars(select(Delivery.letter).order_by(Delivery.id)) if row]


def subscribers(world: World) -> list[Subscriber]:
    with world.site.database.read() as session:
        return list(session.scalars(select(Subscriber).order_by(Subscriber.id)))


def confirm_path(world: World, number: int = -1) -> str:
    with world.site.database.read() as session:
        found = session.get(Subscriber, letters(world)[number]["subscriber_id"])
        assert found is not None
        return f"/en/subscription/confirm/{world.site.links.confirm(found)}"


def test_a_sign_up_counts_only_after_the_post(world: World) -> None:
    assert sign_up(world, "kim@example.org", "backups").status_code == 200
    path = confirm_path(world)
    assert world.get(path).status_code == 200  # a mail scanner opens every link
    assert subscribers(world)[0].state == "pending"
    assert world.client.post(path).status_code == 200
    found = subscribers(world)[0]
    assert (found.state, found.everything) == ("active", False)
    assert world.client.post(path).status_code == 200


def test_known_and_unknown_addresses_get_the_same_answer(world: World) -> None:
    world.subscribe("known@example.org")
    answers = [sign_up(world, email) for email in ("known@example.org", "new@example.org", "new@example.org")]
    assert len({(one.status_code, one.data) for one in answers}) == 1
    world.clock.forward(hours=2)
    sign_up(world, "known@example.org")
    assert [one["kind"] for one in letters(world)] == ["confirm", "manage"]


def test_an_address_is_asked_once_an_hour_at_most(world: World) -> None:
    for _ in range(5):
        sign_up(world)
    assert len(letters(world)) == 1
    world.clock.forward(hours=1, seconds=1)
    sign_up(world)
    assert len(letters(world)) == 2


def test_signing_up_in_masses_is_refused(world: World) -> None:
    limiter.enabled = True
    codes = [sign_up(world, f"u{number}@example.org").status_code for number in range(14)]
    limiter.enabled = False
    limiter.reset()
    assert codes[:12] == [200] * 12 and codes[12:] == [429, 429]


def test_a_flood_from_many_addresses_stops_at_the_sites_own_limit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statuspage.subscriptions.desk.PENDING_PER_HOUR", 3)
    codes = [sign_up(world, f"u{number}@example.org").status_code for number in range(5)]
    assert codes == [200, 200, 200, 422, 422]


def test_a_field_people_do_not_see_catches_robots(world: World) -> None:
    assert sign_up(world, website="buy now").status_code == 200
    assert subscribers(world) == []


def test_unconfirmed_sign_ups_are_forgotten(world: World) -> None:
    sign_up(world)
    path = confirm_path(world)
    world.clock.forward(hours=47)
    expire(world)
    assert len(subscribers(world)) == 1
    world.clock.forward(hours=2)
    expire(world)
    assert subscribers(world) == []
    assert world.client.post(path).status_code == 422  # the link has expired as well


def expire(world: World) -> None:
    with world.site.database.write() as session:
        SubscriptionDesk(session, world.site.settings, world.clock()).expire()


def test_one_click_unsubscribe_needs_no_cookie_and_does_not_redirect(world: World) -> None:
    world.app.config["WTF_CSRF_ENABLED"] = True
    number = world.subscribe("kim@example.org")
    token = world.site.links.unsubscribe(number, "kim@example.org")
    assert world.get(f"/en/subscription/unsubscribe/{token}").status_code == 200
    assert len(subscribers(world)) == 1
    for _ in range(2):  # a mail program may repeat it
        answer = world.client.post(
            f"/en/subscription/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"}
        )
        assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
    assert subscribers(world) == []


def test_an_old_link_never_reaches_a_newcomer(world: World) -> None:
    number = world.subscribe("old@example.org")
    token = world.site.links.unsubscribe(number, "old@example.org")
    world.client.post(f"/en/subscription/unsubscribe/{token}")
    assert world.subscribe("new@example.org") != number
    world.client.post(f"/en/subscription/unsubscribe/{token}")
    # Even where an id was used again, the link is of an address and not of a number.
    number = subscribers(world)[0].id
    world.client.post(
        f"/en/subscription/unsubscribe/{world.site.links.unsubscribe(number, 'old@example.org')}"
    )
    assert [one.address for one in subscribers(world)] == ["new@example.org"]


@pytest.mark.parametrize("purpose", ["confirm", "manage", "unsubscribe"])
def test_a_token_of_one_purpose_or_made_up_opens_nothing_else(world: World, purpose: str) -> None:
    number = world.subscribe("kim@example.org")
    tokens = {
        "manage": world.site.links.manage("kim@example.org"),
        "unsubscribe": world.site.links.unsubscribe(number, "kim@example.org"),
        "forged": "abc.def.ghi",
    }
    for name, token in tokens.items():
        if name != purpose:
            assert world.client.post(f"/en/subscription/{purpose}/{token}").status_code == 422
    assert len(subscribers(world)) == 1


def test_an_owner_changes_exports_and_deletes(world: World) -> None:
    world.subscribe("kim@example.org")
    world.subscribe("https://hooks.example.org/x", "backups", channel="webhook", owner="kim@example.org")
    world.subscribe("other@example.org")
    path = f"/en/subscription/manage/{world.site.links.manage('kim@example.org')}"
    page = world.get(path).text
    assert "https://hooks.example.org/x" in page and "other@example.org" not in page
    number = subscribers(world)[0].id
    world.client.post(
        path,
        data={
            "action": "save",
            "id": number,
            "language": "de",
            "components": [world.component_id("website")],
        },
    )
    assert (subscribers(world)[0].everything, subscribers(world)[0].language) == (False, "de")
    data = world.json(f"{path}/export.json")
    assert [one["channel"] for one in data["subscriptions"]] == ["email", "webhook"]
    assert data["subscriptions"][0]["components"] == [world.component_id("website")]
    world.client.post(path, data={"action": "delete_all"})
    assert [one.address for one in subscribers(world)] == ["other@example.org"]
    with world.site.database.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "subscriber.delete")).all()
        assert len(entries) == 2 and all("kim" not in str(one.detail) + one.target for one in entries)
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_nobody_changes_what_is_anothers(world: World) -> None:
    number = world.subscribe("other@example.org")
    path = f"/en/subscription/manage/{world.site.links.manage('kim@example.org')}"
    assert world.client.post(path, data={"action": "delete", "id": number}).status_code == 404
    assert len(subscribers(world)) == 1


def test_a_manage_link_expires(world: World) -> None:
    path = f"/en/subscription/manage/{world.site.links.manage('kim@example.org')}"
    world.clock.forward(days=89)
    assert world.get(path).status_code == 200
    world.clock.forward(days=2)
    assert world.get(path).status_code == 422


def test_the_manage_link_is_asked_for_without_telling_who_is_known(world: World) -> None:
    world.subscribe("kim@example.org")
    answers = [
        world.client.post("/en/subscription/link", data={"email": email}).data
        for email in ("kim@example.org", "nobody@example.org", "kim@example.org")
    ]
    assert len(set(answers)) == 1
    assert [one["to"] for one in letters(world)] == ["kim@example.org"]


@pytest.mark.parametrize(
    "bad",
    [
        "kim@example.org\r\nBcc: all@example.org",
        "kim@example.org\n",
        "a b@example.org",
        "kim@localhost",
        "@example.org",
        "kim@",
        "kim",
        '"kim"@example.org',
        "kim@example..org",
        ".kim@example.org",
        "kim@exa_mple.org",
        "k,im@example.org",
        "kim@127.0.0.1",
        "x" * 65 + "@example.org",
        "kim@" + "x" * 250 + ".org",
        "<kim@example.org>",
        "kim\x00@example.org",
    ],
)
def test_an_address_that_could_split_a_header_is_refused(world: World, bad: str) -> None:
    if bad.strip() == bad:
        with pytest.raises(Invalid):
            addresses.email(bad)
        assert sign_up(world, bad).status_code == 422
        assert subscribers(world) == []
    else:
        assert "\n" not in addresses.email(bad)


def test_a_domain_in_letters_is_kept_in_ascii() -> None:
    assert addresses.email("kim@bücher.example") == "kim@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("channel", "url"),
    [
        ("webhook", "ftp://x.example/"),
        ("webhook", "javascript:alert(1)"),
        ("webhook", "https://user:pw@x.example/"),
        ("webhook", "https://x.example/\r\nHost: y"),
        ("webhook", "https:///x"),
        ("webhook", "http://[::1"),
        ("webhook", "http://[::1]/"),
        ("webhook", "http://[::ffff:127.0.0.1]/"),
        ("webhook", "http://127.0.0.1:8080/"),
        ("webhook", "http://169.254.169.254/latest"),
        ("webhook", "http://2130706433/"),
        ("webhook", "http://0x7f000001/"),
        ("webhook", "http://0177.0.0.1/"),
        ("webhook", "http://127.1/"),
        ("webhook", "http://localhost/"),
        ("webhook", "http://LocalHost./"),
        ("webhook", "http://a.localhost/"),
        ("webhook", "https://@x.example/"),
        ("webhook", "https://:pw@x.example/"),
        ("slack", "https://evil.example/hook"),
        ("slack", "http://hooks.slack.com/x"),
        ("slack", "https://hooks.slack.com.evil.example/"),
        ("teams", "https://webhook.office.com.evil.example/x"),
    ],
)
def test_an_address_to_post_to_must_be_one(world: World, channel: str, url: str) -> None:
    assert sign_up(world, channel=channel, url=url).status_code == 422
    assert subscribers(world) == []


@pytest.mark.parametrize(
    "host", ["93.184.216.34", "[2606:2800:220:1::1]", "hooks.example.org", "bücher.example"]
)
def test_public_numbers_and_names_can_be_posted_to(host: str) -> None:
    assert addresses.url(f"https://{host}/x", "webhook", ()) == f"https://{host}/x"


def test_a_number_in_an_allowed_network_can_be_posted_to() -> None:
    allowed = (ip_network("127.0.0.0/8"),)
    assert addresses.url("http://127.0.0.1/x", "webhook", (), allowed) == "http://127.0.0.1/x"


def test_a_webhook_is_confirmed_by_its_owner_and_gets_a_secret(world: World) -> None:
    sign_up(world, channel="webhook", url="https://hooks.example.org/x")
    assert letters(world)[0]["to"] == "kim@example.org"
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", world.client.post(confirm_path(world)).text)
    assert secret is not None and secret[0] == subscribers(world)[0].secret
