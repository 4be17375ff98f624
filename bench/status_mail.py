"""The outbox under load: built for many subscribers, drained by the real sender into a relay on this machine."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import func, insert, select

from bench.status_load import free_port, wait_for
from bench.status_site import build, environment
from statuspage.outbox import building
from statuspage.settings import from_environment
from statuspage.store.outbox import SENT, Delivery
from statuspage.store.subscribers import ACTIVE, Subscriber
from statuspage.wiring import build_drain, build_site

LANGUAGES = ("en", "de", "fr", "ja")


@dataclass(frozen=True, slots=True)
class Mailed:
    """What was measured."""

    build_s: float
    per_s: float
    sent: int
    peak_mb: float


async def _session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        word = line[:4].upper()
        if word == b"DATA":
            writer.write(b"354 go on\r\n")
            await writer.drain()
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
        await writer.drain()
    writer.close()


def sink(port: int) -> None:
    """A relay that takes everything and keeps nothing."""

    async def run() -> None:
        server = await asyncio.start_server(_session, "127.0.0.1", port, limit=1 << 20)
        await server.serve_forever()

    asyncio.run(run())


def subscriber(number: int, now: datetime) -> dict[str, object]:
    """One of many subscribers, at one of a thousand domains, in one of four languages."""
    domain = f"d{number % 1000}.example.org"
    return {
        "channel": "email",
        "address": f"u{number}@{domain}",
        "owner": f"u{number}@{domain}",
        "domain": domain,
        "language": LANGUAGES[number % 4],
        "everything": True,
        "state": ACTIVE,
        "created_at": now,
        "asked_at": now,
        "failures": 0,
        "secret": "",
        "reason": "",
    }


def measure(work: Path, subscribers: int, drained: int) -> Mailed:
    """Builds the outbox, then drains ``drained`` mails in a process of its own."""
    site = build(work, past=3)
    now = site.now()
    with site.database.write() as session:
        session.execute(building.update(building.Notification).values(built_at=now))
        for start in range(0, subscribers, 10_000):
            numbers = range(start, min(start + 10_000, subscribers))
            session.execute(insert(Subscriber), [subscriber(number, now) for number in numbers])
        session.execute(
            building.update(building.Notification)
            .where(building.Notification.event == "incident_opened")
            .where(building.Notification.id == select(func.min(building.Notification.id)).where(
                building.Notification.event == "incident_opened").scalar_subquery())
            .values(built_at=None)
        )  # fmt: skip
    began = time.perf_counter()
    with site.database.write() as session:
        made = building.build(session, now)
    build_s = time.perf_counter() - began
    assert made == subscribers, (made, subscribers)
    site.database.close()
    port = free_port()
    relay = multiprocessing.get_context("spawn").Process(target=sink, args=(port,), daemon=True)
    relay.start()
    try:
        wait_for(port)
        key = work / "dkim.pem"
        key.write_bytes(rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))  # fmt: skip
        env = {**os.environ, **environment(work), "STATUS_SMTP_HOST": "127.0.0.1", "STATUS_SMTP_PORT": str(port),
               "STATUS_DKIM_KEY": str(key), "STATUS_MAIL_PER_DOMAIN_PER_S": "1000"}  # fmt: skip
        command = [sys.executable, "-m", "bench.status_mail", str(drained)]
        said = subprocess.run(
            command, env=env, capture_output=True, text=True, check=True, timeout=900
        ).stdout
    finally:
        relay.terminate()
        relay.join(5)
    found = json.loads(said.splitlines()[-1])
    return Mailed(build_s, found["sent"] / found["seconds"], found["sent"], found["peak_mb"])


def drain(wanted: int) -> None:
    """The sender's own process: drains, and tells how long it took and how much memory it had at most."""
    settings = from_environment()
    site = build_site(settings)
    sender = build_drain(site)
    stop, sent = threading.Event(), 0
    began = time.perf_counter()
    while sent < wanted:
        batch = sender.mail_batch(stop)
        if not batch:
            break
        sent += batch
    seconds = time.perf_counter() - began
    sender.close()
    with site.database.read() as session:
        marked = session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == SENT))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"sent": marked, "seconds": seconds, "peak_mb": peak_mb}))


if __name__ == "__main__":
    drain(int(sys.argv[1]))
