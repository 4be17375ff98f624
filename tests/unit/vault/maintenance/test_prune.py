"""Pruning: garbage goes in two phases, needed blobs never do."""

from __future__ import annotations

import dataclasses

import pytest

from backupd.domain.retention import Retention
from backupd.errors import Integrity, RolledBack
from backupd.vault.condemned import read_condemned
from backupd.vault.index import index_names, read_index, write_index
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.merging import SMALL_AT_LEAST, merge_indexes
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.reports import FindingKind, Phase
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.pack import read_record
from backupd.vault.stores.faulty import FaultyStore
from tests.unit.vault.maintenance.small_vault import DAY_S, MAIL, SmallVault, noise

WRITES = {"create", "put", "delete"}


def replaced(small: SmallVault, days: int = 1) -> None:
    """A first point whose only item is replaced, and expires."""
    small.write(MAIL, {"a": noise(1)})
    small.write(MAIL, {"a": noise(2)})
    set_retention(small.vault, Retention(days))
    small.clock.advance(days * DAY_S)


def test_garbage_is_condemned_first_and_deleted_only_after_the_waiting_time(small: SmallVault) -> None:
    replaced(small)
    first = prune(small.vault)
    assert (first.phase, first.packs_condemned, first.packs_swept) == (Phase.CONDEMNED, 1, 0)
    assert len(small.packs()) == 2
    limit_s = small.vault.format.slice_limit_s
    assert first.sweep_after_ms == int((small.clock() + 2 * limit_s) * 1000)
    small.clock.advance(2 * limit_s - 1)
    early = prune(small.vault)
    assert (early.phase, early.sweep_after_ms, early.packs_swept) == (Phase.WAITING, first.sweep_after_ms, 0)
    assert len(small.packs()) == 2
    small.clock.advance(1)
    late = prune(small.vault)
    assert (late.phase, late.packs_swept, late.bytes_swept) == (Phase.SWEPT, 1, first.bytes_condemned)
    assert len(small.packs()) == 1
    assert late.sweep_after_ms is None
    described = [
        record.name
        for name in index_names(small.memory)
        for record in read_index(small.memory, small.keys, name)
    ]
    assert set(described) <= set(small.packs())
    assert small.compare() == 1
    assert check(small.vault, read_data=100).findings == []


def test_the_waiting_time_begins_when_the_list_appears_not_when_it_was_made(small: SmallVault) -> None:
    """A prune may be stopped between taking the time and creating the list."""
    replaced(small)

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(small.memory, name)

        def create(self, name: str, data: bytes) -> None:
            if name.startswith("condemned/"):
                small.clock.advance(3600)
            small.memory.create(name, data)

    with small.another(Slow()) as vault:  # type: ignore[arg-type]
        report = prune(vault)
    assert report.sweep_after_ms is not None
    assert report.sweep_after_ms >= (small.clock() + 2 * small.vault.format.slice_limit_s) * 1000
    assert prune(small.vault).phase is Phase.WAITING


def test_a_clock_set_back_makes_it_wait_longer(small: SmallVault) -> None:
    replaced(small)
    prune(small.vault)
    small.clock.advance(-DAY_S)
    assert prune(small.vault).phase is Phase.WAITING
    assert len(small.packs()) == 2


