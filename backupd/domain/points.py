"""Points in time as people write them: `--at now`, `yesterday`, `2h ago`, `2026-03-01`, `2026-03-01 14:05`.

What is written without a zone is local time. A date alone means the end of that day, and so does
`yesterday`: "the state of 1 March" is what the day left behind, not what it began with.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from backupd.errors import UsageError

_AGO = re.compile(
    r"(\d{1,6})\s*(s|sec|min|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)(?:\s+ago)?", re.IGNORECASE
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FORMS = (
    "Write a date (2026-03-01), a time (2026-03-01 14:05, 2026-03-01T14:05Z), 'yesterday', '2h ago' or 'now'."
)


def parse_point(text: str, now_ms: int, zone: tzinfo | None = None) -> int:
    """Return the point in time `text` names, in Unix milliseconds.

    `zone` is the zone of times written without one (None: this machine's). Raises `UsageError`.
    """
    words = text.strip().lower()
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if words == "now":
        return now_ms
    if words in ("today", "yesterday"):
        day = now.astimezone(zone).date() - timedelta(days=words == "yesterday")
        return min(_end_of_day(day.isoformat(), zone), now_ms)
    if ago := _AGO.fullmatch(words):
        seconds = int(ago[1]) * _UNITS[ago[2][0].lower()]
        return now_ms - seconds * 1000
    if _DATE.fullmatch(words):
        return _end_of_day(words, zone)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is not a point in time.", hint=_FORMS) from None
    return _to_ms(moment, zone)


def _end_of_day(date: str, zone: tzinfo | None) -> int:
    try:
        start = datetime.fromisoformat(date)
    except ValueError:
        raise UsageError(f"{date!r} is not a day of the calendar.", hint=_FORMS) from None
    # The next midnight of the wall clock, not 24 hours on: days with a change of daylight saving differ.
    return _to_ms(start + timedelta(days=1), zone) - 1


def _to_ms(moment: datetime, zone: tzinfo | None) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise UsageError(
            f"{moment.isoformat()} is outside the times this machine knows.", hint=_FORMS
        ) from None
