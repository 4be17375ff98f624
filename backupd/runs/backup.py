"""One backup of one stream, from top to bottom.

    connector -> changes -> slice -> commit -> catalog row

The connector yields what changed since the cursor. Each change goes into the vault's open slice. A slice ends at the
first checkpoint after 60 s or 32,000 entries: it is committed with the checkpoint's cursor, its row is written
to the catalog, and the next slice begins, until the connector says that the stream has been read to its end.

What can happen on the way, and what is done:

* one item cannot be had (`Skippable`, `Skipped`): a pending failure is recorded beside the last good version;
* the source is busy (`Retriable`): what the last checkpoint covers is committed, the run waits, then goes on there;
* the source refuses (`AuthExpired`, `Permanent`): what the last checkpoint covers is committed, the run ends so;
* somebody stops the run: it is committed at the next checkpoint;
* anything else (full disk, Ctrl-C twice, another writer): the slice is dropped, and the vault is as it was before it;
* the process dies between commit and catalog row: the next run finds the newer head in the vault and adopts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backupd.catalog import failures, runs, snapshots, streams
from backupd.catalog.database import Catalog
from backupd.domain.runs import RunKind, RunState
from backupd.errors import BackupdError
from backupd.runs.lock import stream_lock
from backupd.runs.surroundings import Pulse, Surroundings
from backupd.vault.entries import Failure
from backupd.vault.slice import Slice
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault
from connectors.sdk.contract import Stream
from connectors.sdk.errors import AuthExpired, ConnectorError, Permanent, Retriable, Skippable
from connectors.sdk.errors import Integrity as SourceIntegrity
from connectors.sdk.records import Change, Checkpoint, Delete, Item, Skipped, Upsert

ATTEMPTS = 5
"""How often in a row a busy source is asked without getting one checkpoint further."""
ITEM_ATTEMPTS = 3
"""How often one busy item is asked for before it becomes a pending failure."""
LONGEST_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class BackupOrder:
    """What to back up: a stream, for whom, under which run id. `label` is the stream's name for people."""

    run_id: str
    organization_id: str
    stream: str
    label: str
    locks: Path
    slice_s: float = 60.0
    slice_entries: int = 32_000


@dataclass(slots=True)
class BackupResult:
    """What one backup did. `items` counts stored item versions; `failures` what is pending after it.

    `missed` counts the items that this run could not have, `snapshots` its commits; sizes are bytes.
    """

    run_id: str
    stream: str
    state: RunState = RunState.RUNNING
    message: str = ""
    items: int = 0
    deletes: int = 0
    failures: int = 0
    bytes_in: int = 0
    bytes_stored: int = 0
    snapshots: int = 0
    missed: int = 0

    def outcome(self) -> runs.Outcome:
        """Return the result as the run's row holds it."""
        return runs.Outcome(
            self.state,
            self.items,
            self.deletes,
            self.failures,
            self.bytes_in,
            self.bytes_stored,
            self.message,
        )


def back_up(
    order: BackupOrder, source: Stream, vault: Vault, catalog: Catalog, surroundings: Surroundings
) -> BackupResult:
    """Back up one stream once.

    Faults of the source end in the result's state and message. Faults of ours are raised: `Busy` (another process
    backs the stream up), `RolledBack`, `StoreFull`, `StoreDenied`, `Integrity`...; the run's row says the same.
    """
    with stream_lock(order.locks, order.stream, order.label):
        started_ms = surroundings.now_ms()
        remembered = _start(order, catalog, started_ms)
        result = BackupResult(order.run_id, order.stream)
        try:
            _Backup(order, source, vault, catalog, surroundings, started_ms, result).run(remembered)
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            result.state = RunState.STOPPED if stopped else RunState.FAILED
            result.message = error.message if isinstance(error, BackupdError) else type(error).__name__
            raise
        finally:
            _finish(result, vault, catalog, started_ms, surroundings.now_ms())
        return result


def _start(order: BackupOrder, catalog: Catalog, started_ms: int) -> streams.Stream:
    """Write the run's row and return what is remembered of the stream."""
    run = runs.Run(
        order.run_id, RunKind.BACKUP, order.organization_id, order.stream, RunState.RUNNING, started_ms
    )
    with catalog.writing() as tx:
        # The lock is ours, so a row that still says "running" is of a process that died.
        runs.interrupt(tx, order.stream, started_ms)
        runs.start(tx, run)
        remembered = streams.get(tx, order.stream)
    assert remembered is not None, "discovery writes the stream's row before its first backup"
    return remembered


