"""What the journeys are given."""

from pathlib import Path

import pytest

from tests.journeys.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty place."""
    return Place(tmp_path)


@pytest.fixture
def imported(place: Place) -> Place:
    """A place with the sample company, imported."""
    place.imported()
    return place
