"""A snapshot that is missing, swapped or not the next of the chain is an error, never a shorter history."""

from __future__ import annotations

import pytest

from backupd.errors import Integrity, NotFound
from backupd.vault.snapshot import snapshot_name
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.backing_up import STREAM, Change, back_up, committed
from tests.vault_model.place import Place


@pytest.fixture
def filled(place: Place) -> Place:
    """A stream of six snapshots, taken at 1,000 to 6,000; 3 and 6 are not complete."""
    vault = place.create()
    for seq in range(1, 7):
        change = Change({"a": b"%d" % seq, f"b{seq}": b"x"}, as_of_ms=seq * 1_000, complete=seq % 3 != 0)
        assert committed(back_up(vault, change)).seq == seq
    return place


def name_of(place: Place, seq: int, stream: str = STREAM) -> str:
    return snapshot_name(place.open().names.name("stream", stream), seq)


def test_points_in_time_are_complete_snapshots(filled: Place) -> None:
    vault = filled.open()
    asked = {None: 5, 6_500: 5, 5_000: 5, 4_999: 4, 3_999: 2, 3_000: 2, 1_000: 1}
    assert {at_ms: vault.at(STREAM, at_ms).seq for at_ms in asked} == asked
    for at_ms in (999, 0):
        with pytest.raises(NotFound):
            vault.at(STREAM, at_ms)
    with pytest.raises(NotFound):
        vault.at("another stream", None)


def test_a_clock_that_went_back(filled: Place) -> None:
    vault = filled.open()
    assert committed(back_up(vault, Change({"a": b"later"}, as_of_ms=2_500))).seq == 7
    assert vault.at(STREAM, 2_600).seq == 7
    assert vault.at(STREAM, 2_400).seq == 2
    assert vault.at(STREAM, None).seq == 7


@pytest.mark.parametrize("seq", [1, 2, 4, 5])
def test_one_in_the_middle_is_missing(filled: Place, seq: int) -> None:
    filled.store.delete(name_of(filled, seq))
    vault = filled.open()
    with pytest.raises(Integrity):
        vault.snapshots(STREAM)
    with pytest.raises(Integrity):
        vault.view(STREAM)
    with pytest.raises(Integrity):
        vault.history(STREAM, "a")
    with pytest.raises(Integrity):
        vault.at(STREAM, seq * 1_000)


def test_one_that_never_was(filled: Place) -> None:
    vault = filled.open()
    for seq in (7, 100):
        with pytest.raises(NotFound):
            vault.view(STREAM, seq)


def test_snapshots_of_one_stream_change_places(filled: Place) -> None:
    first, second = name_of(filled, 1), name_of(filled, 2)
    data = filled.store.get(first)
    filled.store.put(first, filled.store.get(second))
    filled.store.put(second, data)
    with pytest.raises(Integrity):
        filled.open().snapshots(STREAM)


def test_snapshots_of_two_streams_change_places(filled: Place) -> None:
    back_up(filled.open(), Change({"a": b"other"}), "another stream")
    first, other = name_of(filled, 1), name_of(filled, 1, "another stream")
    filled.store.put(first, filled.store.get(other))
    vault = filled.open()
    with pytest.raises(Integrity):
        vault.snapshots(STREAM)
    with pytest.raises(Integrity):
        vault.streams()


def test_another_history_from_one_point_on(filled: Place) -> None:
    """A snapshot that an older copy of the vault went on with has the right name and keys, but another parent."""
    assert isinstance(filled.store, MemoryStore)
    later = {seq: filled.store.get(name_of(filled, seq)) for seq in (5, 6)}
    for seq in (4, 5, 6):
        filled.store.delete(name_of(filled, seq))
    committed(back_up(filled.open(), Change({"a": b"another four"})))
    for seq, data in later.items():
        filled.store.put(name_of(filled, seq), data)
    with pytest.raises(Integrity):
        filled.open().snapshots(STREAM)


def test_a_foreign_file_among_them(filled: Place) -> None:
    filled.store.create(name_of(filled, 1)[:-10] + "notes.txt", b"")
    with pytest.raises(Integrity):
        filled.open().snapshots(STREAM)
