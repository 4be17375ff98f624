"""Counts that long tests print: how many kills, flips and steps there were."""

from __future__ import annotations

from collections import Counter

import pytest


class Counts:
    """Collects counts of one test and shows them, whether or not output is captured."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._counter: Counter[str] = Counter()

    def add(self, what: str, number: int = 1) -> None:
        """Count something."""
        self._counter[what] += number

    def __getitem__(self, what: str) -> int:
        """Return what was counted so far."""
        return self._counter[what]

    def show(self) -> None:
        """Hand the counts to the summary at the end of the run."""
        for what, number in sorted(self._counter.items()):
            self._request.node.user_properties.append(("count", f"{what}: {number}"))
