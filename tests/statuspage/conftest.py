"""Fixtures of the status sites' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from statuspage.web.limiting import limiter
from tests.statuspage.world import World, make_world, settings_for


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The EMEA site on SQLite."""
    made = make_world(settings_for(tmp_path))
    yield made
    made.site.database.close()
    limiter.enabled = True
