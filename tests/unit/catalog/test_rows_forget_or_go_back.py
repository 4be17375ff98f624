"""Heads never go back, cursors belong to their head, a run ends once, and failures remember since when."""

import pytest
from sqlalchemy.exc import IntegrityError

from backupd.catalog import accounts, failures, runs, snapshots, streams
from backupd.catalog.database import Catalog
from backupd.domain.runs import RunKind, RunState

STREAM = "con-1/alice/mail"


def stream_of(catalog: Catalog) -> streams.Stream:
    with catalog.reading() as tx:
        found = streams.get(tx, STREAM)
    assert found is not None
    return found


def test_a_head_never_goes_back(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        streams.remember_head(tx, STREAM, 2, b"two")
        streams.remember_head(tx, STREAM, 1, b"one")
    assert stream_of(catalog).head == (2, b"two")


def test_a_newer_head_drops_the_cursor_of_the_older(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        streams.remember_head(tx, STREAM, 1, b"one")
        streams.remember_cursor(tx, STREAM, 1, b"after one")
        streams.remember_head(tx, STREAM, 2, b"two")
    assert stream_of(catalog).newer_cursor is None


def test_a_cursor_of_a_head_that_moved_is_not_kept(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        streams.remember_head(tx, STREAM, 2, b"two")
        streams.remember_cursor(tx, STREAM, 1, b"after one")
    assert stream_of(catalog).newer_cursor is None


def test_a_failed_run_leaves_the_last_proof(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        streams.note_run(tx, STREAM, RunState.COMPLETED, 20, 10)
        streams.note_run(tx, STREAM, RunState.FAILED, 40, None)
    found = stream_of(catalog)
    assert (found.proven_ms, found.last_state, found.last_run_ms) == (10, "failed", 40)


def run(run_id: str) -> runs.Run:
    return runs.Run(run_id, RunKind.BACKUP, "org-1", STREAM, RunState.RUNNING, 1)


def test_one_stream_has_one_running_backup(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        runs.start(tx, run("run-1"))
    with pytest.raises(IntegrityError), catalog.writing() as tx:
        runs.start(tx, run("run-2"))


def test_a_run_ends_once(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        runs.start(tx, run("run-1"))
        assert runs.finish(tx, "run-1", runs.Outcome(RunState.COMPLETED, items=3), 5)
        assert not runs.finish(tx, "run-1", runs.Outcome(RunState.FAILED), 6)
        found = runs.get(tx, "run-1")
    assert found is not None and (found.state, found.items, found.ended_ms) == (RunState.COMPLETED, 3, 5)


def test_a_run_whose_process_died_makes_room(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        runs.start(tx, run("run-1"))
        assert runs.interrupt(tx, STREAM, 9) == 1
        runs.start(tx, run("run-2"))
        assert [(one.id, one.state) for one in runs.recent(tx, "org-1", 5)] == [
            ("run-1", RunState.INTERRUPTED),
            ("run-2", RunState.RUNNING),
        ]


def failure(item_id: str, since_ms: int) -> failures.PendingFailure:
    return failures.PendingFailure(STREAM, item_id, "vanished", "It was gone.", "Inbox", "a.eml", since_ms)


def test_failures_remember_since_when(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        failures.replace(tx, STREAM, [failure("a", 1), failure("b", 1)])
        failures.replace(tx, STREAM, [failure("b", 7), failure("c", 7)])
        assert [(one.item_id, one.since_ms) for one in failures.of_streams(tx, [STREAM])] == [
            ("b", 1),
            ("c", 7),
        ]
        assert failures.counts(tx, [STREAM]) == {STREAM: 2}


def snapshot(seq: int) -> snapshots.Snapshot:
    return snapshots.Snapshot(STREAM, seq, b"h", "run-1", seq, seq, True, 1, 0, 0, 10, 5)


def test_snapshot_rows_may_be_written_twice_and_forgotten(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        snapshots.add(tx, [snapshot(1), snapshot(2)])
        snapshots.add(tx, [snapshot(2), snapshot(3)])
        assert [one.seq for one in snapshots.of_stream(tx, STREAM)] == [1, 2, 3]
        snapshots.keep_only(tx, STREAM, {1, 3})
        assert [one.seq for one in snapshots.of_stream(tx, STREAM)] == [1, 3]


def test_an_account_that_comes_back_is_no_longer_gone(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        accounts.gone(tx, ["acc-1"], 5)
        assert accounts.of_connection(tx, "con-1")[0].gone_ms == 5
        accounts.gone(tx, ["acc-1"], 9)
        assert accounts.of_connection(tx, "con-1")[0].gone_ms == 5
        accounts.found(tx, "acc-1", "Alice B")
        assert accounts.of_connection(tx, "con-1")[0] == accounts.Account(
            "acc-1", "con-1", "alice", "Alice B", "folder", 1
        )
