"""What was measured: series of values per tool, the bar each line has to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS = "backupd"


@dataclass(frozen=True, slots=True)
class Bar:
    """What a line must reach: our median over `peer`'s (None: our median itself) at most, or at least, `limit`.

    `inverse` turns the ratio over, so that times read as throughput: 2.0 is twice as fast.
    """

    limit: float
    peer: str | None = None
    inverse: bool = False

    @property
    def text(self) -> str:
        """The bar in short: `>= 1.5x restic`."""
        sign = ">=" if self.inverse else "<="
        return f"{sign} {self.limit:g}x {self.peer}" if self.peer else f"{sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what was measured, in which unit, and every value of every tool."""

    section: str
    measure: str
    unit: str
    values: Mapping[str, list[float]]
    bar: Bar | None = None
    note: str = ""

    def middle(self, tool: str) -> float | None:
        """Return a tool's median, or None if it was not measured."""
        found = self.values.get(tool)
        return median(found) if found else None

    def ratio(self, peer: str) -> float | None:
        """Return our median over the peer's (turned over where the bar says so), or None."""
        ours, theirs = self.middle(OURS), self.middle(peer)
        if ours is None or theirs is None or not ours or not theirs:
            return None
        return theirs / ours if self.bar is not None and self.bar.inverse else ours / theirs

    def reached(self) -> bool | None:
        """Return whether the bar is reached; None without a bar, or when a side was not measured."""
        if self.bar is None:
            return None
        value = self.ratio(self.bar.peer) if self.bar.peer else self.middle(OURS)
        if value is None:
            return None
        return value >= self.bar.limit if self.bar.inverse else value <= self.bar.limit

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain values."""
        return {
            "section": self.section,
            "measure": self.measure,
            "unit": self.unit,
            "values": {tool: list(values) for tool, values in self.values.items()},
            "bar": self.bar.text if self.bar else None,
            "ratio": self.ratio(self.bar.peer) if self.bar and self.bar.peer else None,
            "reached": self.reached(),
            "note": self.note,
        }


@dataclass(slots=True)
class Results:
    """All lines of one run of the benchmark, and what a reader must know to judge them."""

    machine: dict[str, str]
    tools: dict[str, str]
    corpora: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "machine": self.machine,
            "tools": self.tools,
            "corpora": self.corpora,
            "lines": [line.as_json() for line in self.lines],
            "remarks": self.remarks,
        }
