"""Webhooks, Slack and Teams: what is posted, how it is signed, and where it is never posted to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import standardwebhooks
import time_machine
from sqlalchemy import select

from statuspage.errors import UnsafeAddress
from statuspage.outbox.building import build
from statuspage.outbox.safe_http import SafePoster, permitted
from statuspage.store.outbox import Delivery
from statuspage.store.subscribers import Subscriber
from statuspage.wiring import build_drain
from tests.statuspage.test_outbox import deliveries
from tests.statuspage.world import World

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Server:
    """A server of a stranger: keeps what is posted, answers as told."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.status, self.location, self.body_s = 200, "", 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.end_headers()
                if outer.body_s:
                    try:
                        for _ in range(200):
                            self.wfile.write(b"x")
                            self.wfile.flush()
                            threading.Event().wait(outer.body_s)
                    except OSError:
                        pass

            def log_message(self, *_: Any) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def post_all(world: World, allowed: Any = LOOPBACK) -> None:
    with world.site.database.write() as session:
        build(session, world.clock())
    drain = build_drain(world.site)
    drain._http.close()
    drain._http = SafePoster(allowed)
    while drain.post_batch(threading.Event()):
        pass
    drain.close()


def test_a_webhook_gets_statuspages_payload_signed_as_standard_webhooks(world: World, server: Server) -> None:
    number = world.subscribe(server.url, "backups", channel="webhook", owner="kim@example.org")
    incident = world.open("major_outage")
    post_all(world)
    with world.site.database.read() as session:
        secret = session.scalars(select(Subscriber.secret)).one()
    bodies = []
    for headers, body in server.taken:
        with time_machine.travel(world.clock()):
            bodies.append(standardwebhooks.Webhook(secret).verify(body, headers))
    told = next(body for body in bodies if "incident" in body)
    assert set(told) == {"meta", "page", "incident"} and told["incident"]["id"] == incident
    assert set(told["meta"]) == {"unsubscribe", "documentation", "generated_at"}
    assert told["page"]["status_indicator"] == "critical"
    changed = next(body for body in bodies if "component_update" in body)
    assert set(changed) == {"meta", "page", "component", "component_update"}
    assert changed["component_update"]["old_status"] == "operational"
    assert changed["component_update"]["new_status"] == "major_outage"
    path = told["meta"]["unsubscribe"].removeprefix("https://status-emea.backupd.example")
    assert world.client.post(path).status_code == 200
    with world.site.database.read() as session:
        assert session.get(Subscriber, number) is None


def test_a_retry_carries_the_same_id(world: World, server: Server) -> None:
    world.subscribe(server.url, "backups", channel="webhook", owner="kim@example.org")
    world.open("operational")
    server.status = 503
    post_all(world)
    world.clock.forward(seconds=6)
    server.status = 204
    post_all(world)
    assert [one.state for one in deliveries(world)] == ["sent"]
    assert server.taken[0][0]["webhook-id"] == server.taken[1][0]["webhook-id"]
    assert server.taken[0][1] == server.taken[1][1]


def test_a_webhook_that_keeps_failing_is_quarantined_and_its_owner_told(world: World, server: Server) -> None:
    world.subscribe(server.url, "backups", channel="webhook", owner="kim@example.org")
    world.open("operational")
    server.status = 500
    for _ in range(11):
        post_all(world)
        world.clock.forward(hours=15)
    assert len(server.taken) == 9
    with world.site.database.read() as session:
        assert session.scalars(select(Subscriber.state)).one() == "quarantined"
        letters = [one for one in session.scalars(select(Delivery.letter)) if one]
    assert [(one["kind"], one["to"]) for one in letters] == [("quarantined", "kim@example.org")]


def test_a_webhook_that_is_gone_is_quarantined_at_once(world: World, server: Server) -> None:
    world.subscribe(server.url, "backups", channel="webhook", owner="kim@example.org")
    world.open("operational")
    server.status = 410
    post_all(world)
    with world.site.database.read() as session:
        assert session.scalars(select(Subscriber.state)).one() == "quarantined"


