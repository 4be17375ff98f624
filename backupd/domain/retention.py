"""How long superseded and deleted item versions are kept.

A version is kept while it is current; what a policy decides is only how long it stays after it was
superseded or deleted. Holds and pins beat every policy, and the newest complete snapshot never expires.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backupd.errors import UsageError

DAY_MS = 86_400_000
_PERIOD = re.compile(r"(\d{1,5})\s*(d|days?|w|weeks?|m|months?|y|years?)", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "m": 31, "y": 366}
_MOST_DAYS = 36_600
_UNLIMITED = ("forever", "unlimited")


@dataclass(frozen=True, slots=True)
class Retention:
    """Days a version stays after it stopped being current; None keeps it for ever."""

    days: int | None = None

    def __post_init__(self) -> None:
        if self.days is not None and not 0 < self.days <= _MOST_DAYS:
            raise UsageError(
                f"A retention of {self.days} days is not possible: 1 to {_MOST_DAYS}, or 'forever'."
            )

    @classmethod
    def parse(cls, text: str) -> Retention:
        """Read `90d`, `12 weeks`, `6 months` (31 days each), `7y` (366 days each) or `forever`; `UsageError`."""
        words = text.strip().lower()
        if words in _UNLIMITED:
            return cls(None)
        if match := _PERIOD.fullmatch(words):
            return cls(int(match[1]) * _DAYS[match[2][0]])
        raise UsageError(
            f"{text!r} is not a retention.", hint="Write 90d, 12 weeks, 6 months, 7y or forever."
        )

    def expires_ms(self, superseded_ms: int) -> int | None:
        """Return when a version that stopped being current at `superseded_ms` may go (None: never)."""
        return None if self.days is None else superseded_ms + self.days * DAY_MS

    def __str__(self) -> str:
        return "forever" if self.days is None else f"{self.days}d"
