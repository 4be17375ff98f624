"""Fixtures of the tests of keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.vault.keys.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.new(tmp_path / "home")
