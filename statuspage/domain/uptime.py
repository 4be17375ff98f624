"""How downtime is weighed and cut into days. docs/status-uptime.md is the same text for people.

Weights: a major outage counts in full, a partial outage three tenths; degraded performance and maintenance do not
count. Where spans overlap, each second counts once, by the worst status. Days are calendar days of the region's time
zone, so a day may have 23, 24 or 25 hours; the present day ends now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from statuspage.domain.statuses import SEVERITY, ComponentStatus
from statuspage.domain.timeline import Span, flatten

WEIGHTS = {
    ComponentStatus.MAJOR: 1.0,
    ComponentStatus.PARTIAL: 0.3,
    ComponentStatus.DEGRADED: 0.0,
    ComponentStatus.UNDER_MAINTENANCE: 0.0,
    ComponentStatus.OPERATIONAL: 0.0,
}


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day of one component: its worst status, seconds by status, and the sources of them."""

    date: date
    length_s: float
    seconds: dict[ComponentStatus, float]
    sources: tuple[str, ...]
    known: bool

    @property
    def worst(self) -> ComponentStatus:
        """The most severe status of the day, of those that lasted at all."""
        return max(self.seconds, key=SEVERITY.__getitem__, default=ComponentStatus.OPERATIONAL)

    @property
    def down_s(self) -> float:
        """Weighed downtime in seconds."""
        return sum(WEIGHTS[status] * seconds for status, seconds in self.seconds.items())


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a calendar day in a zone."""
    return datetime.combine(day, time(), zone)


def days(
    spans: Sequence[Span], now: datetime, zone: ZoneInfo, count: int, since: datetime | None
) -> list[Day]:
    """The last ``count`` calendar days up to now, oldest first. Days before ``since`` are not known."""
    today = now.astimezone(zone).date()
    found = []
    for back in range(count - 1, -1, -1):
        day = today - timedelta(days=back)
        start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        # Instants must be compared and subtracted as UTC: same-zone arithmetic ignores the change of the clocks.
        start_utc, end_utc = start.astimezone(UTC), min(end.astimezone(UTC), now)
        known_from = max(start_utc, since) if since else start_utc
        pieces = flatten(spans, known_from, end_utc) if known_from < end_utc else []
        seconds: dict[ComponentStatus, float] = {}
        for left, right, status in pieces:
            seconds[status] = seconds.get(status, 0.0) + (right - left).total_seconds()
        sources = (
            {
                span.source
                for span in spans
                if span.start < end_utc and (span.end is None or span.end > known_from)
            }
            if pieces
            else set()
        )
        length = max((end_utc - known_from).total_seconds(), 0.0)
        found.append(Day(day, length, seconds, tuple(sorted(sources)), known_from < end_utc))
    return found


def share(of: Sequence[Day]) -> float | None:
    """The share of known time that was not downtime, 0 to 1; None when nothing is known."""
    total = sum(day.length_s for day in of)
    return None if total <= 0 else max(0.0, 1 - sum(day.down_s for day in of) / total)
