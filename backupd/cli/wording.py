"""Numbers and times as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from backupd.cli.terminal import clean, fit, width

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(size_bytes: float) -> str:
    """Return `1.5 MB` and the like (powers of 1,000, as disks and clouds are sold)."""
    value, unit = float(size_bytes), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {_UNITS[unit]}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 item`, `2,000 items`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Return `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def when(moment_ms: int | None) -> str:
    """Return the local time, `2026-03-01 14:05:09`, or `never`."""
    if moment_ms is None:
        return "never"
    try:
        return datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "unknown"


def ago(moment_ms: int | None, now_ms: int) -> str:
    """Return how long ago that was: `just now`, `5 min ago`, `3 h ago`, `12 days ago`, or `never`."""
    if moment_ms is None:
        return "never"
    seconds = max(0, now_ms - moment_ms) // 1000
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h ago"
    return f"{seconds // 86_400} days ago"


def iso(moment_ms: int | None) -> str | None:
    """Return the UTC time of JSON documents, `2026-03-01T13:05:09.120Z`; None stays None."""
    if moment_ms is None:
        return None
    try:
        moment = datetime.fromtimestamp(moment_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment_ms % 1000:03}Z"


def table(
    headings: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: str = "", widest: int = 60
) -> list[str]:
    """Return lines with aligned columns. `right` names the headings whose columns are aligned to the right."""
    cells = [headings, *(tuple(fit(clean(cell), widest) for cell in row) for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(headings))]
    numeric = {column for column, heading in enumerate(headings) if heading in right.split()}
    lines = []
    for row in cells:
        padded = []
        for column, cell in enumerate(row):
            padding = " " * (widths[column] - width(cell))
            padded.append(padding + cell if column in numeric else cell + padding)
        lines.append("  ".join(padded).rstrip())
    return lines
