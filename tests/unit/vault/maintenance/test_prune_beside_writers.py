"""Prunes beside backups and beside each other: what a snapshot needs is there, whoever was first."""

from __future__ import annotations

import pytest

from backupd.domain.retention import Retention
from backupd.errors import Busy
from backupd.vault.condemned import CondemnedList, newest_generation, read_condemned
from backupd.vault.index import write_index
from backupd.vault.maintenance import condemn as condemn_module
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.reports import Phase
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.pack import pack_name, read_record
from backupd.vault.slice import SliceExpired
from backupd.vault.vault import Vault
from tests.unit.vault.maintenance.small_vault import DAY_S, DRIVE, MAIL, SmallVault, fill, noise

OLD = noise("old")


@pytest.fixture
def garbage(small: SmallVault) -> SmallVault:
    """A vault in which the blob OLD is garbage as soon as a prune looks."""
    small.write(MAIL, {"a": OLD})
    small.write(MAIL, {"a": noise("new")})
    small.write(DRIVE, {"other": noise("other")})
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    return small


def whole(small: SmallVault) -> None:
    """The vault, opened anew, gives every point back and has no fault."""
    with small.another() as vault:
        small.compare(vault)
        assert check(vault, read_data=100).findings == []


def test_a_slice_from_before_the_condemned_list_commits_and_is_rescued(garbage: SmallVault) -> None:
    with garbage.another() as writer:
        part = fill(writer.slice(DRIVE, "paused"), {"again": OLD})
        assert part.entries == 1
        packs = garbage.packs()
        report = prune(garbage.vault)
        assert report.packs_condemned == 1
        garbage.clock.advance(garbage.vault.format.slice_limit_s)
        garbage.committed(part, DRIVE, {"again": OLD})
        assert garbage.packs() == packs  # It leans on the condemned pack.
    garbage.wait()
    report = prune(garbage.vault)
    assert (report.blobs_rescued, report.packs_swept) == (1, 1)
    whole(garbage)


def test_a_condemned_pack_that_is_needed_and_cannot_be_copied_is_not_deleted(garbage: SmallVault) -> None:
    with garbage.another() as writer:
        part = fill(writer.slice(DRIVE, "paused"), {"again": OLD})
        prune(garbage.vault)
        garbage.committed(part, DRIVE, {"again": OLD})
    (doomed,) = read_condemned(garbage.memory, garbage.keys, 1).packs
    name = pack_name(doomed)
    whole_pack = garbage.memory.get(name)
    garbage.memory.put(name, whole_pack[:60] + b"????" + whole_pack[64:])
    for _ in range(2):
        garbage.wait()
        report = prune(garbage.vault)
        assert ([finding.object for finding in report.findings], report.packs_swept) == ([name], 0)
    garbage.memory.put(name, whole_pack)
    garbage.wait()
    assert prune(garbage.vault).packs_swept == 1
    whole(garbage)


def test_a_slice_that_is_too_old_may_not_commit(garbage: SmallVault) -> None:
    with garbage.another() as writer:
        part = fill(writer.slice(DRIVE, "asleep"), {"again": OLD})
        prune(garbage.vault)
        garbage.clock.advance(garbage.vault.format.slice_limit_s + 1)
        with pytest.raises(SliceExpired):
            garbage.committed(part, DRIVE, {"again": OLD})
    garbage.wait()
    assert prune(garbage.vault).packs_swept == 1
    whole(garbage)


def test_a_slice_after_the_condemned_list_stores_the_blob_again(garbage: SmallVault) -> None:
    with garbage.another() as writer:
        assert writer.head(DRIVE) is not None
        writer.sync()
        assert writer.cache.has(writer.names.blob_id(OLD))
        prune(garbage.vault)
        before = garbage.packs()
        garbage.write(DRIVE, {"again": OLD}, advance_s=1, vault=writer)
        assert len(garbage.packs()) == len(before) + 1
    garbage.wait()
    report = prune(garbage.vault)
    assert (report.blobs_rescued, report.packs_swept) == (0, 1)
    whole(garbage)


def test_a_slice_between_the_sweep_and_its_new_generation_stores_the_blob_again(garbage: SmallVault) -> None:
    with garbage.another() as writer:
        prune(garbage.vault)
        writer.sync()
        garbage.wait()
        listed = read_condemned(garbage.memory, garbage.keys, 1)
        for pack_id in listed.packs:
            garbage.memory.delete(f"packs/{pack_id.hex()[:2]}/{pack_id.hex()}")
        garbage.write(DRIVE, {"again": OLD}, advance_s=1, vault=writer)
    prune(garbage.vault)
    whole(garbage)


def test_a_blob_of_a_compacted_pack_is_found_in_the_copy_by_an_old_reader(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number}": noise(number) for number in range(10)})
    small.write(MAIL, {f"m{number}": None for number in range(8)})
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    with small.another() as reader:
        reader.sync()
        prune(small.vault)
        small.wait()
        assert prune(small.vault).packs_swept == 1
        assert small.compare(reader) == 1


