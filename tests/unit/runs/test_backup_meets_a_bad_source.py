"""Bad items never stop a stream, busy sources are waited for, refusals end the run with a clear state."""

import io
from typing import BinaryIO

from backupd.domain.runs import RunState
from connectors.sdk.errors import AuthExpired, Integrity, Permanent, Retriable, Skippable
from connectors.sdk.records import Skipped, Upsert
from tests.unit.runs.house import STREAM, House
from tests.unit.runs.scripted import ScriptedStream, broken, checkpoint, end, item, upsert


def test_a_bad_item_is_pending_and_the_others_go_on(house: House) -> None:
    bad = broken("bad", Skippable("too-large", "Too large."))
    result = house.run(
        ScriptedStream([upsert("a"), bad, Skipped("gone", "vanished", "Gone."), upsert("z"), end()])
    )
    assert (result.state, result.failures) == (RunState.PARTIAL, 2)
    assert house.pending() == [("bad", "too-large"), ("gone", "vanished")]
    assert set(house.current()) == {"a", "z"}


def test_an_item_that_fails_while_it_is_read_leaves_nothing_of_it(house: House) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise Skippable("changed-while-read", "It changed.")

    def open_it() -> BinaryIO:
        return Torn()

    house.run(ScriptedStream([Upsert(item("torn"), open_it), upsert("a"), end()]))
    assert set(house.current()) == {"a"}
    assert house.pending() == [("torn", "changed-while-read")]


def test_bytes_that_contradict_the_source_are_not_stored(house: House) -> None:
    house.run(ScriptedStream([broken("a", Integrity("Not the length it said.")), end()]))
    assert house.pending() == [("a", "integrity")]


def test_a_failure_stands_beside_the_last_good_version(house: House) -> None:
    house.run(ScriptedStream([upsert("a", b"good"), end("one")]))
    house.run(ScriptedStream([broken("a", Skippable("locked", "Locked.")), end("two")]))
    assert house.current() == {"a": b"good"}
    assert house.pending() == [("a", "locked")]


def test_a_failure_is_over_when_the_item_can_be_had(house: House) -> None:
    house.run(ScriptedStream([broken("a", Skippable("locked", "Locked.")), end("one")]))
    result = house.run(ScriptedStream([upsert("a"), end("two")]))
    assert (house.pending(), result.state) == ([], RunState.COMPLETED)


def test_the_same_failure_again_writes_nothing(house: House) -> None:
    house.run(ScriptedStream([Skipped("a", "locked", "Locked."), end("one")]))
    before = house.objects()
    result = house.run(ScriptedStream([Skipped("a", "locked", "Locked."), end("two")]))
    assert house.objects() == before
    assert (result.state, result.failures) == (RunState.PARTIAL, 1)


def test_a_busy_item_is_asked_again_and_then_stored(house: House) -> None:
    house.run(ScriptedStream([broken("a", Retriable("Busy.", 7.0), Retriable("Busy.")), end()]))
    assert house.current() == {"a": b"at last"}
    assert house.slept[0] == 7.0 and len(house.slept) == 2


def test_an_item_that_stays_busy_becomes_pending(house: House) -> None:
    house.run(ScriptedStream([broken("a", *[Retriable("Busy.")] * 9), upsert("b"), end()]))
    assert house.pending() == [("a", "unavailable")]
    assert set(house.current()) == {"b"}


def test_a_busy_source_goes_on_from_the_last_checkpoint(house: House) -> None:
    source = ScriptedStream(
        [upsert("a"), checkpoint("1"), upsert("b"), Retriable("Busy.", 3.0)],
        [upsert("b"), upsert("c"), end()],
    )
    result = house.run(source)
    assert source.cursors == [None, b"1"]
    assert house.slept == [3.0]
    assert (result.state, set(house.current())) == (RunState.COMPLETED, {"a", "b", "c"})


def test_a_source_that_is_busy_before_any_checkpoint_starts_over(house: House) -> None:
    source = ScriptedStream([upsert("a"), Retriable("Busy.")], [upsert("a"), end()])
    assert house.run(source).state is RunState.COMPLETED
    assert source.cursors == [None, None]
    assert len(house.rows()) == 1


def test_a_source_that_stays_busy_ends_the_run_after_bounded_attempts(house: House) -> None:
    source = ScriptedStream(*[[Retriable("Busy as ever.", 10_000.0)] for _ in range(9)])
    result = house.run(source)
    assert (result.state, result.message) == (RunState.FAILED, "Busy as ever.")
    assert len(source.cursors) == 5
    assert max(house.slept) <= 120
    assert house.last_run().message == "Busy as ever."


def test_progress_makes_a_busy_source_patient_again(house: House) -> None:
    scripts = [[upsert(f"i{n}"), checkpoint(str(n)), Retriable("Busy.")] for n in range(8)]
    result = house.run(ScriptedStream(*scripts, [end()]))
    assert result.state is RunState.COMPLETED
    assert len(house.current()) == 8


def test_an_expired_sign_in_keeps_what_the_last_checkpoint_covers(house: House) -> None:
    source = ScriptedStream([upsert("a"), checkpoint("1"), AuthExpired("Sign in again.")])
    result = house.run(source)
    assert (result.state, result.message) == (RunState.AUTH_EXPIRED, "Sign in again.")
    assert [(info.cursor, info.complete) for info in house.vault.snapshots(STREAM)] == [(b"1", False)]
    assert house.stream().proven_ms is None


def test_a_refusal_without_checkpoint_writes_nothing(house: House) -> None:
    before = house.objects()
    result = house.run(ScriptedStream([upsert("a"), Permanent("The mailbox is gone.")]))
    assert (result.state, result.message) == (RunState.FAILED, "The mailbox is gone.")
    assert [name for name in house.objects() if name not in before and "packs" not in name] == []


def test_a_source_that_just_ends_is_not_complete(house: House) -> None:
    result = house.run(ScriptedStream([upsert("a"), checkpoint("1")]))
    assert result.state is RunState.FAILED
    assert not any(info.complete for info in house.vault.snapshots(STREAM))
