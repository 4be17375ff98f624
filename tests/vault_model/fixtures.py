"""Fixtures of the vault's tests; the conftest of each folder that needs them imports them."""

from __future__ import annotations

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


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.soak)], ids=["quick", "soak"])
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether this is the long run: a test that asks is there twice, once for `make test`, once for `make soak`."""
    return bool(request.param)
