"""Retention in a vault: kept points read as they always did, expired ones end, the chain stays whole."""

from __future__ import annotations

import random

import pytest

from backupd.domain.retention import DAY_MS, Retention
from backupd.errors import Integrity
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.holds import (
    Hold,
    Pin,
    all_holds,
    place_hold,
    place_pin,
    release_hold,
    release_pin,
)
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.retention import clear_retention, retention_of, set_retention
from backupd.vault.snapshot import LayerReplaced
from tests.unit.vault.maintenance.small_vault import DAY_S, DRIVE, MAIL, SmallVault, noise


def daily(small: SmallVault, stream: str, days: int) -> None:
    """A point a day; each changes one item of three and now and then deletes one."""
    for day in range(days):
        changes: dict[str, bytes | None] = {f"i{day % 3}": noise((stream, day), 600)}
        if day % 4 == 3:
            changes[f"i{(day + 1) % 3}"] = None
        small.write(stream, changes)


def test_a_version_ends_when_it_was_superseded_long_enough_ago(small: SmallVault) -> None:
    daily(small, MAIL, 20)
    set_retention(small.vault, Retention(7))
    prune(small.vault)
    # Day 20 is now. Point 14 was superseded at the start of day 14 (6 days ago), point 13 seven days ago.
    assert small.seqs(MAIL) == [14, 15, 16, 17, 18, 19, 20]
    assert small.compare() == 7
    with small.another() as vault:
        assert small.compare(vault) == 7
        assert check(vault, read_data=100).ok


def test_retired_snapshots_keep_their_seqs_and_the_chain(small: SmallVault) -> None:
    daily(small, MAIL, 10)
    before = small.vault.timeline(MAIL).snapshots()
    set_retention(small.vault, Retention(3))
    prune(small.vault)
    timeline = small.vault.timeline(MAIL)
    assert timeline.seqs() == list(range(1, 11))
    assert [timeline.info(info.seq).hash for info in before] == [info.hash for info in before]
    assert small.vault.slice(MAIL, "run", expect=(before[2].seq, before[2].hash)) is not None
    info = small.write(MAIL, {"later": b"later"})
    assert (info.seq, info.parent_hash) == (11, before[-1].hash)


def test_thinned_points_are_gone_and_the_others_equal_the_model(small: SmallVault) -> None:
    for step in range(40):
        small.write(
            DRIVE, {f"i{step % 5}": noise(step, 500), f"i{(step + 2) % 5}": None}, advance_s=DAY_S / 4
        )
    set_retention(small.vault, Retention(daily=2, weekly=5))
    prune(small.vault)
    assert 3 < len(small.seqs(DRIVE)) < 20
    assert small.compare() == len(small.seqs(DRIVE))
    small.clock.advance(30 * DAY_S)
    prune(small.vault)
    left = small.seqs(DRIVE)
    assert 40 in left
    assert len(left) <= 3
    assert small.compare() == len(left)
    assert check(small.vault, read_data=100).ok


def test_mail_is_never_thinned(small: SmallVault) -> None:
    daily(small, MAIL, 6)
    set_retention(small.vault, Retention(daily=1, weekly=1, monthly=1))
    small.clock.advance(90 * DAY_S)
    prune(small.vault)
    assert small.seqs(MAIL) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("seed", range(4))
def test_any_history_reads_as_the_model_through_many_prunes(small: SmallVault, seed: int) -> None:
    chance = random.Random(seed)
    set_retention(small.vault, Retention(12, daily=2, weekly=6))
    for step in range(30):
        changes = {
            f"i{chance.randrange(6)}": None if chance.random() < 0.3 else noise((seed, chance.random()), 400)
            for _ in range(chance.randrange(1, 4))
        } | {f"n{step % 4}": noise(step, 100)}
        small.write(DRIVE, changes, complete=chance.random() < 0.7, advance_s=chance.random() * DAY_S)
        if chance.random() < 0.25:
            timeline = small.vault.timeline(DRIVE)
            timeline.write_base(step + 1)
        if chance.random() < 0.3:
            prune(small.vault)
            small.compare()
    with small.another() as vault:
        small.compare(vault)
        assert check(vault, read_data=100).ok


