"""The state machine: everything that happens to a vault, in any order, against plain dictionaries."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from backupd.domain.retention import DAY_MS, Retention
from backupd.errors import Busy, KeyDenied, StoreFull, StoreUnavailable
from backupd.vault.entries import Failure
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.holds import Hold, place_hold, release_hold
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.rebuild import rebuild_index
from backupd.vault.maintenance.reports import PruneReport
from backupd.vault.maintenance.retention import clear_retention, set_retention
from backupd.vault.slice import Slice, SliceExpired, StreamMoved
from backupd.vault.stores.base import Store
from backupd.vault.stores.faulty import Crash, Fault, FaultyStore, Moment
from backupd.vault.stores.memory import MemoryStore
from backupd.vault.vault import Vault
from tests.vault_model.backing_up import Change
from tests.vault_model.inline import InlineExecutor
from tests.vault_model.items import message, noise, prose
from tests.vault_model.place import Place
from tests.vault_model.reference import Reference, State, assert_same
from tests.vault_model.stores import InterruptedStore

STREAMS = ["connection/one/mail", "connection/two/drive"]
IDS = ["a", "b", "m1", "m2", "c"]
PAPERS = [noise(n, 900) for n in range(3)]
CONTENTS: list[bytes | None] = [
    None,
    b"",
    b"small",
    *PAPERS,
    message(PAPERS[:1]),
    message(PAPERS[1:]),
    *[noise(10 + n, 3_000) for n in range(4)],
    prose(1, 20_000),
]

upserts = st.dictionaries(st.sampled_from(IDS), st.integers(0, len(CONTENTS) - 1), max_size=4)
deletes = st.lists(st.sampled_from(IDS), max_size=2, unique=True)
failures = st.dictionaries(
    st.sampled_from(IDS), st.sampled_from([Failure("gone", "1"), Failure("gone", "2")]), max_size=1
)
streams = st.sampled_from(STREAMS)
operations = st.integers(1, 60)
moments = st.sampled_from(list(Moment))
waits = st.sampled_from([1_300, 90_000, 0, 400])


class Pending(NamedTuple):
    """A slice that goes on while other things happen."""

    slice: Slice
    stream: str
    change: Change


class VaultMachine(RuleBasedStateMachine):
    """Does things to a vault and to a reference; they never differ."""

    counts: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory()))
        (folder / "spool").mkdir()
        for name, value in {
            "packer.ThreadPoolExecutor": InlineExecutor,
            "packer.TARGET_BYTES": 6_000,
            "packer.FRAME_BYTES": 2_000,
            "slice.EMBEDDED_BLOBS": 2,
            "maintenance.condemn.SMALL_BYTES": 2_500,
            "maintenance.condemn.SMALL_AT_LEAST": 4,
            "maintenance.merging.SMALL_AT_LEAST": 3,
        }.items():
            self.cleanup.enter_context(mock.patch(f"backupd.vault.{name}", value))
        self.place = Place(folder)
        self.cleanup.callback(self.place.close)
        (folder / "elsewhere" / "spool").mkdir(parents=True)
        self.elsewhere = Place(folder / "elsewhere", self.store, seed=2, clock=self.place.clock)
        self.cleanup.callback(self.elsewhere.close)
        self.reference = Reference()
        self.pending: Pending | None = None
        self.retention_days: int | None = None
        self.held = False
        self.runs = 0

    @initialize()
    def make(self) -> None:
        """Make the vault."""
        self.vault = self.place.create()
        self.retention(1)

    @rule(stream=streams, upserts=upserts, deletes=deletes, failures=failures, complete=st.booleans())
    def write(
        self,
        stream: str,
        upserts: dict[str, int],
        deletes: list[str],
        failures: dict[str, Failure],
        complete: bool,
    ) -> None:
        """Run one slice to its end."""
        self.run_slice(self.store, stream, self.change(upserts, deletes, failures, complete))
        self.count("slices")

    @rule(stream=streams, upserts=upserts, at=operations, moment=moments, keep_cache=st.booleans())
    def write_killed(
        self, stream: str, upserts: dict[str, int], at: int, moment: Moment, keep_cache: bool
    ) -> None:
        """Kill a slice at one of its store operations; start again with or without the cache file."""
        store = FaultyStore.crashing(self.store, at, moment)
        self.run_slice(store, stream, self.change(upserts, [], {}, True))
        self.count("slices killed" if store.crashed else "slices")
        self.reopen(keep_cache)

    @rule(
        stream=streams,
        upserts=upserts,
        at=operations,
        moment=moments,
        times=st.integers(1, 3),
        error=st.sampled_from([StoreFull("full"), StoreUnavailable("away")]),
    )
    def write_with_faults(
        self,
        stream: str,
        upserts: dict[str, int],
        at: int,
        moment: Moment,
        times: int,
        error: Exception,
    ) -> None:
        """Let the store fail under a slice; the process lives on, with what it believes to know."""
        store = FaultyStore(self.store, [Fault(at, moment, error, times)])
        self.run_slice(store, stream, self.change(upserts, [], {}, True))
        self.count("slices with faults")

    @precondition(lambda self: self.pending is None)
    @rule(stream=streams, upserts=upserts, deletes=deletes)
    def begin_slice(self, stream: str, upserts: dict[str, int], deletes: list[str]) -> None:
        """Begin a slice that goes on while other things happen."""
        change = self.change(upserts, deletes, {}, True)
        running = self.elsewhere.open().slice(stream, self.run_id())
        change.say(running)
        self.pending = Pending(running, stream, change)

    @precondition(lambda self: self.pending is not None)
    @rule()
    def end_slice(self) -> None:
        """Commit it, if it still may."""
        assert self.pending is not None
        (running, stream, change), self.pending = self.pending, None
        try:
            info = running.commit(change.cursor, complete=change.complete, as_of_ms=change.as_of_ms)
        except SliceExpired:
            self.count("slow slices expired")
        except StreamMoved:
            self.count("slow slices outrun")
        except KeyDenied:
            # The winner was sealed with a key that was made after this slice began.
            self.count("slow slices outrun after a rotation")
        else:
            if info is not None:
                assert self.reference.commit(stream, change.after(self.reference.head(stream))) == info.seq
            self.count("slow slices committed")
        finally:
            self.elsewhere.close()

    @rule(machine=st.sampled_from(["main", "another machine", "a third machine"]), wait_s=waits)
    def prune(self, machine: str, wait_s: int) -> None:
        """Prune on some machine."""
        self.place.clock.advance(wait_s)
        with suppress(Busy):
            report = prune(self.place.open(cache=machine))
            assert not report.findings
            self.count_report(report)
        self.count("prunes")
        self.absorb_expiry()

    @rule(
        at=operations,
        upserts=upserts,
        stream=streams,
        meanwhile=st.sampled_from(["prune", "slice", "end"]),
        wait_s=waits,
    )
    def prune_interrupted(
        self, at: int, upserts: dict[str, int], stream: str, meanwhile: str, wait_s: int
    ) -> None:
        """Let another process prune, or write, in the middle of a prune."""
        self.place.clock.advance(wait_s)
        happenings: dict[str, Callable[[], object]] = {
            "prune": lambda: self.try_prune(self.place.open(cache="another machine")),
            "slice": lambda: self.run_slice(self.store, stream, self.change(upserts, [], {}, True)),
            "end": lambda: self.end_slice() if self.pending is not None else None,
        }
        store = InterruptedStore(self.store, at * 3, happenings[meanwhile])
        self.try_prune(self.place.open(store, cache="a third machine"))
        self.count(f"prunes interrupted by a {meanwhile}")
        self.absorb_expiry()

    @rule(at=operations, stream=streams, upserts=upserts)
    def write_interrupted_by_a_prune(self, at: int, stream: str, upserts: dict[str, int]) -> None:
        """Let another process prune in the middle of a slice."""
        interrupted = InterruptedStore(
            self.store, at, lambda: self.try_prune(self.place.open(cache="another machine"))
        )
        self.run_slice(interrupted, stream, self.change(upserts, [], {}, True))
        self.count("slices interrupted by a prune")
        self.absorb_expiry()

    @rule(at=st.integers(1, 200), moment=moments, keep_cache=st.booleans(), wait_s=waits)
    def prune_killed(self, at: int, moment: Moment, keep_cache: bool, wait_s: int) -> None:
        """Kill a prune at one of its store operations."""
        self.place.clock.advance(wait_s)
        store = FaultyStore.crashing(self.store, at, moment)
        with suppress(Crash):
            self.try_prune(self.place.open(store))
        self.count("prunes killed" if store.crashed else "prunes")
        self.reopen(keep_cache)
        self.absorb_expiry()

    @rule(seconds=st.sampled_from([-30, 30, 400, 700, 1_300, 90_000]))
    def time_moves(self, seconds: int) -> None:
        """Let the store's clock and everybody's go on, or back a little."""
        self.place.clock.advance(seconds)

    @rule(days=st.sampled_from([None, 1, 1, 2]))
    def retention(self, days: int | None) -> None:
        """Set or lift the vault's retention."""
        self.retention_days = days
        if days is None:
            clear_retention(self.vault)
        else:
            set_retention(self.vault, Retention(days=days))

    @rule()
    def hold(self) -> None:
        """Place or lift a legal hold."""
        if self.held:
            release_hold(self.vault, "a hold")
        else:
            place_hold(self.vault, "a hold", Hold("", "a reason", 0))
        self.held = not self.held

    @rule(stream=streams, newest=st.integers(0, 20), oldest=st.integers(0, 20))
    def base(self, stream: str, newest: int, oldest: int) -> None:
        """Write a base or a roll-up between snapshots that are there."""
        seqs = sorted(self.reference.streams.get(stream, ()))
        if seqs:
            seq = seqs[newest % len(seqs)]
            starts = [0, *[older for older in seqs if older < seq]]
            since = starts[oldest % len(starts)]
            self.vault.timeline(stream).write_base(seq, since if self.whole_between(seqs, since, seq) else 0)
            self.count("bases")

    @rule()
    def rotate(self) -> None:
        """Add a data key version; everybody loads the keyring anew."""
        self.place.keys = self.place.keys.with_new_data_key(random=self.place.random, now_ms=1)
        self.elsewhere.keys = self.place.keys
        self.reopen(keep_cache=True)
        self.count("rotations")

    @rule(keep_cache=st.booleans())
    def reopen(self, keep_cache: bool) -> None:
        """End the process and start again, with or without its cache file."""
        self.place.close()
        if not keep_cache:
            self.place.forget_cache()
        self.vault = self.place.open()

    @rule()
    def rebuild(self) -> None:
        """Rebuild the indexes from the packs."""
        assert not rebuild_index(self.place.open()).findings
        self.count("rebuilds")

    @rule()
    def compare(self) -> None:
        """Read everything on this machine."""
        self.count("item versions compared", assert_same(self.vault, self.reference))

    def teardown(self) -> None:
        """Read everything on a machine that knows nothing, and check the vault whole."""
        try:
            self.count("runs")
            if self.pending is not None:
                self.pending.slice.abort()
            if hasattr(self, "vault"):
                self.place.forget_cache("fresh")
                fresh = self.place.open(cache="fresh")
                self.count("item versions compared", assert_same(fresh, self.reference))
                found = check(fresh, read_data=100)
                assert found.ok, [finding.sentence for finding in found.findings]
                self.compare()
        finally:
            self.cleanup.close()

    @property
    def store(self) -> MemoryStore:
        assert isinstance(self.place.store, MemoryStore)
        return self.place.store

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def run_id(self) -> str:
        self.runs += 1
        return f"run {self.runs}"

    def change(
        self,
        upserts: dict[str, int],
        deletes: list[str],
        failures: dict[str, Failure],
        complete: bool,
    ) -> Change:
        as_of_ms = int(self.place.clock() * 1000)
        cursor = b"cursor %d" % self.runs
        contents = {item_id: CONTENTS[number] for item_id, number in upserts.items()}
        return Change(contents, deletes, failures, as_of_ms=as_of_ms, complete=complete, cursor=cursor)

    def run_slice(self, store: Store, stream: str, change: Change) -> None:
        """Run a slice that may end in any way; whether it was committed is what the vault itself shows."""
        run_id = self.run_id()
        with suppress(Crash, Busy, StoreFull, StoreUnavailable):
            running = self.place.open(store).slice(stream, run_id)
            try:
                change.say(running)
                running.commit(change.cursor, complete=change.complete, as_of_ms=change.as_of_ms)
            finally:
                running.abort()
        head = self.place.open(self.store, cache="looking").head(stream)
        if head is not None and head.run_id == run_id:
            state = change.after(self.reference.head(stream))
            assert self.reference.commit(stream, state) == head.seq

    def try_prune(self, vault: Vault) -> None:
        with suppress(Busy):
            report = prune(vault)
            assert not report.findings
            self.count_report(report)

    def count_report(self, report: PruneReport) -> None:
        self.count("packs condemned", report.packs_condemned)
        self.count("packs compacted", report.packs_compacted)
        self.count("packs swept", report.packs_swept)
        self.count("blobs rescued", report.blobs_rescued)
        self.count("snapshots retired", report.snapshots_retired)

    def absorb_expiry(self) -> None:
        """Forget what expired; what must not expire has to be there."""
        vault = self.place.open(self.store, cache="looking")
        for stream, snapshots in self.reference.streams.items():
            there = {info.seq for info in vault.snapshots(stream)}
            assert there <= set(snapshots)
            assert self.must_stay(snapshots) <= there
            for seq in set(snapshots) - there:
                del snapshots[seq]

    def must_stay(self, snapshots: dict[int, State]) -> set[int]:
        """Return the snapshots that retention may not have retired."""
        if self.held or self.retention_days is None:
            return set(snapshots)
        complete = [seq for seq in sorted(snapshots) if snapshots[seq].complete]
        oldest_ms = self.place.clock() * 1000 - self.retention_days * DAY_MS
        stay = set(complete[-1:]) | {seq for seq in snapshots if not complete or seq > complete[-1]}
        for seq, successor in pairwise(complete):
            if snapshots[successor].as_of_ms > oldest_ms:
                stay.add(seq)
        return stay

    def whole_between(self, seqs: list[int], since: int, seq: int) -> bool:
        """Say whether no snapshot between the two was retired."""
        return all(between in seqs for between in range(since + 1, seq))
