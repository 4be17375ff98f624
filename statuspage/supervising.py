"""Runs the sites' processes and restarts what dies. It holds no data: it may itself be killed and started again."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import regions.loader

log = logging.getLogger(__name__)
LONGEST_PAUSE_S, STEADY_AFTER_S, GRACE_S = 30.0, 60.0, 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: regions on consecutive ports of the loopback interface."""

    regions: tuple[str, ...]
    port: int
    workers: int
    probes: bool

    def addresses(self) -> dict[str, str]:
        """Each region's address on this machine."""
        return {name: f"http://127.0.0.1:{self.port + index}" for index, name in enumerate(self.regions)}


@dataclass(frozen=True, slots=True)
class Process:
    """One process to keep running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def processes(plan: Plan, environment: Mapping[str, str]) -> list[Process]:
    """Worker first in each region: it creates the database that the web process opens."""
    found = []
    addresses = {f"STATUS_BASE_URL_{name.upper()}": address for name, address in plan.addresses().items()}
    for index, name in enumerate(plan.regions):
        env = {**addresses, **environment, "REGION": name}
        cli = (sys.executable, "-m", "statuspage")
        found.append(Process(f"{name} worker", (*cli, "worker"), env))
        found.append(
            Process(
                f"{name} web",
                (
                    sys.executable,
                    "-m",
                    "gunicorn",
                    "--bind",
                    f"127.0.0.1:{plan.port + index}",
                    "--workers",
                    str(plan.workers),
                    "--config",
                    "python:statuspage.serving",
                    "statuspage.wsgi:app",
                ),
                env,
            )
        )
        if plan.probes:
            for vantage in regions.loader.load(name).vantages:
                found.append(Process(f"{name} probe {vantage}", (*cli, "probe", "--vantage", vantage), env))
    return found


@dataclass(slots=True)
class _Running:
    process: Process
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)


class Supervisor:
    """Starts processes, restarts them with growing pauses, and ends them together."""

    def __init__(self, wanted: list[Process], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._running = [_Running(one) for one in wanted]
        self._monotonic = monotonic

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        try:
            while not stop.is_set():
                for one in self._running:
                    self._tend(one)
                stop.wait(0.5)
        finally:
            self._end()

    def _tend(self, one: _Running) -> None:
        now = self._monotonic()
        if one.child is not None and one.child.poll() is not None:
            steady = now - one.started > STEADY_AFTER_S
            one.failures = 1 if steady else one.failures + 1
            one.due = now + min(LONGEST_PAUSE_S, 0.5 * 2 ** (one.failures - 1))
            log.warning(
                "%s ended with %s; it starts again in %.1f s",
                one.process.name,
                one.child.returncode,
                one.due - now,
            )
            one.child = None
        if one.child is None and now >= one.due:
            one.child = subprocess.Popen(one.process.command, env=dict(one.process.environment))
            one.started = now

    def _end(self) -> None:
        children = [one.child for one in self._running if one.child is not None]
        for child in children:
            child.terminate()
        until = self._monotonic() + GRACE_S
        for child in children:
            try:
                child.wait(max(0.1, until - self._monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
