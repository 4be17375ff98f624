"""A cursor that another version or stream wrote skips nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.archive import cursor
from connectors.sdk.records import Service
from tests.contracts.committed import Committed
from tests.unit.connectors.archive.reading import stream


@pytest.mark.parametrize(
    "position",
    [
        cursor.Position(version=0, service="drive", after="zzz"),
        cursor.Position(version=99, service="drive", after="zzz"),
        cursor.Position(service="mail", after="zzz"),
    ],
)
def test_a_foreign_position_is_not_gone_on_from(tmp_path: Path, position: cursor.Position) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    state = Committed(cursor=cursor.dump(position))
    state.back_up(stream(tmp_path, Service.DRIVE))
    assert list(state.items) == ["a.txt"]


def test_an_own_position_is_gone_on_from(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"b")
    state = Committed(cursor=cursor.dump(cursor.Position(service="drive", after="a.txt")))
    state.back_up(stream(tmp_path, Service.DRIVE))
    assert list(state.items) == ["b.txt"]


def test_equal_positions_are_equal_bytes() -> None:
    one = cursor.Position(service="mail", mboxes={"a//": b"1", "b//": b"2"})
    other = cursor.Position(service="mail", mboxes={"b//": b"2", "a//": b"1"})
    assert cursor.dump(one) == cursor.dump(other)
