"""kill -9 of the sender in mid-drain, with a real relay: nothing lost, few repeated, each under its own Message-ID."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.controller import Controller
from sqlalchemy import func, insert, select

from statuspage.outbox.building import build
from statuspage.store.outbox import Delivery
from statuspage.store.subscribers import ACTIVE, Subscriber
from tests.statuspage.world import Clock, make_world, settings_for

SUBSCRIBERS, CONNECTIONS = 400, 3
SENDER = """
import datetime, threading
from statuspage.settings import from_environment
from statuspage.wiring import build_drain, build_site, utc_now
shift = datetime.timedelta(seconds=float(__import__("sys").argv[1]))
drain = build_drain(build_site(from_environment(), lambda: utc_now() + shift))
while drain.mail_batch(threading.Event()):
    pass
drain.close()
"""


class Relay:
    """Takes mail slowly enough to be killed in the middle of it."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        content = envelope.content  # type: ignore[attr-defined]
        self.ids.append(message_from_bytes(content)["Message-ID"])
        self.recipients += envelope.rcpt_tos  # type: ignore[attr-defined]
        return "250 taken"


def test_killed_in_mid_drain_nothing_is_lost_and_little_repeated(tmp_path: Path) -> None:
    world = make_world(settings_for(tmp_path), Clock(datetime.now(UTC)))
    with world.site.database.write() as session:
        session.execute(
            insert(Subscriber),
            [
                {
                    "channel": "email",
                    "address": f"u{n}@example.org",
                    "owner": f"u{n}@example.org",
                    "domain": "example.org",
                    "language": "en",
                    "everything": True,
                    "state": ACTIVE,
                    "created_at": world.clock(),
                    "asked_at": world.clock(),
                    "failures": 0,
                    "secret": "",
                    "reason": "",
                }
                for n in range(SUBSCRIBERS)
            ],
        )
    world.open()
    with world.site.database.write() as session:
        build(session, world.clock())
    relay = Relay()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    env = {
        **os.environ,
        "REGION": "emea",
        "STATUS_DATA": str(tmp_path / "data"),
        "STATUS_SECRET": "a secret for tests",
        "STATUS_SMTP_HOST": "127.0.0.1",
        "STATUS_SMTP_PORT": str(port),
        "STATUS_SMTP_CONNECTIONS": str(CONNECTIONS),
        "STATUS_MAIL_PER_DOMAIN_PER_S": "100000",
    }
    try:
        sender = subprocess.Popen([sys.executable, "-c", SENDER, "0"], env=env)
        until = time.monotonic() + 60
        while len(relay.ids) < 60 and time.monotonic() < until:
            time.sleep(0.005)
        sender.send_signal(signal.SIGKILL)
        sender.wait()
        killed_after = len(relay.ids)
        assert 60 <= killed_after < SUBSCRIBERS, "the kill must come in the middle"
        # The claims of the dead run out two minutes later; the second sender's clock is ahead by as much.
        subprocess.run([sys.executable, "-c", SENDER, "125"], env=env, check=True, timeout=120)
    finally:
        controller.stop()
    assert set(relay.recipients) == {f"u{n}@example.org" for n in range(SUBSCRIBERS)}
    repeated = {message_id: count for message_id, count in Counter(relay.ids).items() if count > 1}
    assert len(repeated) <= CONNECTIONS and all(count == 2 for count in repeated.values())
    assert len(set(relay.ids)) == SUBSCRIBERS
    with world.site.database.read() as session:
        states = dict(
            session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).tuples().all()
        )
    assert states == {"sent": SUBSCRIBERS}
    print(f"killed after {killed_after} mails; {len(repeated)} repeated under their Message-ID, 0 lost")
    world.site.database.close()
