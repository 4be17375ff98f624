"""A prune that is killed at any store operation loses nothing, and the next one finishes its work."""

from __future__ import annotations

import pytest

from backupd.domain.retention import Retention
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.holds import Pin, place_pin, release_pin
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.purging import purge
from backupd.vault.maintenance.rebuild import rebuild_index
from backupd.vault.maintenance.reports import FindingKind
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.stores.base import Store
from backupd.vault.stores.faulty import Crash, Fault, FaultyStore, Moment
from backupd.vault.stores.memory import MemoryStore
from tests.unit.vault.maintenance.small_vault import DAY_S, DRIVE, MAIL, SmallVault, copied, fill, noise

WRITES = {"create", "put", "delete"}


def counting(inner: Store) -> FaultyStore:
    return FaultyStore(inner, counts=lambda method, _: method in WRITES)


def dying(inner: Store, at: int) -> FaultyStore:
    """A store that dies just before its `at`-th write."""
    fault = Fault(at, Moment.BEFORE, Crash("killed"))
    return FaultyStore(inner, [fault], counts=lambda method, _: method in WRITES)


def history(small: SmallVault) -> None:
    """Points to retire and to thin, garbage, sparse and small packs, indexes of their own and embedded ones."""
    small.write(MAIL, {f"m{number}": noise(number, 300) for number in range(8)})
    small.write(MAIL, {f"m{number}": None for number in range(6)})
    small.write(MAIL, {"m7": noise("m7", 300)}, complete=False)
    small.write(MAIL, {"m8": noise("m8", 300)})
    for step in range(6):
        small.write(DRIVE, {f"d{step % 2}": noise(("d", step), 300)}, advance_s=DAY_S / 4)
    small.vault.timeline(DRIVE).write_base(3)
    set_retention(small.vault, Retention(4, daily=1))


def every_crash(small: SmallVault) -> int:
    """Kill a prune at each of its writes; return how many there were. The store is left as it was."""
    start, start_s = small.memory, small.clock.now_s
    small.memory = copied(start, small.clock)
    whole = counting(small.memory)
    with small.another(whole) as vault:
        prune(vault)
    assert_sound(small)
    finish(small)
    expected = len(small.packs()), small.seqs_of_all()
    for at in range(1, len(whole.log) + 1):
        small.memory, small.clock.now_s = copied(start, small.clock), start_s
        with small.another(dying(small.memory, at)) as vault, pytest.raises(Crash):
            prune(vault)
        assert_sound(small)
        finish(small)
        assert (len(small.packs()), small.seqs_of_all()) == expected, f"after a crash at {whole.log[at - 1]}"
    small.memory, small.clock.now_s = start, start_s
    return len(whole.log)


def assert_sound(small: SmallVault) -> None:
    """Opened anew, the vault has no damage and every kept point equals the model."""
    with small.another() as vault:
        report = check(vault, read_data=100)
        assert [f for f in report.findings if f.kind is not FindingKind.UNINDEXED] == []
        small.compare(vault)


def finish(small: SmallVault) -> None:
    """Prune until nothing is left to do; nothing may be lost on the way."""
    with small.another() as vault:
        for _ in range(3):
            small.wait()
            prune(vault)
        small.compare(vault)
        assert check(vault, read_data=100).findings == []


def test_retiring_condemning_and_compacting_killed_at_every_write(small: SmallVault) -> None:
    history(small)
    assert every_crash(small) >= 10


def test_sweeping_and_rescuing_killed_at_every_write(small: SmallVault) -> None:
    history(small)
    part = fill(small.vault.slice(DRIVE, "paused"), {"back": noise(3, 300)})
    prune(small.vault)
    small.committed(part, DRIVE, {"back": noise(3, 300)})
    small.wait()
    small.write(DRIVE, {"x": noise("x", 900)}, advance_s=DAY_S * 5)
    small.write(DRIVE, {"x": None})
    assert every_crash(small) >= 12


