"""Stopped, killed, overtaken, rolled back: the vault is whole, the catalog heals, and the sentence is clear."""

import pytest

from backupd.catalog import runs, streams
from backupd.domain.runs import RunKind, RunState
from backupd.errors import Busy, RolledBack, StoreFull
from backupd.runs.backup import back_up
from backupd.runs.lock import stream_lock
from backupd.vault.slice import Slice
from backupd.vault.vault import Vault
from tests.unit.runs.house import STREAM, House
from tests.unit.runs.scripted import ScriptedStream, checkpoint, end, upsert


def test_a_stopped_run_commits_at_the_next_checkpoint(house: House) -> None:
    source = ScriptedStream([upsert("a"), house.stop.set, upsert("b"), checkpoint("1"), upsert("c"), end()])
    result = house.run(source)
    assert (result.state, set(house.current())) == (RunState.STOPPED, {"a", "b"})
    assert house.vault.snapshots(STREAM)[0].cursor == b"1"
    assert house.stream().proven_ms is None


def test_a_run_that_is_stopped_at_once_writes_nothing(house: House) -> None:
    with pytest.raises(KeyboardInterrupt):
        house.run(ScriptedStream([upsert("a"), KeyboardInterrupt()]))
    assert house.vault.head(STREAM) is None
    assert house.last_run().state is RunState.STOPPED


def test_a_dropped_slice_gives_back_what_it_holds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = []
    monkeypatch.setattr(Slice, "abort", lambda self: dropped.append(self.entries))
    with pytest.raises(KeyboardInterrupt):
        house.run(ScriptedStream([upsert("a"), checkpoint("1"), upsert("b"), KeyboardInterrupt()]))
    assert dropped == [2]


def test_waiting_for_a_busy_source_ends_when_stopped(house: House) -> None:
    from connectors.sdk.errors import Retriable

    source = ScriptedStream([upsert("a"), house.stop.set, Retriable("Busy.", 60.0)])
    assert house.run(source).state is RunState.STOPPED


def test_a_fault_of_ours_fails_the_run_and_is_raised(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreFull("The disk is full.")

    monkeypatch.setattr(house.store, "create", full)
    with pytest.raises(StoreFull):
        house.run(ScriptedStream([upsert("a"), end()]))
    assert (house.last_run().state, house.last_run().message) == (RunState.FAILED, "The disk is full.")
    monkeypatch.undo()
    assert house.run(ScriptedStream([upsert("a"), end()])).state is RunState.COMPLETED


def test_a_second_process_is_told_at_once(house: House) -> None:
    order = house.order()
    with stream_lock(order.locks, STREAM, "Alice/mail"), pytest.raises(Busy) as caught:
        back_up(order, ScriptedStream([end()]), house.vault, house.catalog, house.surroundings)
    assert "Alice/mail" in caught.value.message


def test_a_row_of_a_dead_process_does_not_block_the_next_run(house: House) -> None:
    with house.catalog.writing() as tx:
        runs.start(tx, runs.Run("run-dead", RunKind.BACKUP, "org-1", STREAM, RunState.RUNNING, 1))
    assert house.run(ScriptedStream([upsert("a"), end()])).state is RunState.COMPLETED
    with house.catalog.reading() as tx:
        dead = runs.get(tx, "run-dead")
    assert dead is not None and dead.state is RunState.INTERRUPTED


def test_a_commit_whose_row_was_lost_is_adopted(house: House) -> None:
    """The process dies between the vault's commit and the catalog's row."""
    house.run(ScriptedStream([upsert("a"), end("one")]))
    lost = house.vault.slice(STREAM, "run-lost")
    lost.upsert(upsert("b").item, b"b")
    lost.commit(b"two", complete=True, as_of_ms=1)
    source = ScriptedStream([upsert("c"), end("three")])
    house.run(source)
    assert source.cursors == [b"two"]
    assert [row.seq for row in house.rows()] == [1, 2, 3]
    assert house.stream().head_seq == 3


def test_a_catalog_that_lost_everything_adopts_the_vault(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("one")]))
    with house.catalog.writing() as tx:
        tx.execute(streams.TABLE.update().values(head_seq=None, head_hash=None))
    source = ScriptedStream([end("two")])
    house.run(source)
    assert source.cursors == [b"one"]
    assert house.stream().head_seq == 1


def test_a_vault_that_was_rolled_back_is_refused(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("one")]))
    copy = {name: house.store.get(name) for name in house.objects()}
    house.run(ScriptedStream([upsert("b"), end("two")]))
    for name in house.objects():
        if name not in copy:
            house.store.delete(name)
    before = house.objects()
    with pytest.raises(RolledBack):
        house.run(ScriptedStream([upsert("c"), end("three")]))
    assert house.objects() == before
    assert house.last_run().state is RunState.FAILED


def test_another_writer_that_was_first_is_busy_not_damage(house: House) -> None:
    def another_commits() -> None:
        other = Vault.open(
            house.store, house.keys, cache_path=house.root / "other", spool_dir=house.root / "spool2"
        )
        overtaking = other.slice(STREAM, "run-other")
        overtaking.upsert(upsert("x").item, b"x")
        overtaking.commit(b"other", complete=True, as_of_ms=1)

    with pytest.raises(Busy):
        house.run(ScriptedStream([upsert("a"), another_commits, end("one")]))
    assert set(house.current()) == {"x"}
    source = ScriptedStream([upsert("a"), end("two")])
    house.run(source)
    assert source.cursors == [b"other"]
    assert set(house.current()) == {"a", "x"}
