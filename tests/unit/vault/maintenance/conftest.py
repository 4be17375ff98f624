from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.vault.maintenance.small_vault import SmallVault


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallVault]:
    made = SmallVault(tmp_path)
    yield made
    made.close()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[SmallVault]:
    """The same over a store that honours object locks."""
    made = SmallVault(tmp_path, locks=True)
    yield made
    made.close()
