"""What a backup stores, and that slices, moves and unchanged runs lose nothing and write nothing needlessly."""

from backupd.domain.runs import RunState
from connectors.sdk.records import Delete
from tests.unit.runs.house import STREAM, House
from tests.unit.runs.scripted import ScriptedStream, checkpoint, end, upsert


def test_everything_said_is_stored_and_recorded(house: House) -> None:
    result = house.run(ScriptedStream([upsert("a"), upsert("b"), checkpoint("1"), upsert("c"), end()]))
    assert (result.state, result.items, result.snapshots) == (RunState.COMPLETED, 3, 1)
    assert house.current() == {"a": b"bytes of a", "b": b"bytes of b", "c": b"bytes of c"}
    assert [(row.seq, row.complete, row.upserts) for row in house.rows()] == [(1, True, 3)]
    run = house.last_run()
    assert (run.state, run.items, run.bytes_in) == (RunState.COMPLETED, 3, 30)
    assert house.stream().head == (1, house.rows()[0].hash)


def test_a_slice_ends_at_the_first_checkpoint_when_it_is_full(house: House) -> None:
    script = [upsert("a"), upsert("b"), checkpoint("1"), upsert("c"), checkpoint("2"), upsert("d"), end()]
    result = house.run(ScriptedStream(script), slice_entries=2)
    assert result.snapshots == 2
    assert [(info.cursor, info.complete) for info in house.vault.snapshots(STREAM)] == [
        (b"1", False),
        (b"end", True),
    ]
    assert set(house.current()) == {"a", "b", "c", "d"}


def test_a_slice_ends_when_its_time_is_over(house: House) -> None:
    def a_minute_passes() -> None:
        house.monotonic_s += 61

    script = [upsert("a"), a_minute_passes, checkpoint("1"), upsert("b"), checkpoint("2"), end()]
    assert house.run(ScriptedStream(script)).snapshots == 2


def test_the_point_in_time_is_when_the_source_was_asked(house: House) -> None:
    def time_passes() -> None:
        house.now_ms += 60_000

    before_ms = house.now_ms
    house.run(ScriptedStream([upsert("a"), time_passes, end()]))
    assert house.rows()[0].as_of_ms == before_ms + 1


def test_the_next_run_goes_on_from_the_cursor(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("one")]))
    source = ScriptedStream([upsert("b"), Delete("a"), end("two")])
    result = house.run(source)
    assert source.cursors == [b"one"]
    assert (result.items, result.deletes) == (1, 1)
    assert set(house.current()) == {"b"}


def test_an_unchanged_run_writes_nothing_but_keeps_its_cursor(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("one")]))
    before = house.objects()
    result = house.run(ScriptedStream([end("two")]))
    assert (result.state, result.snapshots, house.objects()) == (RunState.COMPLETED, 0, before)
    source = ScriptedStream([end("three")])
    house.run(source)
    assert source.cursors == [b"two"]


def test_a_cursor_of_an_unchanged_run_ends_with_the_head_it_followed(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("one")]))
    house.run(ScriptedStream([end("two")]))
    house.run(ScriptedStream([upsert("b"), end("three")]))
    source = ScriptedStream([end("four")])
    house.run(source)
    assert source.cursors == [b"three"]


def test_a_move_does_not_look_like_a_loss(house: House) -> None:
    house.run(ScriptedStream([upsert("a", folder="Inbox"), upsert("b", folder="Inbox"), end("one")]))
    moved = [upsert("a", folder="Archive"), Delete("a", "Inbox"), Delete("b", "Inbox"), end("two")]
    house.run(ScriptedStream(moved))
    assert set(house.current()) == {"a"}


def test_a_delete_from_a_folder_it_left_earlier_is_void(house: House) -> None:
    house.run(ScriptedStream([upsert("a", folder="Archive"), end("one")]))
    house.run(ScriptedStream([Delete("a", "Inbox"), end("two")]))
    assert set(house.current()) == {"a"}


def test_progress_ends_with_the_whole_numbers(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), upsert("b"), end()]))
    assert house.told[-1].items == 2