def test_a_vault_without_garbage_is_not_written_to(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    watched = FaultyStore(small.memory, counts=lambda method, _: method in WRITES)
    with small.another(watched) as vault:
        assert prune(vault).phase is Phase.IDLE
    assert watched.log == []


def test_a_dry_run_foretells_and_writes_nothing(small: SmallVault) -> None:
    for day in range(6):
        small.write(
            MAIL,
            {f"m{number}": noise((day, number), 300) for number in range(3)} | {f"k{day}": noise(day, 200)},
        )
    set_retention(small.vault, Retention(2))
    watched = FaultyStore(small.memory, counts=lambda method, _: method in WRITES)
    with small.another(watched) as vault:
        foretold = prune(vault, dry_run=True)
    assert watched.log == []
    assert small.seqs(MAIL) == [1, 2, 3, 4, 5, 6]
    done = prune(small.vault)
    same = (
        "phase",
        "snapshots_retired",
        "packs_condemned",
        "bytes_condemned",
        "packs_compacted",
        "bytes_referenced",
    )
    assert [getattr(foretold, name) for name in same] == [getattr(done, name) for name in same]
    assert foretold.snapshots_retired == 4
    small.wait()
    with small.another(watched) as vault:
        foretold = prune(vault, dry_run=True)
    assert watched.log == []
    done = prune(small.vault)
    assert (foretold.packs_swept, foretold.bytes_swept) == (done.packs_swept, done.bytes_swept)
    assert done.packs_swept


def test_a_pack_that_is_mostly_garbage_is_copied_and_condemned(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number}": noise(number) for number in range(10)})
    small.write(MAIL, {f"m{number}": None for number in range(3)})
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    assert prune(small.vault).packs_compacted == 0
    small.write(MAIL, {f"m{number}": None for number in range(3, 6)})
    small.clock.advance(DAY_S)
    report = prune(small.vault)
    assert (report.packs_compacted, report.packs_condemned, report.bytes_copied) == (1, 1, 4 * 2000)
    small.wait()
    assert prune(small.vault).packs_swept == 1
    assert len(small.packs()) == 1
    assert small.compare() == 1


def test_many_small_packs_become_one(small: SmallVault) -> None:
    for day in range(8):
        small.write(MAIL, {f"m{day}": noise(day)})
    assert len(small.packs()) == 8
    assert prune(small.vault).packs_compacted == 8
    small.wait()
    prune(small.vault)
    assert len(small.packs()) == 1
    assert small.compare() == 8
    small.wait()
    assert prune(small.vault).phase is Phase.IDLE


def test_copies_left_by_a_prune_that_lost_are_garbage_not_home(small: SmallVault) -> None:
    """Of two packs with the same blobs the one that stays anyway is the home."""
    small.write(MAIL, {"a": noise(1), "b": noise(2), "c": noise(3)})
    small.write(MAIL, {"a": None, "b": None})
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    prune(small.vault)
    condemned = [info.name for info in small.memory.list("condemned/")]
    small.memory.delete(condemned[-1])
    report = prune(small.vault)
    assert (report.packs_condemned, report.packs_compacted) == (1, 0)
    small.wait()
    prune(small.vault)
    assert len(small.packs()) == 1
    small.compare()


def test_a_pack_of_a_crashed_writer_goes_but_not_before_it_could_be_committed(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    part = small.vault.slice(MAIL, "dies")
    part._intake.take(noise(2), 2000, is_mail=False)
    part._packer.finish()
    assert len(small.packs()) == 2
    assert prune(small.vault).phase is Phase.IDLE
    small.wait()
    assert prune(small.vault).packs_condemned == 1
    small.wait()
    assert prune(small.vault).packs_swept == 1
    assert small.compare() == 1


def test_a_needed_pack_that_no_index_mentions_is_adopted_not_deleted(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number:04}": b"%d" % number for number in range(1100)})
    assert len(list(index_names(small.memory))) == 1
    small.memory.delete(next(iter(index_names(small.memory))))
    small.wait()
    report = prune(small.vault)
    assert (report.packs_adopted, report.packs_condemned) == (1, 0)
    with small.another() as vault:
        assert small.compare(vault) == 1
        assert check(vault, read_data=100).findings == []


def test_an_unreadable_pack_that_no_index_mentions_is_left_alone(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number:04}": b"%d" % number for number in range(1100)})
    small.memory.delete(next(iter(index_names(small.memory))))
    name = small.packs()[0]
    data = small.memory.get(name)
    small.memory.put(name, data[:-1] + b"x")
    for _ in range(3):
        small.wait()
        report = prune(small.vault)
        assert {finding.kind for finding in report.findings} == {FindingKind.DAMAGED, FindingKind.MISSING}
    assert small.packs() == [name]


def test_a_damaged_pack_is_not_compacted_away(small: SmallVault) -> None:
    """The frames that still open stay where they are."""
    small.write(MAIL, {"big": noise("big", 600_000), **{f"m{number}": noise(number) for number in range(10)}})
    small.write(MAIL, {"big": None})
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    name = small.packs()[0]
    record = read_record(small.memory, small.keys, name)
    small.memory.put(name, flipped(small.memory.get(name), record.directory.frames[1].offset + 5))
    for _ in range(3):
        report = prune(small.vault)
        assert [finding.object for finding in report.findings] == [name]
        assert report.packs_left == 1
        small.wait()
    assert name in small.packs()


def test_a_missing_snapshot_stops_a_prune(small: SmallVault) -> None:
    for day in range(4):
        small.write(MAIL, {"a": noise(day)})
    set_retention(small.vault, Retention(1))
    name = [info.name for info in small.memory.list("snapshots/")][1]
    small.memory.delete(name)
    with pytest.raises(Integrity):
        prune(small.vault)
    set_retention(small.vault, Retention())
    with pytest.raises(Integrity):
        prune(small.vault)
    assert len(small.packs()) == 4


def test_a_vault_that_was_rolled_back_is_not_pruned(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    head = small.write(MAIL, {"a": noise(2)})
    small.wait()
    heads = {MAIL: (head.seq, head.hash)}
    assert prune(small.vault, heads=heads).phase is Phase.IDLE
    newest = [info.name for info in small.memory.list("snapshots/")][-1]
    small.memory.delete(newest)
    with pytest.raises(RolledBack):
        prune(small.vault, heads=heads)
    with pytest.raises(RolledBack):
        prune(small.vault, heads={"con/anna/tasks": (1, b"x")})
    assert len(small.packs()) == 2


def test_a_damaged_index_stops_a_prune(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number:04}": b"%d" % number for number in range(1100)})
    name = next(iter(index_names(small.memory)))
    small.memory.put(name, flipped(small.memory.get(name), 100))
    small.wait()
    with pytest.raises(Integrity):
        prune(small.vault)


def test_locked_packs_are_retained_and_stay_condemned(locked: SmallVault) -> None:
    replaced(locked)
    dead = locked.packs()
    for name in dead:
        locked.memory.retain_until(name, locked.clock() + 3 * DAY_S)
    assert prune(locked.vault).packs_condemned == 1
    locked.wait()
    report = prune(locked.vault)
    assert (report.packs_swept, len(report.retained), len(locked.packs())) == (0, 1, 2)
    assert report.retained[0].until_s == locked.memory.retained_until(report.retained[0].name)
    with locked.another() as vault:
        vault.sync()
        assert not vault.cache.has(vault.names.blob_id(noise(1)))
    locked.clock.advance(3 * DAY_S)
    assert prune(locked.vault).packs_swept == 1
    assert len(locked.packs()) == 1


def test_new_garbage_joins_the_locked_packs_in_the_list(locked: SmallVault) -> None:
    replaced(locked)
    dead = locked.packs()
    for name in dead:
        locked.memory.retain_until(name, locked.clock() + 30 * DAY_S)
    prune(locked.vault)
    first = read_condemned(locked.memory, locked.keys, 1).packs
    locked.write(MAIL, {"a": noise(3)})
    locked.write(MAIL, {"a": noise(4)})
    report = prune(locked.vault)
    assert (report.packs_condemned, report.packs_swept) == (2, 0)
    following = read_condemned(locked.memory, locked.keys, report.generation).packs
    assert set(first) < set(following)
    assert len(following) == 3


def test_locked_packs_are_not_compacted(locked: SmallVault) -> None:
    locked.write(MAIL, {f"m{number}": noise(number) for number in range(10)})
    locked.write(MAIL, {f"m{number}": None for number in range(8)})
    set_retention(locked.vault, Retention(1))
    locked.clock.advance(DAY_S)
    locked.memory.retain_until(locked.packs()[0], locked.clock() + DAY_S)
    report = prune(locked.vault)
    assert (report.packs_compacted, report.packs_left) == (0, 1)


def test_small_indexes_are_merged_and_say_the_same(small: SmallVault) -> None:
    for day in range(SMALL_AT_LEAST):
        small.write(MAIL, {f"m{day}": noise(day)})
        record = read_record(small.memory, small.keys, small.packs()[0])
        write_index(small.memory, small.keys, [record], small.vault.random)
    records = [read_record(small.memory, small.keys, name) for name in small.packs()]
    write_index(small.memory, small.keys, records, small.vault.random)
    merge_indexes(small.vault, ())
    assert len(list(index_names(small.memory))) == 1
    assert check(small.vault, read_data=100).findings == []


def test_only_so_much_is_copied_at_once(small: SmallVault, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(8):
        small.write(MAIL, {f"m{day}": noise(day)})
    monkeypatch.setattr("backupd.vault.maintenance.condemn.COPY_LIMIT_BYTES", 3 * 2000)
    monkeypatch.setattr("backupd.vault.maintenance.copying.INDEX_AFTER_BYTES", 1)
    report = prune(small.vault)
    assert (report.packs_compacted, report.packs_left) == (3, 5)
    assert len(list(index_names(small.memory))) == 3
    small.wait()
    prune(small.vault)
    small.compare()
    assert check(small.vault, read_data=100).findings == []


def test_condemned_lists_do_not_pile_up(small: SmallVault) -> None:
    set_retention(small.vault, Retention(1))
    for day in range(14):
        small.write(MAIL, {"a": noise(day)})
        prune(small.vault)
    generations = [int(info.name.rpartition("/")[2]) for info in small.memory.list("condemned/")]
    assert len(generations) <= 10
    assert generations == list(range(generations[0], generations[-1] + 1))
    assert generations[-1] > 14
    small.compare()


def test_a_report_is_plain_values(small: SmallVault) -> None:
    replaced(small)
    report = dataclasses.asdict(prune(small.vault))
    assert report["packs_total"] == 2
    assert report["bytes_referenced"] == 2000
    assert (report["indexes_before"], report["indexes_after"]) == (0, 1)


def flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)