@pytest.mark.parametrize("channel", ["slack", "teams"])
def test_slack_and_teams_get_a_message_without_live_markup(
    world: World, server: Server, channel: str
) -> None:
    world.subscribe(server.url, "backups", channel=channel, owner="kim@example.org", language="de")
    world.open(names={"en": "Late <!channel>", "de": "Spät <!channel> & mehr"})
    post_all(world)
    ((_, body),) = server.taken
    message = json.loads(body)
    if channel == "slack":
        assert "<!channel>" not in json.dumps(message, ensure_ascii=False)
        assert message["blocks"][0]["text"]["text"].startswith("*Wird untersucht: <https://status-emea")
    else:
        card = message["attachments"][0]["content"]
        assert (message["type"], card["type"]) == ("message", "AdaptiveCard")
        assert card["actions"][0]["url"].startswith("https://status-emea.backupd.example/de/incidents/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2001:0:a00:1::",
        "ff02::1",
        "::",
        "198.18.0.1",
        "192.0.2.1",
        "::7f00:1",
        "::ffff:0:a00:1",
        "fec0::1",
        "3fff::1",
        "5f00::1",
        "192.88.99.1",
        "192.0.0.9",
    ],
)
def test_private_and_special_networks_are_never_connected_to(address: str) -> None:
    assert not permitted(address, ())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are(address: str) -> None:
    assert permitted(address, ())


def test_a_name_that_leads_inside_is_refused_and_nothing_is_sent(world: World, server: Server) -> None:
    world.subscribe(server.url, channel="webhook", owner="kim@example.org")
    world.open("operational")
    post_all(world, allowed=())
    assert server.taken == []
    with world.site.database.read() as session:
        assert "does not send to" in session.scalars(select(Subscriber.reason)).one()


def test_a_name_that_changes_between_check_and_use_changes_nothing(server: Server) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]])
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    poster = SafePoster(LOOPBACK, resolve)
    port = server.url.split(":")[2].split("/")[0]
    assert poster.post(f"http://rebinding.example:{port}/hook", b"{}", {}) == 200
    assert asked == ["rebinding.example"]  # asked once; the number that was checked is the one that was used
    assert server.taken[0][0]["host"] == f"rebinding.example:{port}"
    with pytest.raises(UnsafeAddress):
        poster.post(f"http://rebinding.example:{port}/hook", b"{}", {})
    poster.close()


def test_one_bad_number_among_good_ones_is_refused() -> None:
    poster = SafePoster((), lambda _host, _port: ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(UnsafeAddress):
        poster.post("http://mixed.example/", b"{}", {})
    poster.close()


def test_a_redirect_is_an_answer_and_is_not_followed(server: Server) -> None:
    target = Server()
    server.status, server.location = 302, target.url
    poster = SafePoster(LOOPBACK)
    assert poster.post(server.url, b"{}", {}) == 302
    assert target.taken == []
    poster.close()
    target.close()


def test_an_endless_answer_is_cut_off(server: Server) -> None:
    server.body_s = 0.05
    poster = SafePoster(LOOPBACK, total_s=0.5)
    with pytest.raises(httpx.ReadTimeout):
        poster.post(server.url, b"{}", {})
    poster.close()


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;slow="],
)
def test_a_dripping_header_or_chunk_is_cut_off_at_the_deadline(beginning: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                connection.sendall(beginning)
                for _ in range(60):
                    connection.sendall(b"x")
                    threading.Event().wait(0.05)
            except OSError:
                pass

    threading.Thread(target=drip, daemon=True).start()
    poster = SafePoster(LOOPBACK, total_s=0.4)
    begun = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        poster.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {})
    assert time.monotonic() - begun < 1.5
    poster.close()
    listener.close()


def test_a_server_that_never_answers_is_left() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    poster = SafePoster(LOOPBACK, total_s=0.3)
    with pytest.raises(httpx.TimeoutException):
        poster.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {})
    poster.close()
    listener.close()
