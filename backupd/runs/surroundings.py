"""What every run is given from outside: time, patience, a way to be stopped, and somebody who wants to know."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

PROGRESS_EVERY_S = 0.05


class Progress(NamedTuple):
    """How far a run is: items and bytes done so far, and the folder it is in."""

    items: int
    bytes: int
    folder: str


def _nobody(progress: Progress) -> None:
    """Take no notice of progress."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Clocks, sleep, stop and progress. `stop` is asked between items; `now_ms` is wall time, `monotonic` measures."""

    now_ms: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    stop: threading.Event = field(default_factory=threading.Event)
    progress: Callable[[Progress], None] = _nobody


class Pulse:
    """Passes progress on at most every 50 ms, so that an item costs one clock reading and no more."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._monotonic = surroundings.monotonic
        self._progress = surroundings.progress
        self._next = 0.0
        self.items = 0
        self.bytes = 0

    def item(self, size_bytes: int, folder: str) -> None:
        """Count one finished item."""
        self.items += 1
        self.bytes += size_bytes
        now = self._monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_EVERY_S
            self._progress(Progress(self.items, self.bytes, folder))

    def end(self) -> None:
        """Pass on the final numbers."""
        self._progress(Progress(self.items, self.bytes, ""))
