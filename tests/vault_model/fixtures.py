"""Fixtures of the vault's tests; the conftest of each folder that needs them imports them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault_model.place import Place
from tests.vault_model.reporting import Counts


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place for one vault in a memory store."""
    made = Place(tmp_path)
    (tmp_path / "spool").mkdir()
    yield made
    made.close()


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Iterator[Counts]:
    """Counts that are shown at the end of the run."""
    made = Counts(request)
    yield made
    made.show()


@pytest.fixture
def soak() -> bool:
    """Whether long runs are asked for."""
    return os.environ.get("BACKUPD_SOAK") == "1"