def test_of_two_prunes_that_condemn_at_once_one_gives_way(
    garbage: SmallVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = condemn_module.write_condemned
    raced: list[object] = []

    def racing(*given: object) -> None:
        if not raced:
            raced.append(None)
            with garbage.another() as other:
                raced.append(prune(other))
        write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(condemn_module, "write_condemned", racing)
    with pytest.raises(Busy):
        prune(garbage.vault)
    assert len(raced) == 2
    assert newest_generation(garbage.memory) == 1
    garbage.wait()
    assert prune(garbage.vault).packs_swept == 1
    whole(garbage)


@pytest.mark.parametrize(
    "stop", ["marking", "reading indexes", "rescuing", "compacting", "deleting", "retention"]
)
def test_a_whole_prune_inside_another_at_any_stage_loses_nothing(small: SmallVault, stop: str) -> None:
    """The outer prune stops at `stop`; another one runs, time passes, a third sweeps; then the outer goes on."""
    small.write(MAIL, {f"m{number}": noise(number) for number in range(10)} | {"a": OLD})
    for day in range(8):
        small.write(MAIL, {f"d{day}": noise(("d", day))})
    set_retention(small.vault, Retention(1))
    part = fill(small.vault.slice(DRIVE, "run"), {"keep": OLD, "m8": noise(8)})
    small.write(MAIL, {"a": None, **{f"m{number}": None for number in range(8)}}, advance_s=60)
    small.write(MAIL, {"last": b"x"}, advance_s=60)
    prune(small.vault, now_ms=int((small.clock() + 2 * DAY_S) * 1000))
    small.committed(part, DRIVE, {"keep": OLD, "m8": noise(8)})
    small.write(DRIVE, {f"s{number}": noise(("s", number)) for number in range(10)}, advance_s=60)
    small.write(DRIVE, {f"s{number}": None for number in range(8)}, advance_s=60)
    small.wait()
    inner: list[Phase] = []

    def interrupt(stage: str, _done: int, _total: int) -> None:
        if stage == stop and not inner:
            inner.append(Phase.IDLE)
            with small.another() as other:
                inner.append(prune(other).phase)
                small.write(DRIVE, {"between": noise("between"), "more": OLD}, advance_s=1, vault=other)
                small.wait()
                inner.append(prune(other).phase)

    try:
        prune(small.vault, now_ms=int((small.clock() + 2 * DAY_S) * 1000), progress=interrupt)
    except Busy:
        pass
    assert inner
    for _ in range(3):
        whole(small)
        small.wait()
        prune(small.vault)
    whole(small)


def test_a_backup_inside_a_prune_at_any_stage_loses_nothing(garbage: SmallVault) -> None:
    stages: list[str] = []

    def backup(stage: str, _done: int, _total: int) -> None:
        if stages.count(stage) > 3:
            return
        stages.append(stage)
        with garbage.another() as writer:
            garbage.write(
                DRIVE, {f"s{len(stages)}": noise(len(stages)), "again": OLD}, advance_s=1, vault=writer
            )
            garbage.write(DRIVE, {"again": None}, advance_s=1, vault=writer)

    for _ in range(4):
        prune(garbage.vault, progress=backup)
        whole(garbage)
        garbage.wait()
    assert {"marking", "reading indexes", "compacting"} <= set(stages)


def test_being_condemned_is_final(garbage: SmallVault) -> None:
    """What a condemned pack holds is copied even if the whole pack is needed: another prune may be deleting it."""
    with garbage.another() as writer:
        part = fill(writer.slice(DRIVE, "paused"), {"again": OLD})
        prune(garbage.vault)
        garbage.committed(part, DRIVE, {"again": OLD})
    doomed = read_condemned(garbage.memory, garbage.keys, 1).packs
    garbage.wait()
    with garbage.another() as slow:
        stopped: list[CondemnedList] = []

        def stop(stage: str, _done: int, _total: int) -> None:
            if stage == "deleting" and not stopped:
                stopped.append(read_condemned(garbage.memory, garbage.keys, 1))
                with garbage.another() as other:
                    prune(other)
                    garbage.write(DRIVE, {"third": OLD}, advance_s=1, vault=other)

        with pytest.raises(Busy):
            prune(slow, progress=stop)
        assert stopped[0].packs == doomed
    whole(garbage)


def test_caches_learn_of_a_sweep(garbage: SmallVault) -> None:
    blob = garbage.vault.names.blob_id(OLD)
    prune(garbage.vault)

    def known(vault: Vault) -> tuple[bool, bool]:
        vault.sync()
        return vault.cache.find(blob) is not None, vault.cache.has(blob)

    with garbage.another() as reader:
        assert known(reader) == (True, False)
        garbage.wait()
        prune(garbage.vault)
        assert known(reader) == (False, False)


def test_a_process_that_listed_before_a_prune_does_not_make_the_shared_cache_forget_it(
    garbage: SmallVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes share a cache file: one lists, sleeps, and fills the cache after the other took in a prune."""
    blob = garbage.vault.names.blob_id(OLD)
    described = [read_record(garbage.memory, garbage.keys, name) for name in garbage.packs()]
    write_index(garbage.memory, garbage.keys, described, garbage.vault.random)
    cache_path = garbage.folder / "shared.sqlite"
    with garbage.sharing(cache_path) as slow, garbage.sharing(cache_path) as quick:
        listing = slow.loader._list

        def asleep() -> object:
            found = listing()
            if newest_generation(garbage.memory) == 0:
                prune(garbage.vault)
                quick.sync()
                assert not quick.cache.has(blob)
            return found

        monkeypatch.setattr(slow.loader, "_list", asleep)
        slow.sync()
        quick.cache.forget_packs()
        assert not quick.cache.has(blob)
        assert not slow.cache.has(blob)
