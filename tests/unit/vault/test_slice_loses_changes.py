"""What slices say is what the vault shows, at every snapshot; what says nothing writes nothing."""

from __future__ import annotations

from backupd.vault.entries import Failure
from tests.vault_model.backing_up import STREAM, Change, back_up, committed
from tests.vault_model.items import message, noise, prose
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, assert_same

GONE = Failure("unreadable", "it could not be opened", "Inbox", "a name")


def test_every_kind_of_change(place: Place) -> None:
    vault, reference = place.create(), Reference()
    paper = noise(1, 40_000)
    changes = [
        Change(
            {"a": b"one", "b": b"", "c": None, "m1": message([paper]), "m2": message([paper, b"x" * 5000])}
        ),
        Change({"a": b"two"}, ["b", "unknown"], {"d": GONE, "c": GONE}, as_of_ms=2_000, complete=False),
        Change({"d": b"now it can be had", "c": b"it has content"}, ["m1"], as_of_ms=3_000),
        Change(
            {"b": b"back again", "z": prose(1, 3_000_000)}, [], {"a": GONE}, as_of_ms=4_000, cursor=b"last"
        ),
        Change({}, ["a", "z", "m2"], as_of_ms=5_000),
    ]
    for change in changes:
        committed(back_up(vault, change, reference=reference))
    assert assert_same(vault, reference) == 5 + 4 + 4 + 6 + 3
    assert [(i.upserts, i.deletes, i.failures) for i in vault.snapshots(STREAM)] == [
        (5, 0, 0),
        (1, 1, 2),
        (2, 1, 0),
        (2, 0, 1),
        (0, 3, 0),
    ]
    place.forget_cache()
    place.close()
    assert_same(place.open(), reference)
    assert_same(place.open(cache="another machine"), reference)


def test_nothing_changed_writes_nothing(place: Place) -> None:
    vault = place.create()
    committed(back_up(vault, Change({"a": b"one"})))
    before = [info.name for info in place.store.list()]
    assert back_up(vault, Change(cursor=b"newer")) is None
    assert back_up(vault, Change({}, ["unknown"])) is None
    assert [info.name for info in place.store.list()] == before
    assert vault.slice(STREAM, "run").cursor == b"cursor"


def test_the_first_complete_reading_of_an_empty_stream_is_said(place: Place) -> None:
    vault, reference = place.create(), Reference()
    assert back_up(vault, Change(complete=False)) is None
    assert committed(back_up(vault, Change(), reference=reference)).complete
    assert_same(vault, reference)


def test_becoming_complete_is_said(place: Place) -> None:
    vault, reference = place.create(), Reference()
    committed(back_up(vault, Change({"a": b"1"}, complete=False), reference=reference))
    assert committed(back_up(vault, Change(as_of_ms=2_000), reference=reference)).complete
    assert back_up(vault, Change(as_of_ms=3_000)) is None
    assert_same(vault, reference)


def test_a_failure_is_kept_and_not_repeated(place: Place) -> None:
    vault, reference = place.create(), Reference()
    committed(back_up(vault, Change({"a": b"good"}, failures={"a": GONE, "b": GONE}), reference=reference))
    assert back_up(vault, Change(failures={"a": GONE, "b": GONE})) is None
    other = Failure("denied", "another reason")
    committed(back_up(vault, Change(failures={"b": other}), reference=reference))
    assert assert_same(vault, reference) == 2
    assert dict(vault.view(STREAM).failures()) == {"a": GONE, "b": other}


def test_a_failed_item_is_tried_again(place: Place) -> None:
    """Its tag is no source's, so whatever the source says is new."""
    vault = place.create()
    back_up(vault, Change({"a": b"good", "b": b"good"}, failures={"a": GONE}))
    assert dict(vault.slice(STREAM, "run").known.tags()) == {"a": b"", "b": b"tag of b"}


def test_an_item_that_came_and_went_within_a_slice(place: Place) -> None:
    vault, reference = place.create(), Reference()
    back_up(vault, Change({"a": b"1"}), reference=reference)
    running = vault.slice(STREAM, "run")
    Change({"new": b"2", "a": b"3"}, ["new", "a"]).say(running)
    assert running.entries == 1
    committed(running.commit(b"cursor", complete=True, as_of_ms=2_000))
    assert list(vault.view(STREAM).versions()) == []


def test_streams_do_not_mix(place: Place) -> None:
    vault, reference = place.create(), Reference()
    for number in range(4):
        back_up(vault, Change({"a": b"%d" % number, "same": b"same"}), f"stream {number}", reference)
    assert_same(vault, reference)
    assert vault.head("another stream") is None
    assert list(vault.view("another stream").versions()) == []


def test_the_same_content_is_stored_once(place: Place) -> None:
    vault = place.create()
    paper = noise(1, 100_000)
    first = committed(back_up(vault, Change({"f": paper, "m": message([paper]), "copy": paper})))
    assert 100_000 < first.bytes_stored < 110_000
    again = committed(
        back_up(vault, Change({"other": paper, "m2": message([paper, paper])}), "another stream")
    )
    assert again.bytes_stored < 10_000
    on_another_machine = place.open(cache="another machine")
    third = committed(back_up(on_another_machine, Change({"third": paper}), "third stream"))
    assert third.bytes_stored == 0


def test_history_of_one_item(place: Place) -> None:
    vault = place.create()
    for change in (Change({"a": b"1"}), Change({"b": b"1"}), Change({"a": b"2"}), Change({}, ["a"])):
        committed(back_up(vault, change))
    said = [(info.seq, entry.deleted) for info, entry in vault.history(STREAM, "a")]
    assert said == [(1, False), (3, False), (4, True)]
