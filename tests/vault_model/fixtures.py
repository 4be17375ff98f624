"""Fixtures of the vault's tests; the conftest of each folder that needs them imports them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault_model.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place for one vault in a memory store."""
    made = Place(tmp_path)
    (tmp_path / "spool").mkdir()
    yield made
    made.close()
