"""The create of the snapshot is the fence: of two writers one wins, and nothing of the other remains visible."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backupd.errors import RolledBack, StoreFull, StoreUnavailable
from backupd.vault.slice import CLOCK_TOLERANCE_S, SliceExpired, StreamMoved
from backupd.vault.stores.base import ObjectInfo
from backupd.vault.stores.faulty import Fault, FaultyStore, Moment
from backupd.vault.stores.memory import MemoryStore
from backupd.vault.stores.retrying import RetryingStore
from tests.vault_model.backing_up import STREAM, Change, back_up, committed
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, assert_same


def only_snapshots(method: str, name: str) -> bool:
    return method == "create" and name.startswith("snapshots/")


def test_two_writers_of_one_stream(place: Place) -> None:
    vault, reference = place.create(), Reference()
    back_up(vault, Change({"a": b"1"}), reference=reference)
    winner, loser = vault.slice(STREAM, "run 1"), vault.slice(STREAM, "run 1")
    change = Change({"a": b"winner", "w": b"winner"}, as_of_ms=2_000)
    change.say(winner)
    Change({"a": b"loser", "l": b"loser"}).say(loser)
    committed(winner.commit(change.cursor, complete=True, as_of_ms=2_000))
    reference.commit(STREAM, change.after(reference.head(STREAM)))
    with pytest.raises(StreamMoved):
        loser.commit(b"", complete=True, as_of_ms=3_000)
    assert_same(vault, reference)
    assert_same(place.open(cache="another machine"), reference)


def test_what_the_loser_uploaded_is_not_leant_on(place: Place) -> None:
    """Its packs are in no index and no snapshot: a slice that leant on them would be unreadable elsewhere."""
    vault, reference = place.create(), Reference()
    winner, loser = vault.slice(STREAM, "1"), vault.slice(STREAM, "2")
    change = Change({"w": b"winner"})
    change.say(winner)
    Change({"l": b"what the loser had"}).say(loser)
    winner.commit(change.cursor, complete=True, as_of_ms=change.as_of_ms)
    reference.commit(STREAM, change.after(reference.head(STREAM)))
    with pytest.raises(StreamMoved):
        loser.commit(b"", complete=True, as_of_ms=1)
    back_up(vault, Change({"l": b"what the loser had"}), reference=reference)
    assert_same(place.open(cache="another machine"), reference)


@pytest.mark.parametrize("embedded", [1024, 0])
def test_what_a_failed_commit_uploaded_is_not_leant_on(
    place: Place, monkeypatch: pytest.MonkeyPatch, embedded: int
) -> None:
    monkeypatch.setattr("backupd.vault.slice.EMBEDDED_BLOBS", embedded)
    place.create().close()
    fault = Fault(1, Moment.BEFORE, StoreFull("full"))
    vault = place.open(FaultyStore(place.store, [fault], counts=only_snapshots))
    with pytest.raises(StoreFull):
        back_up(vault, Change({"a": b"bytes that were uploaded"}))
    reference = Reference()
    back_up(vault, Change({"a": b"bytes that were uploaded"}), reference=reference)
    assert_same(place.open(cache="another machine"), reference)


def test_a_lost_response_is_no_lost_race(place: Place) -> None:
    """The create happened, its answer did not arrive, and the retry finds the object: that is success."""
    place.create().close()

    class Again(FaultyStore):
        def create(self, name: str, data: object) -> None:
            try:
                super().create(name, data)  # type: ignore[arg-type]
            except StoreUnavailable:
                data.seek(0)  # type: ignore[attr-defined]
                super().create(name, data)  # type: ignore[arg-type]

    fault = Fault(1, Moment.AFTER, StoreUnavailable("the connection was reset"))
    vault, reference = place.open(Again(place.store, [fault], counts=only_snapshots)), Reference()
    assert committed(back_up(vault, Change({"a": b"1"}), reference=reference)).seq == 1
    assert_same(vault, reference)


def test_a_lost_response_behind_the_retrying_store(place: Place) -> None:
    place.create().close()
    fault = Fault(1, Moment.AFTER, StoreUnavailable("the connection was reset"), times=2)
    faulty = FaultyStore(place.store, [fault], counts=lambda method, _: method == "create")
    vault, reference = place.open(RetryingStore(faulty, sleep=lambda _: None)), Reference()
    back_up(vault, Change({"a": b"1"}), reference=reference)
    assert_same(vault, reference)


def test_the_same_run_id_is_not_the_same_attempt(place: Place) -> None:
    vault = place.create()
    first, second = vault.slice(STREAM, "run"), vault.slice(STREAM, "run")
    Change({"a": b"1"}).say(first)
    Change({"a": b"1"}).say(second)
    committed(first.commit(b"", complete=True, as_of_ms=1))
    with pytest.raises(StreamMoved):
        second.commit(b"", complete=True, as_of_ms=1)


def test_too_late(place: Place) -> None:
    vault = place.create()
    running = vault.slice(STREAM, "run")
    Change({"a": b"1"}).say(running)
    place.clock.advance(vault.format.slice_limit_s + 1)
    with pytest.raises(SliceExpired):
        running.commit(b"", complete=True, as_of_ms=1)
    assert vault.streams() == []
    committed(back_up(vault, Change({"a": b"1"})))
    assert_read_elsewhere(place)


def test_just_in_time(place: Place) -> None:
    vault = place.create()
    running = vault.slice(STREAM, "run")
    Change({"a": b"1"}).say(running)
    place.clock.advance(vault.format.slice_limit_s)
    committed(running.commit(b"", complete=True, as_of_ms=1))


def test_a_clock_set_back_hides_no_age(place: Place) -> None:
    vault = place.create()
    running = vault.slice(STREAM, "run")
    Change({"a": b"1"}).say(running)
    place.clock.advance(-CLOCK_TOLERANCE_S - 1)
    with pytest.raises(SliceExpired):
        running.commit(b"", complete=True, as_of_ms=1)


def test_reading_the_indexes_is_part_of_the_slices_age(place: Place) -> None:
    """The condemned list was read at the beginning; whatever happens after that makes the slice older."""
    place.create().close()

    class Slow(FaultyStore):
        def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
            place.clock.advance(700 if prefix == "packs/" else 0)
            return super().list(prefix)

    back_up(place.open(), Change({"a": b"1"}))
    vault = place.open(Slow(place.store), cache="another machine")
    running = vault.slice(STREAM, "run")
    Change({"a": b"2"}).say(running)
    with pytest.raises(SliceExpired):
        running.commit(b"", complete=True, as_of_ms=1)


def test_a_rolled_back_vault_is_refused(place: Place) -> None:
    assert isinstance(place.store, MemoryStore)
    vault = place.create()
    first = committed(back_up(vault, Change({"a": b"1"})))
    second = committed(back_up(vault, Change({"a": b"2"})))
    for expect in ((1, first.hash), (2, second.hash), (0, b"")):
        vault.slice(STREAM, "run", expect=expect).abort()
    for wrong in ((2, first.hash), (1, second.hash), (3, second.hash), (1, b"")):
        with pytest.raises(RolledBack):
            vault.slice(STREAM, "run", expect=wrong)
    name = [info.name for info in place.store.list("snapshots/")][-1]
    place.store.delete(name)
    with pytest.raises(RolledBack):
        vault.slice(STREAM, "run", expect=(2, second.hash))
    committed(back_up(vault, Change({"a": b"another history"})))
    with pytest.raises(RolledBack):
        vault.slice(STREAM, "run", expect=(2, second.hash))


def assert_read_elsewhere(place: Place) -> None:
    vault = place.open(cache="another machine")
    for stream in vault.streams():
        for version in vault.view(stream).versions():
            assert version.content is not None
            assert b"".join(vault.read(version.content))
