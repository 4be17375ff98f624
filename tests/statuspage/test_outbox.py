"""Who is told, what they are sent, and that nothing is lost or sent twice."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select, update

from statuspage.outbox import bounces, claims
from statuspage.outbox.building import build
from statuspage.outbox.composing import cut, one_line_header, soft
from statuspage.outbox.sending import Drain
from statuspage.store.outbox import Delivery, Notification
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions.recipients import preview
from statuspage.wiring import build_drain
from tests.statuspage.world import World, make_world, settings_for


class Relay:
    """Stands in for a relay: keeps what it is given, or refuses as told."""

    def __init__(self, refuse: Callable[[str], Exception | None] = lambda _: None) -> None:
        self.taken: list[tuple[str, str, bytes]] = []
        self._refuse = refuse

    def sendmail(self, sender: str, recipients: list[str], data: bytes) -> None:
        problem = self._refuse(recipients[0])
        if problem:
            raise problem
        self.taken.append((sender, recipients[0], data))

    def quit(self) -> None:
        """Goodbye."""


def built(world: World) -> int:
    with world.site.database.write() as session:
        return build(session, world.clock())


def drain_of(world: World, relay: Relay) -> Drain:
    mail = replace(world.site.settings.mail, host="relay", connections=1, per_domain_per_s=10_000)
    site = replace(world.site, settings=replace(world.site.settings, mail=mail))
    made = build_drain(site)
    made._connect = lambda _: relay  # type: ignore[assignment,return-value]
    return made


def send_all(world: World, relay: Relay) -> list[tuple[str, str, bytes]]:
    built(world)
    drain = drain_of(world, relay)
    while drain.mail_batch(threading.Event()):
        pass
    drain.close()
    return relay.taken


def parse(data: bytes) -> EmailMessage:
    found = message_from_bytes(data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def deliveries(world: World) -> list[Delivery]:
    with world.site.database.read() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def test_a_subscriber_of_backups_gets_backups_and_nothing_else(world: World) -> None:
    world.subscribe("backups@example.org", "backups")
    world.subscribe("all@example.org")
    world.subscribe("waiting@example.org", state="pending")
    world.subscribe("bounced@example.org", state="quarantined")
    world.open(component="website")
    world.announce("restores")
    assert {to for _, to, _ in send_all(world, Relay())} == {"all@example.org"}
    world.open(component="backups")
    world.announce("backups", "website")
    taken = send_all(world, Relay())
    assert sorted(to for _, to, _ in taken) == ["all@example.org"] * 2 + ["backups@example.org"] * 2
    subjects = {str(parse(data)["Subject"]) for _, to, data in taken if to == "backups@example.org"}
    assert subjects == {
        "[backupd Europe, Middle East and Africa] Investigating: Backups are late",
        "[backupd Europe, Middle East and Africa] Scheduled: Storage upgrade",
    }


def test_a_page_wide_incident_reaches_every_subscriber(world: World) -> None:
    world.subscribe("backups@example.org", "backups")
    world.open(component="", page_wide=True)
    assert [to for _, to, _ in send_all(world, Relay())] == ["backups@example.org"]


def test_who_heard_of_the_start_hears_of_every_step_and_of_the_end(world: World) -> None:
    world.subscribe("restores@example.org", "restores")
    found = world.announce("restores", after_h=1, hours=1)
    start = world.clock().replace(hour=15)
    with world.site.database.write() as session:
        world.maintenance_desk(session).reschedule(found, start, start.replace(hour=16))
    for _ in range(2):
        world.clock.now = world.clock.now.replace(hour=world.clock.now.hour + 3)
        with world.site.database.write() as session:
            world.maintenance_desk(session).keep_time()
    taken = send_all(world, Relay())
    words = [str(parse(data)["Subject"]).split("] ")[1].split(":")[0] for _, _, data in taken]
    assert words == ["Scheduled", "Scheduled", "In progress", "Completed"]


def test_the_preview_is_exactly_who_is_sent_to(world: World) -> None:
    for number, components in enumerate([(), ("backups",), ("website",), ("website", "backups")]):
        world.subscribe(f"u{number}@example.org", *components)
    with world.site.database.read() as session:
        counts, who = preview(session, {world.component_id("backups")}, page_wide=False)
    world.open(component="backups")
    assert counts == {"email": 3}
    assert sorted(to for _, to, _ in send_all(world, Relay())) == sorted(address for _, address in who)


def test_an_update_without_delivery_tells_nobody(world: World) -> None:
    world.subscribe("all@example.org")
    world.open(deliver=False)
    assert send_all(world, Relay()) == []


def test_building_twice_sends_once(world: World) -> None:
    world.subscribe("all@example.org")
    world.open()
    assert (built(world), built(world)) == (1, 0)
    with world.site.database.write() as session:
        session.execute(update(Notification).values(built_at=None))
    with pytest.raises(Exception, match="UNIQUE"):
        built(world)


def test_a_mail_has_what_a_mail_program_needs(world: World) -> None:
    number = world.subscribe("kim@example.org", language="ja")
    incident = world.open(
        names={"en": "Late", "ja": "遅延"}, bodies={"en": "Text", "ja": "調査しています。" * 30}
    )
    ((sender, _, data),) = send_all(world, Relay())
    mail = parse(data)
    assert mail["Subject"] == "[backupd 欧州・中東・アフリカ] 調査中: 遅延"
    assert (mail["Auto-Submitted"], mail["List-Unsubscribe-Post"]) == (
        "auto-generated",
        "List-Unsubscribe=One-Click",
    )
    assert mail["List-Id"].endswith("<emea.status-emea.backupd.example>")
    assert mail["Content-Language"] == "ja" and incident in mail["References"]
    token = world.site.links.unsubscribe(number, "kim@example.org")
    link = f"https://status-emea.backupd.example/ja/subscription/unsubscribe/{token}"
    assert mail["List-Unsubscribe"] == f"<{link}>"
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None and html is not None
    for part in (text, html):
        content = part.get_content()
        assert "調査しています。" * 30 in content and link in content.replace("&amp;", "&")
        assert "/ja/subscription/manage/" in content
    assert all(
        len(line) <= 78 or line.startswith((b"List-", b"DKIM", b"Subject")) for line in data.split(b"\r\n")
    )
    assert sender.startswith("status+b") and b"\n" not in data.replace(b"\r\n", b"")


@pytest.fixture
def signed(tmp_path: Path) -> tuple[World, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "dkim.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return make_world(settings_for(tmp_path, STATUS_DKIM_KEY=str(path))), key


def test_dkim_is_verified_by_an_independent_library(signed: tuple[World, rsa.RSAPrivateKey]) -> None:
    world, key = signed
    world.subscribe("kim@example.org", language="de")
    world.open(names={"en": "Late", "de": "Verspätet – sehr"})
    ((_, _, data),) = send_all(world, Relay())
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    import base64

    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def dns(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"status._domainkey.status-emea.backupd.example."
        return record

    assert dkim.verify(data, dnsfunc=dns)
    fields = str(parse(data)["DKIM-Signature"]).replace(" ", "").split("h=")[1].split(";")[0].split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "from", "to", "subject"} <= set(fields)
    for old, new in (
        (b"List-Unsubscribe: <https://", b"List-Unsubscribe: <https://evil."),
        (b"Late", b"Good"),
        (b"To: kim", b"To: tim"),
        (b"List-Unsubscribe-Post", b"List-Unsubscribe-Was"),
    ):
        if old in data:
            assert not dkim.verify(data.replace(old, new, 1), dnsfunc=dns), old


def test_a_killed_sender_repeats_the_same_message(world: World) -> None:
    world.subscribe("kim@example.org")
    world.open()
    built(world)
    relay = Relay()
    drain = drain_of(world, relay)
    with world.site.database.write() as session:
        (lost,) = claims.claim(session, ("email",), world.clock(), 10)
    first = drain._composer.mail(lost)  # was sent, but the sender died before it could say so
    assert drain.mail_batch(threading.Event()) == 0  # the claim still holds
    world.clock.forward(minutes=2, seconds=1)
    assert drain.mail_batch(threading.Event()) == 1
    assert parse(relay.taken[0][2])["Message-ID"] == first.message_id
    assert relay.taken[0][2] == first.data
    world.clock.forward(minutes=10)
    assert drain.mail_batch(threading.Event()) == 0


def test_a_relay_that_is_away_costs_no_attempt(world: World) -> None:
    world.subscribe("kim@example.org")
    world.open()
    built(world)
    drain = drain_of(world, Relay())

    def away(_: Any) -> smtplib.SMTP:
        raise ConnectionRefusedError

    drain._connect = away
    drain.mail_batch(threading.Event())
    assert [(one.state, one.attempts) for one in deliveries(world)] == [("queued", 0)]


@pytest.mark.parametrize(
    ("code", "state", "subscriber"), [(550, "failed", "quarantined"), (450, "queued", "active")]
)
def test_a_refused_address_is_quarantined_only_when_it_is_final(
    world: World, code: int, state: str, subscriber: str
) -> None:
    world.subscribe("kim@example.org")
    world.open()
    send_all(world, Relay(lambda to: smtplib.SMTPRecipientsRefused({to: (code, b"no such user")})))
    assert deliveries(world)[0].state == state
    with world.site.database.read() as session:
        assert session.scalar(select(Subscriber.state)) == subscriber


def test_a_text_the_relay_dislikes_is_no_fault_of_the_address(world: World) -> None:
    world.subscribe("kim@example.org")
    world.open()
    send_all(world, Relay(lambda _: smtplib.SMTPDataError(554, b"spam")))
    with world.site.database.read() as session:
        assert session.scalar(select(Subscriber.state)) == "active"
    assert deliveries(world)[0].state == "failed"


def test_trying_again_ends(world: World) -> None:
    world.subscribe("kim@example.org")
    world.open()
    relay = Relay(lambda to: smtplib.SMTPRecipientsRefused({to: (451, b"later")}))
    for _ in range(12):
        send_all(world, relay)
        world.clock.forward(hours=15)
    assert [(one.state, one.attempts) for one in deliveries(world)] == [("failed", 9)]


def test_who_left_meanwhile_is_not_mailed(world: World) -> None:
    world.subscribe("kim@example.org")
    world.open()
    built(world)
    with world.site.database.write() as session:
        session.execute(update(Subscriber).values(state="quarantined"))
    assert send_all(world, Relay()) == []


def test_one_domain_is_not_flooded(world: World) -> None:
    for number in range(30):
        world.subscribe(f"u{number}@example.org")
    world.open()
    built(world)
    relay = Relay()
    drain = drain_of(world, relay)
    drain._limits._per_s, drain._limits._monotonic = 10, world.clock.monotonic
    sent = []
    for _ in range(4):
        drain.mail_batch(threading.Event())
        sent.append(len(relay.taken))
        world.clock.forward(seconds=1)
    assert sent == [10, 20, 30, 30]


def test_letters_go_before_a_drain(world: World) -> None:
    for number in range(5):
        world.subscribe(f"u{number}@example.org")
    world.open()
    built(world)
    world.client.post(
        "/en/subscribe", data={"email": "new@example.org", "components": [world.component_id("backups")]}
    )
    relay = Relay()
    taken = send_all(world, relay)
    assert taken[0][1] == "new@example.org" and len(taken) == 6
    mail = parse(taken[0][2])
    assert "/en/subscription/confirm/" in str(mail.get_body(("plain",)))
    assert mail["List-Unsubscribe"] is None


def test_a_line_break_can_enter_no_header() -> None:
    with pytest.raises(Exception, match="one line"):
        one_line_header("Late\r\nBcc: all@example.org")


@pytest.mark.parametrize("length", range(60, 160, 7))
def test_links_survive_quoted_printable_at_any_length(length: int) -> None:
    import quopri

    link = "https://x.example/?a=b=c" + "d=" * length
    pieces = b"".join(
        soft(link) if piece == b"@@manage-link@@" else piece
        for piece in cut("é" * length + "@@manage-link@@ end")
    )
    assert quopri.decodestring(pieces).decode() == "é" * length + link + " end"
    assert all(len(line) <= 76 for line in pieces.split(b"\r\n"))


BOUNCE = """\
To: {to}
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; kim@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 unknown
--b--
"""
COMPLAINT = """\
To: {to}
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
--b--
"""


@pytest.mark.parametrize(
    ("text", "action", "status", "state"),
    [
        (BOUNCE, "failed", "5.1.1", "quarantined"),
        (BOUNCE, "delayed", "4.2.2", "active"),
        (COMPLAINT, "", "", "quarantined"),
    ],
)
def test_what_comes_back_quarantines(world: World, text: str, action: str, status: str, state: str) -> None:
    world.subscribe("kim@example.org")
    world.open()
    ((envelope, _, _),) = send_all(world, Relay())
    report = bounces.read(text.format(to=envelope, action=action, status=status).encode())
    with world.site.database.write() as session:
        bounces.apply(session, world.site.settings, world.site.links, report, world.clock())
    with world.site.database.read() as session:
        assert session.scalar(select(Subscriber.state)) == state


def test_a_made_up_bounce_quarantines_nobody(world: World) -> None:
    world.subscribe("kim@example.org")
    world.open()
    send_all(world, Relay())
    report = bounces.read(
        BOUNCE.format(to="status+b1.000000000000@x.example", action="failed", status="5.1.1").encode()
    )
    with pytest.raises(Exception, match="not ours"), world.site.database.write() as session:
        bounces.apply(session, world.site.settings, world.site.links, report, world.clock())