class _Backup:
    """The running backup: the open slice, the last checkpoint in it, and where the next one would go on."""

    def __init__(
        self,
        order: BackupOrder,
        source: Stream,
        vault: Vault,
        catalog: Catalog,
        surroundings: Surroundings,
        started_ms: int,
        result: BackupResult,
    ) -> None:
        self._order = order
        self._source = source
        self._vault = vault
        self._catalog = catalog
        self._surroundings = surroundings
        # A snapshot is as of the moment the source was asked: whatever changes while it is read belongs to the next.
        self._as_of_ms = started_ms
        self._result = result
        self._pulse = Pulse(surroundings)
        self._head: tuple[int, bytes] | None = None
        self._cursor: bytes | None = None
        self._checkpoint: Checkpoint | None = None
        self._places: dict[str, str] = {}
        self._slice_began_s = 0.0

    def run(self, remembered: streams.Stream) -> None:
        """Read the stream to its end, or to where it has to stop; the result says which."""
        self._head = remembered.head
        self._open_slice()
        try:
            self._cursor = self._adopt(remembered)
            attempt = 0
            while not self._result.state.ended:
                snapshots_before = self._result.snapshots
                try:
                    self._follow()
                except Retriable as error:
                    self._keep_what_is_said()
                    attempt = 1 if self._result.snapshots > snapshots_before else attempt + 1
                    self._open_slice()
                    if attempt >= ATTEMPTS or not self._wait(attempt, error.after_s):
                        self._end(RunState.STOPPED if self._stopping() else RunState.FAILED, str(error))
                except ConnectorError as error:
                    self._keep_what_is_said()
                    refused = isinstance(error, AuthExpired)
                    self._end(RunState.AUTH_EXPIRED if refused else RunState.FAILED, str(error))
        except BaseException:
            self._slice.abort()
            raise
        finally:
            self._pulse.end()

    def _follow(self) -> None:
        """Take the connector's changes from the cursor on; returns at the stream's end or when stopped."""
        for change in self._source.changes(self._cursor, self._slice.known):
            if isinstance(change, Upsert):
                self._take(change)
            elif isinstance(change, Checkpoint):
                self._checkpoint = change
                if change.complete:
                    self._commit(change, complete=True)
                    self._end(RunState.COMPLETED)
                elif self._stopping():
                    self._commit(change, complete=False)
                    self._end(RunState.STOPPED, "Stopped; the next backup goes on from here.")
                elif self._slice_is_full():
                    self._commit(change, complete=False)
                    self._open_slice()
                if self._result.state.ended:
                    return
            else:
                self._note(change)
        raise Permanent("The source ended without saying that it was read to its end.")

    def _take(self, change: Upsert) -> None:
        """Store one new or changed item, or note why it cannot be had."""
        item = change.item
        for attempt in range(1, ITEM_ATTEMPTS + 1):
            try:
                if change.open is None:
                    self._slice.upsert(item, None)
                else:
                    with change.open() as content:
                        self._slice.upsert(item, content)
                self._places[item.id] = item.folder
            except Skippable as error:
                self._miss(item, error.reason, str(error))
            except SourceIntegrity as error:
                self._miss(item, "integrity", str(error))
            except Retriable as error:
                if attempt < ITEM_ATTEMPTS and self._wait(attempt, error.after_s):
                    continue
                self._miss(item, "unavailable", str(error))
            break
        self._pulse.item(item.size_bytes, item.folder)

    def _note(self, change: Change) -> None:
        """Record a deletion, or an item that the connector already knows it cannot give."""
        if isinstance(change, Delete):
            if change.folder is None or change.folder == self._place(change.id):
                self._slice.delete(change.id)
            # Else it was moved: "gone from there" came after "now lives here", and is void.
        elif isinstance(change, Skipped):
            self._result.missed += 1
            self._slice.fail(change.id, Failure(change.reason, change.message, change.folder, change.name))

    def _miss(self, item: Item, reason: str, message: str) -> None:
        self._result.missed += 1
        self._slice.fail(item.id, Failure(reason, message, item.folder, item.name))

    def _place(self, item_id: str) -> str | None:
        """Return the folder the item lives in now, by what this run and the snapshots before it said."""
        if item_id in self._places:
            return self._places[item_id]
        version = self._slice.known.get(item_id)
        return None if version is None else version.folder

    def _open_slice(self) -> None:
        """Begin a slice on the remembered head; raises `RolledBack` if the vault shows another history."""
        self._checkpoint = None
        self._places = {}
        self._slice_began_s = self._surroundings.monotonic()
        self._slice: Slice = self._vault.slice(self._order.stream, self._order.run_id, expect=self._head)

    def _adopt(self, remembered: streams.Stream) -> bytes | None:
        """Return the cursor to begin with, and write the rows of snapshots whose run died before it could."""
        head = self._slice.head
        if head is None:
            return remembered.newer_cursor
        if remembered.head_seq == head.seq:
            return remembered.newer_cursor or head.cursor
        timeline = self._vault.timeline(self._order.stream)
        missing = [timeline.info(seq) for seq in range((remembered.head_seq or 0) + 1, head.seq)]
        self._record([*(info for info in missing if not info.retired), head])
        self._head = (head.seq, head.hash)
        return head.cursor

    def _slice_is_full(self) -> bool:
        age_s = self._surroundings.monotonic() - self._slice_began_s
        return self._slice.entries >= self._order.slice_entries or age_s >= self._order.slice_s

    def _commit(self, checkpoint: Checkpoint, *, complete: bool) -> None:
        """Commit the open slice with the checkpoint's cursor: first the vault, then the catalog."""
        info = self._slice.commit(checkpoint.cursor, complete=complete, as_of_ms=self._as_of_ms)
        self._cursor = checkpoint.cursor
        if info is None:
            # Nothing changed: nothing is written to the vault, and only the catalog learns of the newer cursor.
            seq = self._head[0] if self._head else None
            with self._catalog.writing() as tx:
                streams.remember_cursor(tx, self._order.stream, seq, checkpoint.cursor)
            return
        self._head = (info.seq, info.hash)
        result = self._result
        result.snapshots += 1
        result.items += info.upserts
        result.deletes += info.deletes
        result.bytes_in += info.bytes_in
        result.bytes_stored += info.bytes_stored
        self._record([info])
        self._vault.keep_short(self._order.stream, info.seq)

    def _record(self, infos: list[SnapshotInfo]) -> None:
        """Write the rows of committed snapshots and remember the newest as head."""
        with self._catalog.writing() as tx:
            snapshots.add(tx, [snapshot_row(info) for info in infos])
            streams.remember_head(tx, self._order.stream, infos[-1].seq, infos[-1].hash)

    def _keep_what_is_said(self) -> None:
        """Before waiting or ending early: commit what the last checkpoint covers, or drop the slice."""
        if self._checkpoint is None:
            self._slice.abort()
        else:
            # What came after the checkpoint is committed too; it is true, and being said again does no harm.
            self._commit(self._checkpoint, complete=False)

    def _stopping(self) -> bool:
        return self._surroundings.stop.is_set()

    def _wait(self, attempt: int, after_s: float) -> bool:
        """Wait as the source asks, but longer at each attempt; False if the run was stopped meanwhile."""
        self._surroundings.sleep(min(LONGEST_WAIT_S, max(after_s, 0.5 * 2**attempt)))
        return not self._stopping()

    def _end(self, state: RunState, message: str = "") -> None:
        self._result.state = state
        self._result.message = message


