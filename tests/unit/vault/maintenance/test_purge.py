"""Erasing one person: no point in time and no pack holds the items afterwards; everything else is as it was."""

from __future__ import annotations

import pytest

from backupd.domain.retention import Retention
from backupd.errors import NotFound
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.holds import Held, Hold, Pin, place_hold, place_pin, release_hold
from backupd.vault.maintenance.pruning import pending_erasures, prune
from backupd.vault.maintenance.purging import purge
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.pack import read_record
from tests.unit.vault.maintenance.small_vault import DAY_S, DRIVE, MAIL, SmallVault, noise

SECRET = noise("secret", 100)


@pytest.fixture
def person(small: SmallVault) -> SmallVault:
    """A history with a base, in which one item must go; its pack is far from half empty."""
    small.write(MAIL, {"anna": SECRET, **{f"m{number}": noise(number) for number in range(5)}})
    small.write(MAIL, {"anna": noise("later", 100), "x": noise("x")})
    small.write(MAIL, {"anna": None})
    small.write(MAIL, {"anna": noise("back", 100), "y": noise("y")})
    small.vault.timeline(MAIL).write_base(2)
    small.vault.timeline(MAIL).write_base(4, 2)
    return small


def stored(small: SmallVault) -> set[bytes]:
    """The ids of all blobs in all packs."""
    found: set[bytes] = set()
    for name in small.packs():
        ids = read_record(small.memory, small.keys, name).directory.ids
        found.update(ids[place : place + 32] for place in range(0, len(ids), 32))
    return found


def erase(small: SmallVault) -> None:
    prune(small.vault)
    small.wait()
    prune(small.vault)


def test_a_purged_item_is_in_no_point_and_after_two_prunes_in_no_pack(person: SmallVault) -> None:
    heads = [info.hash for info in person.vault.snapshots(MAIL)]
    blob = person.vault.names.blob_id(SECRET)
    report = purge(person.vault, MAIL, ["anna"])
    assert (report.items, report.snapshots_rewritten, report.bases_rewritten, report.retained) == (
        4,
        4,
        2,
        [],
    )
    person.forget(MAIL, "anna")
    assert person.compare() == 4
    assert person.vault.history(MAIL, "anna") == []
    assert [info.hash for info in person.vault.snapshots(MAIL)] == heads
    assert check(person.vault, read_data=100).findings == []
    assert blob in stored(person)
    erase(person)
    assert stored(person).isdisjoint(
        {blob, *map(person.vault.names.blob_id, map(noise, ("later", "back"), (100,) * 2))}
    )
    assert pending_erasures(person.vault) == []
    with person.another() as vault:
        assert person.compare(vault) == 4
        assert check(vault, read_data=100).findings == []


def test_backups_go_on_after_a_purge(person: SmallVault) -> None:
    head = person.vault.head(MAIL)
    assert head is not None
    purge(person.vault, MAIL, ["anna"])
    person.forget(MAIL, "anna")
    part = person.vault.slice(MAIL, "run", expect=(head.seq, head.hash))
    assert part.known.get("anna") is None
    part.abort()
    person.write(MAIL, {"z": noise("z")})
    assert person.compare() == 5


def test_what_others_also_have_stays_theirs(person: SmallVault) -> None:
    person.write(DRIVE, {"copy": SECRET})
    purge(person.vault, MAIL, lambda item_id: item_id == "anna")
    person.forget(MAIL, "anna")
    erase(person)
    assert person.vault.names.blob_id(SECRET) in stored(person)
    assert person.compare() == 5


def test_a_whole_stream_can_be_emptied(person: SmallVault) -> None:
    person.write(DRIVE, {"other": noise("other")})
    purge(person.vault, MAIL, None)
    erase(person)
    assert stored(person) == {person.vault.names.blob_id(noise("other"))}
    assert [list(person.vault.view(MAIL, seq).entries()) for seq in person.seqs(MAIL)] == [[], [], [], []]
    assert check(person.vault, read_data=100).findings == []


def test_a_hold_or_a_pin_forbids_it(person: SmallVault) -> None:
    place_hold(person.vault, "case", Hold("con/", "litigation", 0))
    with pytest.raises(Held):
        purge(person.vault, MAIL, ["anna"])
    release_hold(person.vault, "case")
    place_pin(person.vault, "export", Pin(MAIL, 2, 0))
    with pytest.raises(Held):
        purge(person.vault, MAIL, ["anna"])
    assert person.compare() == 4
    with pytest.raises(NotFound):
        purge(person.vault, "con/nobody/mail", ["anna"])


def test_retention_goes_on_over_purged_snapshots(person: SmallVault) -> None:
    purge(person.vault, MAIL, ["anna"])
    person.forget(MAIL, "anna")
    set_retention(person.vault, Retention(2))
    prune(person.vault)
    assert person.seqs(MAIL) == [3, 4]
    purge(person.vault, MAIL, ["m1"])
    person.forget(MAIL, "m1")
    assert person.compare() == 2
    assert check(person.vault, read_data=100).findings == []


def test_a_snapshot_that_a_backup_adds_meanwhile_is_purged_too(person: SmallVault) -> None:
    added: list[int] = []

    def unwanted(item_id: str) -> bool:
        if not added:
            with person.another() as writer:
                added.append(person.write(MAIL, {"anna": SECRET, "n": b"n"}, vault=writer).seq)
        return item_id == "anna"

    purge(person.vault, MAIL, unwanted)
    person.forget(MAIL, "anna")
    assert person.compare() == 5


def test_a_locked_snapshot_is_reported_and_purged_when_the_lock_ends(locked: SmallVault) -> None:
    locked.write(MAIL, {"anna": SECRET, "b": b"b"})
    locked.write(MAIL, {"c": b"c"})
    name = next(iter(locked.memory.list("snapshots/"))).name
    locked.memory.retain_until(name, locked.clock() + DAY_S)
    report = purge(locked.vault, MAIL, ["anna"])
    assert [kept.name for kept in report.retained] == [name]
    locked.clock.advance(DAY_S)
    assert purge(locked.vault, MAIL, ["anna"]).retained == []
    locked.forget(MAIL, "anna")
    assert locked.compare() == 2


def test_an_erasure_stays_pending_while_a_lock_keeps_the_bytes(locked: SmallVault) -> None:
    locked.write(MAIL, {"anna": SECRET, "b": noise("b")})
    locked.memory.retain_until(locked.packs()[0], locked.clock() + 3 * DAY_S)
    purge(locked.vault, MAIL, ["anna"])
    assert prune(locked.vault).packs_left == 1
    assert pending_erasures(locked.vault)
    locked.clock.advance(3 * DAY_S)
    assert prune(locked.vault).packs_left == 0
    assert not pending_erasures(locked.vault)
