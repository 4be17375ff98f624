"""A site for the benchmarks: three open incidents, a past, and the ways to time what it makes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.status_load import SERVING_CORE, free_port, pinned, wait_for
from statuspage.clockwork import Clockwork
from statuspage.desk.commands import Actor, NewIncident, NewUpdate
from statuspage.desk.incidents import IncidentDesk
from statuspage.domain.statuses import ComponentStatus
from statuspage.settings import from_environment
from statuspage.web.wiring import Site
from statuspage.wiring import build_site, build_target

ACTOR = Actor("bench")
COMPONENTS = ("website", "backups", "restores")


def environment(work: Path, port: int = 8199) -> dict[str, str]:
    """The settings of a benchmark's site."""
    return {
        "REGION": "emea",
        "STATUS_DATA": str(work / "data"),
        "STATUS_BASE_URL": f"http://127.0.0.1:{port}",
    }


def build(work: Path, past: int = 40, days: int = 88, port: int = 8199) -> Site:
    """A site with three open incidents and ``past`` incidents spread over ``days``."""
    site = build_site(from_environment(environment(work, port)), recheck_s=-1)
    now = site.now()
    site.database.migrate(site.region, now - timedelta(days=days))
    with site.database.write() as session:
        desk = IncidentDesk(session, site.region, ACTOR, now)
        for number in range(past):
            start = now - timedelta(days=days * (number + 1) / (past + 1))
            state = list(ComponentStatus)[2 + number % 3]
            said = [
                NewUpdate(
                    status, {"en": f"Step {step} of what was done about number {number}."}, display_at=at
                )
                for step, status in enumerate(("identified", "monitoring", "resolved"), 1)
                for at in [start + timedelta(minutes=20 * step)]
            ]
            names = {
                "en": f"Backups were late, number {number}",
                "de": f"Sicherungen verspätet, Nummer {number}",
            }
            desk.backfill(
                NewIncident(
                    names, {"en": "We look into it."}, {COMPONENTS[number % 3]: state}, started_at=start
                ),
                said,
            )
    for key in COMPONENTS:
        open_one(site, key)
    return site


def open_one(site: Site, key: str) -> None:
    """One more open incident."""
    with site.database.write() as session:
        IncidentDesk(session, site.region, ACTOR, site.now()).open(
            NewIncident(
                {"en": f"Trouble with {key}", "de": f"Störung: {key}"},
                {"en": "Some customers wait longer than usual. We look into it. " * 3},
                {key: ComponentStatus.PARTIAL},
            )
        )


@dataclass
class Running:
    """A site under gunicorn."""

    site: Site
    url: str

    def fetch(self, path: str) -> tuple[bytes, str]:
        """Body and validator of a document."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read(), answer.headers["ETag"]

    def cold_ms(self, path: str) -> float:
        """The first answer after a change, by another process, was seen; median of nine."""
        taken = []
        incident = self.site.publication.site().view.incidents[0]
        for step in range(9):
            with self.site.database.write() as session:
                desk = IncidentDesk(session, self.site.region, ACTOR, self.site.now())
                desk.update(incident.id, NewUpdate("identified", {"en": f"Change {step}"}))
            time.sleep(0.3)  # longer than the site's own interval between looks
            began = time.perf_counter()
            self.fetch(path)
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)


@contextmanager
def running(work: Path) -> Iterator[Running]:
    """The site under one gunicorn worker on one core."""
    port = free_port()
    site = build(work, port=port)
    command = pinned(
        SERVING_CORE, sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1",
        "--config", "python:statuspage.serving", "--log-level", "warning", "statuspage.wsgi:app",
    )  # fmt: skip
    child = subprocess.Popen(command, env={**os.environ, **environment(work, port)})
    try:
        wait_for(port)
        time.sleep(1)
        yield Running(site, f"http://127.0.0.1:{port}")
    finally:
        child.terminate()
        child.wait(15)
        site.database.close()


def published(work: Path) -> Path:
    """The folder of a published copy."""
    site = build(work)
    Clockwork(site, build_target(site.settings)).publish()
    site.database.close()
    return (site.settings.published / "current").resolve()


def history_ms(work: Path) -> list[tuple[str, float, str]]:
    """Path, median milliseconds and a note for the pages of a long history; nothing is kept between the rounds."""
    site = build(work, past=2_000, days=5 * 365)
    months = site.publication.site().view.months
    found = []
    for path in ("/history", f"/history/{months[len(months) // 2][0]:%Y-%m}", "/history/all"):
        taken = []
        for _ in range(9):
            public = site.publication.site()
            began = time.perf_counter()
            document = public.document(path, "en")
            taken.append((time.perf_counter() - began) * 1000)
            assert document is not None
        found.append((path, statistics.median(taken), f"{len(document.body)} bytes"))
    site.database.close()
    return found
