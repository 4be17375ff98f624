"""Start-up: how long a person waits for the overview of commands."""

from __future__ import annotations

from pathlib import Path

from bench.results import OURS, Bar, Line
from bench.tools import Backupd

LIMIT_S = 0.3
RUNS = 9


def startup(scratch: Path) -> list[Line]:
    """Measure `backupd --help` as whole processes, after one that warms the page cache."""
    tool = Backupd()
    tool.begin(scratch)
    tool.help()
    times = [tool.help().wall_s for _ in range(RUNS)]
    return [Line("start-up", "backupd --help", "s", {OURS: times}, Bar(LIMIT_S))]