def _finish(result: BackupResult, vault: Vault, catalog: Catalog, started_ms: int, ended_ms: int) -> None:
    """Write what the run did: pending failures, the stream's freshness, the run's row."""
    with catalog.reading() as tx:
        remembered = streams.get(tx, result.stream)
        had_failures = bool(failures.counts(tx, [result.stream]))
    pending = None
    # Without old or new failures the list cannot have changed, and the whole view need not be read for it.
    if result.state.succeeded and (result.missed or had_failures) and remembered is not None:
        pending = pending_failures(vault, result.stream, remembered.head_seq, ended_ms)
        result.failures = len(pending)
        if pending:
            result.state = RunState.PARTIAL
    with catalog.writing() as tx:
        if pending is not None:
            failures.replace(tx, result.stream, pending)
        proven_ms = started_ms if result.state.succeeded else None
        streams.note_run(tx, result.stream, result.state, ended_ms, proven_ms)
        runs.finish(tx, result.run_id, result.outcome(), ended_ms)


def pending_failures(
    vault: Vault, stream: str, seq: int | None, now_ms: int
) -> list[failures.PendingFailure]:
    """Return what the stream's state at `seq` says could not be had, as rows of the catalog."""
    return [
        failures.PendingFailure(
            stream, item_id, failure.reason, failure.message, failure.folder, failure.name, now_ms
        )
        for item_id, failure in (vault.view(stream, seq).failures() if seq else ())
    ]


def snapshot_row(info: SnapshotInfo) -> snapshots.Snapshot:
    """Return the catalog's row for a committed snapshot."""
    return snapshots.Snapshot(
        info.stream,
        info.seq,
        info.hash,
        info.run_id,
        info.as_of_ms,
        info.committed_ms,
        info.complete,
        info.upserts,
        info.deletes,
        info.failures,
        info.bytes_in,
        info.bytes_stored,
    )