def test_a_backup_after_a_killed_prune_loses_nothing(small: SmallVault) -> None:
    """The writer comes before the next prune, with the cache it had."""
    history(small)
    prune(small.vault)
    small.wait()
    start, start_s = small.memory, small.clock.now_s
    log = counting(copied(start, small.clock))
    with small.another(log) as vault:
        prune(vault)
    for at in range(1, len(log.log) + 1):
        small.memory, small.clock.now_s = copied(start, small.clock), start_s
        with small.another() as writer:
            writer.sync()
            with small.another(dying(small.memory, at)) as vault, pytest.raises(Crash):
                prune(vault)
            small.write(DRIVE, {f"m{number}": noise(number, 300) for number in range(8)}, vault=writer)
        assert_sound(small)
        finish(small)


def test_a_purge_killed_at_every_write_is_finished_by_the_next(small: SmallVault) -> None:
    history(small)
    prune(small.vault)
    start = small.memory
    log = counting(copied(start, small.clock))
    with small.another(log) as vault:
        purge(vault, MAIL, ["m7"])
    points = dict(small.points)
    for at in range(1, len(log.log) + 1):
        small.memory, small.points = copied(start, small.clock), dict(points)
        with small.another(dying(small.memory, at)) as vault, pytest.raises(Crash):
            purge(vault, MAIL, ["m7"])
        with small.another() as vault:
            assert check(vault, read_data=100).ok
            purge(vault, MAIL, ["m7"])
        small.forget(MAIL, "m7")
        assert_sound(small)


def test_an_index_rebuild_killed_at_every_write_loses_nothing(small: SmallVault) -> None:
    history(small)
    prune(small.vault)
    start = small.memory
    log = counting(copied(start, small.clock))
    with small.another(log) as vault:
        rebuild_index(vault)
    for at in range(1, len(log.log) + 1):
        small.memory = copied(start, small.clock)
        with small.another(dying(small.memory, at)) as vault, pytest.raises(Crash):
            rebuild_index(vault)
        assert_sound(small)


def test_the_copied_store_is_a_store_of_its_own(small: SmallVault) -> None:
    twin = copied(small.memory, small.clock)
    assert isinstance(twin, MemoryStore)
    twin.delete("format")
    assert small.memory.get("format")


def test_a_retirement_that_a_pin_stops_half_way_leaves_every_kept_point_readable(small: SmallVault) -> None:
    """The roll-up that was written reaches further down than what is kept by then, so a full base takes over."""
    for day in range(6):
        small.write(MAIL, {f"m{day}": noise(day), "m": noise(("m", day))})
    set_retention(small.vault, Retention(1))
    place_pin(small.vault, "first", Pin(MAIL, 1, 0))
    tombstones = FaultyStore(
        small.memory,
        [Fault(3, Moment.BEFORE, Crash("killed"))],
        counts=lambda method, name: method == "put" and name.startswith("snapshots/"),
    )
    with small.another(tombstones) as vault, pytest.raises(Crash):
        prune(vault)
    assert small.seqs(MAIL) == [1, 2, 3, 6]
    place_pin(small.vault, "third", Pin(MAIL, 3, 0))
    release_pin(small.vault, "first")
    finish(small)
    assert small.seqs(MAIL) == [3, 6]


def test_a_snapshot_that_is_locked_while_others_are_retired_stays_readable(locked: SmallVault) -> None:
    for day in range(5):
        locked.write(MAIL, {f"m{day}": noise(day)})
    set_retention(locked.vault, Retention(1))
    name = [info.name for info in locked.memory.list("snapshots/")][2]

    class LockedMeanwhile:
        def __getattr__(self, attribute: str) -> object:
            return getattr(locked.memory, attribute)

        def put(self, target: str, data: bytes) -> None:
            if target == name:
                locked.memory.retain_until(name, locked.clock() + DAY_S)
            locked.memory.put(target, data)

    with locked.another(LockedMeanwhile()) as vault:  # type: ignore[arg-type]
        assert [kept.name for kept in prune(vault).retained] == [name]
    assert locked.seqs(MAIL) == [1, 2, 3, 5]
    assert_sound(locked)
