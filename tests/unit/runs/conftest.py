"""What the tests of this folder are given."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.runs.house import House, build, close


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(tmp_path)
    yield built
    close(built)
