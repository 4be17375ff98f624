"""A restore gives back what was chosen, in the order files need, goes on after bad items, and can be run again."""

from collections import Counter

import pytest

from backupd.errors import Integrity, SourceFailed
from backupd.runs.restore import Choice, RestoreJob, RestoreResult, plan, restore
from backupd.vault.entries import Content
from connectors.sdk.errors import Permanent, Retriable, Skippable
from connectors.sdk.records import Delete, OnConflict, RestoreOutcome, Target
from tests.unit.runs.exporting import by_id
from tests.unit.runs.house import STREAM, House
from tests.unit.runs.scripted import ScriptedStream, end, upsert


def job(house: House, choice: Choice = Choice(), at_ms: int | None = None) -> RestoreJob:  # noqa: B008
    return RestoreJob(house.vault, house.vault.at(STREAM, at_ms), "Alice/mail", choice, by_id)


def run(house: House, source: ScriptedStream, one: RestoreJob) -> RestoreResult:
    result = RestoreResult()
    restore(one, source, Target(""), OnConflict.SKIP, house.surroundings, result)
    return result


def fill(house: House) -> None:
    script = [
        upsert("a", b"1", "x"),
        upsert("b", b"2", "x/y"),
        upsert("c", b"3", "xy"),
        upsert("d", b"4", "z"),
        end(),
    ]
    house.run(ScriptedStream(script))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), "abcd"),
        (Choice(folder="x"), "ab"),
        (Choice(folder="x/y"), "b"),
        (Choice(items=frozenset("da")), "ad"),
    ],
)
def test_exactly_the_chosen_items_are_written(house: House, choice: Choice, expected: str) -> None:
    fill(house)
    source = ScriptedStream()
    result = run(house, source, job(house, choice))
    assert source.restored == list(expected)
    assert result.outcomes == Counter({RestoreOutcome.WRITTEN: len(expected)})
    assert source.written == {key: house.current()[key] for key in expected}


def test_an_older_point_gives_the_older_bytes(house: House) -> None:
    house.run(ScriptedStream([upsert("a", b"old"), end("1")]))
    then_ms = house.now_ms
    house.now_ms += 1000
    house.run(ScriptedStream([upsert("a", b"new"), end("2")]))
    source = ScriptedStream()
    run(house, source, job(house, at_ms=then_ms))
    assert source.written == {"a": b"old"}


def test_pieces_of_a_file_go_back_in_the_order_of_the_file(house: House) -> None:
    house.run(ScriptedStream([upsert("box#20"), upsert("box#3"), upsert("box#100"), upsert("c"), end()]))
    source = ScriptedStream()
    run(house, source, job(house))
    assert source.restored == ["box#3", "box#20", "box#100", "c"]


def test_running_it_again_writes_nothing_twice(house: House) -> None:
    fill(house)
    source = ScriptedStream()
    run(house, source, job(house))
    again = run(house, source, job(house))
    assert again.outcomes == Counter({RestoreOutcome.ALREADY_RESTORED: 4})
    assert again.bytes == 0


def test_a_bad_item_is_reported_and_the_others_go_on(house: House) -> None:
    fill(house)
    source = ScriptedStream()
    source.restore_errors = {"b": [Skippable("in-the-way", "A link stands there.")]}
    result = run(house, source, job(house))
    assert source.restored == ["a", "c", "d"]
    assert [(one.item_id, one.message) for one in result.failures] == [("b", "A link stands there.")]


def test_a_damaged_item_is_reported_as_damage(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house)
    version, real = house.vault.view(STREAM).get("b"), house.vault.reader.content
    assert version is not None and version.content is not None
    bad = version.content.digest

    def read(content: Content) -> object:
        if content.digest == bad:
            raise Integrity("Damaged.")
        return real(content)

    monkeypatch.setattr(house.vault.reader, "content", read)
    source = ScriptedStream()
    result = run(house, source, job(house))
    assert result.damaged and [one.item_id for one in result.failures] == ["b"]
    assert source.restored == ["a", "b", "c", "d"] and "b" not in source.written


def test_a_busy_target_is_asked_again_a_few_times(house: House) -> None:
    fill(house)
    source = ScriptedStream()
    source.restore_errors = {"a": [Retriable("Busy.", 9.0)], "c": [Retriable("Busy.")] * 9}
    result = run(house, source, job(house))
    assert source.restored == ["a", "b", "d"]
    assert [one.item_id for one in result.failures] == ["c"]
    assert house.slept[0] == 9.0


def test_a_target_that_refuses_as_a_whole_ends_it(house: House) -> None:
    fill(house)
    source = ScriptedStream()
    source.restore_errors = {"b": [Permanent("The disk is full.")]}
    with pytest.raises(SourceFailed) as caught:
        run(house, source, job(house))
    assert "The disk is full." in caught.value.message
    assert source.restored == ["a"]


def test_a_stopped_restore_says_so(house: House) -> None:
    fill(house)
    house.stop.set()
    assert run(house, ScriptedStream(), job(house)).stopped


def test_the_plan_tells_what_is_missing_changed_and_the_same(house: House) -> None:
    fill(house)
    then_ms = house.now_ms
    house.now_ms += 1000
    house.run(ScriptedStream([upsert("a", b"other", "x"), Delete("b"), end("2")]))
    found = plan(job(house, at_ms=then_ms))
    assert (found.items, found.bytes, found.missing, found.changed, found.same) == (4, 4, 1, 1, 2)