def test_the_newest_complete_snapshot_and_what_follows_it_never_expire(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1"})
    small.write(MAIL, {"a": b"2"})
    small.write(MAIL, {"b": b"3"}, complete=False)
    set_retention(small.vault, Retention(1))
    small.clock.advance(1000 * DAY_S)
    prune(small.vault)
    assert small.seqs(MAIL) == [2, 3]
    assert small.compare() == 2


def test_a_stream_without_a_complete_snapshot_loses_nothing(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1"}, complete=False)
    small.write(MAIL, {"a": b"2"}, complete=False)
    set_retention(small.vault, Retention(1))
    small.clock.advance(1000 * DAY_S)
    prune(small.vault)
    assert small.seqs(MAIL) == [1, 2]


def test_a_hold_beats_the_retention(small: SmallVault) -> None:
    daily(small, MAIL, 5)
    daily(small, DRIVE, 5)
    set_retention(small.vault, Retention(1))
    place_hold(small.vault, "case 7", Hold("con/anna/", "litigation", 0))
    prune(small.vault)
    assert small.seqs(MAIL) == small.seqs(DRIVE) == [1, 2, 3, 4, 5]
    place_hold(small.vault, "case 7", Hold(MAIL, "litigation", 0))
    prune(small.vault)
    assert (small.seqs(MAIL), small.seqs(DRIVE)) == ([1, 2, 3, 4, 5], [5])
    assert [key for key, _ in all_holds(small.vault)] == ["case 7"]
    release_hold(small.vault, "case 7")
    prune(small.vault)
    assert small.seqs(MAIL) == [5]


def test_a_hold_covers_names_by_whole_parts() -> None:
    assert Hold("", "", 0).covers(MAIL)
    assert Hold("con/", "", 0).covers(MAIL)
    assert not Hold("con/ann", "", 0).covers(MAIL)
    assert not Hold("con/anna", "", 0).covers(MAIL)


def test_a_hold_that_cannot_be_read_stops_expiry(small: SmallVault) -> None:
    daily(small, MAIL, 5)
    set_retention(small.vault, Retention(1))
    place_hold(small.vault, "case 7", Hold("", "", 0))
    name = next(iter(small.memory.list("holds/"))).name
    small.memory.put(name, small.memory.get(name)[:-1])
    with pytest.raises(Integrity):
        prune(small.vault)
    assert small.seqs(MAIL) == [1, 2, 3, 4, 5]


def test_a_pin_keeps_one_point_readable_until_it_ends(small: SmallVault) -> None:
    daily(small, MAIL, 10)
    set_retention(small.vault, Retention(2))
    now_ms = int(small.clock() * 1000)
    place_pin(small.vault, "export", Pin(MAIL, 3, now_ms + DAY_MS, "export"))
    place_pin(small.vault, "restore", Pin(MAIL, 5, 0))
    for _ in range(3):
        prune(small.vault)
        small.wait()
    assert small.seqs(MAIL)[:2] == [3, 5]
    small.compare()
    small.clock.advance(DAY_S)
    prune(small.vault)
    assert small.seqs(MAIL)[0] == 5
    small.compare()
    release_pin(small.vault, "restore")
    prune(small.vault)
    assert small.seqs(MAIL)[0] > 5
    small.compare()


def test_the_history_of_an_item_goes_over_retired_snapshots(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1"})
    small.write(MAIL, {"a": b"2", "gone": b"x"})
    small.write(MAIL, {"b": b"3"})
    small.write(MAIL, {"gone": None})
    set_retention(small.vault, Retention(2))
    prune(small.vault)
    assert small.seqs(MAIL) == [3, 4]
    history = small.vault.history(MAIL, "a")
    assert [(info.seq, entry.version is not None) for info, entry in history] == [(3, True)]
    gone = small.vault.history(MAIL, "gone")
    assert [(info.seq, entry.deleted) for info, entry in gone] == [(3, False), (4, True)]


def test_a_rule_of_a_stream_beats_the_rule_of_the_vault(small: SmallVault) -> None:
    assert retention_of(small.vault, MAIL) == Retention()
    set_retention(small.vault, Retention(9))
    set_retention(small.vault, Retention(5, daily=2), MAIL)
    assert (retention_of(small.vault), retention_of(small.vault, MAIL)) == (
        Retention(9),
        Retention(5, daily=2),
    )
    assert retention_of(small.vault, DRIVE) == Retention(9)
    clear_retention(small.vault, MAIL)
    assert retention_of(small.vault, MAIL) == Retention(9)


def test_expired_snapshots_under_an_object_lock_stay_and_are_reported(locked: SmallVault) -> None:
    daily(locked, MAIL, 8)
    names = [info.name for info in locked.memory.list("snapshots/")]
    locked.memory.retain_until(names[3], locked.clock() + DAY_S)
    set_retention(locked.vault, Retention(2))
    report = prune(locked.vault)
    assert [kept.name for kept in report.retained] == [names[3]]
    assert locked.seqs(MAIL) == [4, 7, 8]
    assert locked.compare() == 3
    locked.clock.advance(DAY_S)
    prune(locked.vault)
    assert locked.seqs(MAIL) == [8]
    assert locked.compare() == 1


def test_a_snapshot_that_is_replaced_while_it_is_read_says_so(small: SmallVault) -> None:
    """A reader of an expired point is told to begin again, not that the vault is damaged."""
    many: dict[str, bytes | None] = {f"i{number:05}": noise(number, 40) for number in range(3000)}
    small.write(MAIL, many)
    small.write(MAIL, {"i00000": b"changed"})
    reading = small.vault.view(MAIL, 1).versions()
    next(reading)
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    prune(small.vault)
    with pytest.raises(LayerReplaced):
        list(reading)
