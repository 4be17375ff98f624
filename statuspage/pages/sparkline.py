"""A small line of success rates as SVG path data; gaps stay gaps."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 240.0, 40.0


def path(values: Sequence[float | None], low: float = 0.99) -> str:
    """Path data in a box of 240 by 40; ``low`` is the value at the bottom, or the least value if that is lower."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    floor = min(low, *known)
    span = max(1.0 - floor, 1e-9)
    step = WIDTH / max(len(values) - 1, 1)
    parts, pen_down = [], False
    for index, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        y = HEIGHT - 2 - (value - floor) / span * (HEIGHT - 4)
        # A single known day between gaps would otherwise draw nothing.
        alone = not pen_down and (index + 1 == len(values) or values[index + 1] is None)
        parts.append(f"{'L' if pen_down else 'M'}{index * step:.1f} {y:.1f}" + ("h.1" if alone else ""))
        pen_down = True
    return "".join(parts)
