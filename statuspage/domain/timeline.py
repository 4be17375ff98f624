"""From the updates of incidents to what a component's status was at every instant.

A component has no status of its own: its status is the worst that any published incident or maintenance says of it at
that instant. So history, backfilled incidents and corrections agree by construction. docs/status-uptime.md states it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from statuspage.domain.statuses import ComponentStatus, worst


@dataclass(frozen=True, slots=True)
class Span:
    """A component had ``status`` from ``start`` up to, not including, ``end`` (None: still), says ``source``."""

    start: datetime
    end: datetime | None
    status: ComponentStatus
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """From ``at`` on, one incident says these statuses of these components; None ends all it said."""

    at: datetime
    statuses: Mapping[str, ComponentStatus] | None


def spans_of(source: str, changes: Sequence[Change]) -> dict[str, list[Span]]:
    """What one incident says of each component, over time. A later change replaces what it names and keeps the rest."""
    found: dict[str, list[Span]] = {}
    running: dict[str, tuple[datetime, ComponentStatus]] = {}

    def close(component: str, at: datetime) -> None:
        start, status = running.pop(component)
        if status is not ComponentStatus.OPERATIONAL and at > start:
            found.setdefault(component, []).append(Span(start, at, status, source))

    for change in sorted(changes, key=lambda one: one.at):
        named = change.statuses
        if named is None:
            named = dict.fromkeys(running, ComponentStatus.OPERATIONAL)
        for component, status in named.items():
            if component in running:
                if running[component][1] is status:
                    continue
                close(component, change.at)
            running[component] = (change.at, status)
    for component, (start, status) in running.items():
        if status is not ComponentStatus.OPERATIONAL:
            found.setdefault(component, []).append(Span(start, None, status, source))
    return found


def status_at(spans: Iterable[Span], at: datetime) -> ComponentStatus:
    """The component's status at one instant."""
    return worst(span.status for span in spans if span.start <= at and (span.end is None or at < span.end))


def flatten(
    spans: Sequence[Span], start: datetime, end: datetime
) -> list[tuple[datetime, datetime, ComponentStatus]]:
    """Consecutive pieces from ``start`` to ``end``, each with the worst status of all spans that cover it.

    Operational pieces are left out; overlapping spans never count twice.
    """
    clipped = [(max(span.start, start), min(span.end or end, end), span.status) for span in spans]
    clipped = [one for one in clipped if one[0] < one[1]]
    edges = sorted({edge for one in clipped for edge in one[:2]})
    pieces: list[tuple[datetime, datetime, ComponentStatus]] = []
    for left, right in pairwise(edges):
        status = worst(one[2] for one in clipped if one[0] <= left and right <= one[1])
        if status is ComponentStatus.OPERATIONAL:
            continue
        if pieces and pieces[-1][1] == left and pieces[-1][2] is status:
            pieces[-1] = (pieces[-1][0], right, status)
        else:
            pieces.append((left, right, status))
    return pieces
