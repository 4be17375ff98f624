"""How long superseded and deleted item versions are kept, and how densely files' points in time.

A version is kept while it is current; what a policy decides is only how long it stays after it was
superseded or deleted. Holds and pins beat every policy, and the newest complete snapshot never expires.
Thinning applies to streams of files only: mail is not edited, so its versions are few and all worth keeping.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from backupd.errors import UsageError

DAY_MS = 86_400_000
_PERIOD = re.compile(r"(\d{1,5})\s*(d|days?|w|weeks?|m|months?|y|years?)", re.IGNORECASE)
_THINNING = re.compile(r"(daily|weekly|monthly) after (.+)")
_DAYS = {"d": 1, "w": 7, "m": 31, "y": 366}
_MOST_DAYS = 36_600
_UNLIMITED = ("forever", "unlimited")
_FORMS = (
    "Write 90d, 12 weeks, 6 months, 7y or forever; for files also '7y, daily after 30d, monthly after 1y'."
)


class Point(NamedTuple):
    """A point in time of a stream: a complete snapshot, and when it was taken (Unix milliseconds)."""

    seq: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Days a version stays after it stopped being current; None keeps it for ever.

    `daily`, `weekly` and `monthly` thin the points in time of file streams: of those older than so many days, only
    the last of each day, ISO week or month (UTC) is left. None: no thinning of that kind.
    """

    days: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None

    def __post_init__(self) -> None:
        for days in (self.days, self.daily, self.weekly, self.monthly):
            if days is not None and not 0 < days <= _MOST_DAYS:
                raise UsageError(
                    f"A retention of {days} days is not possible: 1 to {_MOST_DAYS}, or 'forever'."
                )

    @classmethod
    def parse(cls, text: str) -> Retention:
        """Read `90d`, `12 weeks`, `6 months` (31 days each), `7y` (366 days each) or `forever`; `UsageError`.

        Thinning may follow: `forever, daily after 30d, weekly after 90d, monthly after 1y`.
        """
        period, *rules = (part.strip() for part in text.strip().lower().split(","))
        days = None if period in _UNLIMITED else _days(period, text)
        thinning: dict[str, int] = {}
        for rule in rules:
            match = _THINNING.fullmatch(rule)
            if match is None or match[1] in thinning:
                raise _not_a_retention(text)
            thinning[match[1]] = _days(match[2], text)
        return cls(days, **thinning)

    def expires_ms(self, superseded_ms: int) -> int | None:
        """Return when a version that stopped being current at `superseded_ms` may go (None: never)."""
        return None if self.days is None else superseded_ms + self.days * DAY_MS

    def kept(self, points: Sequence[Point], now_ms: int, *, files: bool) -> list[Point]:
        """Return the points that stay, of all of a stream's, ascending; the newest always does.

        A point is superseded when the next one is taken. Clocks are set back now and then, so a point counts as
        taken no earlier than those before it: in doubt it stays longer.
        """
        points = _monotone(points)
        kept = [
            point
            for place, point in enumerate(points)
            if place + 1 == len(points) or not self._expired(points[place + 1].at_ms, now_ms)
        ]
        return self._thinned(kept, now_ms) if files else kept

    def _expired(self, superseded_ms: int, now_ms: int) -> bool:
        expires_ms = self.expires_ms(superseded_ms)
        return expires_ms is not None and expires_ms <= now_ms

    def _thinned(self, points: list[Point], now_ms: int) -> list[Point]:
        """Leave the last point of each day, week or month, where points are old enough for that.

        The last of a coarser span also stays while finer thinning applies, so that there is one left for later.
        """
        levels = [
            (days, _last_of_spans(points, form))
            for days, form in ((self.daily, "%Y-%m-%d"), (self.weekly, "%G-%V"), (self.monthly, "%Y-%m"))
            if days is not None
        ]
        kept = []
        for point in points:
            age_ms = now_ms - point.at_ms
            reached = [place for place, (days, _) in enumerate(levels) if age_ms >= days * DAY_MS]
            if not reached or any(point.seq in last for _, last in levels[max(reached) :]):
                kept.append(point)
        newest = points[-1:]
        return kept if kept[-1:] == newest else kept + newest

    def __str__(self) -> str:
        period = "forever" if self.days is None else f"{self.days}d"
        thinning = (("daily", self.daily), ("weekly", self.weekly), ("monthly", self.monthly))
        return ", ".join([period, *(f"{word} after {days}d" for word, days in thinning if days is not None)])


def _days(text: str, whole: str) -> int:
    if match := _PERIOD.fullmatch(text):
        return int(match[1]) * _DAYS[match[2][0]]
    raise _not_a_retention(whole)


def _not_a_retention(text: str) -> UsageError:
    return UsageError(f"{text!r} is not a retention.", hint=_FORMS)


def _monotone(points: Iterable[Point]) -> list[Point]:
    latest_ms = 0
    found = []
    for point in points:
        latest_ms = max(latest_ms, point.at_ms)
        found.append(Point(point.seq, latest_ms))
    return found


def _last_of_spans(points: list[Point], form: str) -> set[int]:
    """Return the seqs of the last point of each span of time; `form` names a span (see strftime)."""
    last = {datetime.fromtimestamp(point.at_ms / 1000, UTC).strftime(form): point.seq for point in points}
    return set(last.values())
