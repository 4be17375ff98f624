"""Rebuilding indexes: from packs alone, and never at the cost of an item that could still be read."""

from __future__ import annotations

import pytest

from backupd.domain.retention import Retention
from backupd.errors import Integrity
from backupd.vault.index import index_names
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.rebuild import rebuild_index
from backupd.vault.maintenance.reports import FindingKind
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.pack import read_record
from tests.unit.vault.maintenance.small_vault import DAY_S, DRIVE, MAIL, SmallVault, noise


def large(small: SmallVault) -> None:
    """A pack described by an index object, and one by its snapshot only."""
    small.write(MAIL, {f"m{number:04}": b"%d" % number for number in range(1100)})
    small.write(DRIVE, {"a": noise("a")})


def test_lost_indexes_come_back_from_the_packs(small: SmallVault) -> None:
    large(small)
    for name in list(index_names(small.memory)):
        small.memory.delete(name)
    assert not check(small.vault).ok
    with small.another() as vault:
        with pytest.raises(Integrity):
            small.compare(vault)
        report = rebuild_index(vault)
        assert (report.packs, report.blobs, report.indexes_written, report.indexes_removed) == (2, 1101, 1, 0)
        assert small.compare(vault) == 2
    assert check(small.vault, read_data=100).findings == []


def test_damaged_indexes_are_replaced(small: SmallVault) -> None:
    large(small)
    name = next(iter(index_names(small.memory)))
    small.memory.put(name, small.memory.get(name)[:-1])
    with small.another() as vault:
        with pytest.raises(Integrity):
            small.compare(vault)
        assert rebuild_index(vault).indexes_removed == 1
        assert small.compare(vault) == 2
    assert check(small.vault, read_data=100).findings == []


def test_a_pack_whose_directory_is_damaged_keeps_its_old_entries(small: SmallVault) -> None:
    """Its frames still open, so its items stay readable."""
    large(small)
    index = next(iter(index_names(small.memory)))
    described = max(
        small.packs(), key=lambda name: len(read_record(small.memory, small.keys, name).directory.lengths)
    )
    data = bytearray(small.memory.get(described))
    data[-20] ^= 1
    small.memory.put(described, bytes(data))
    with small.another() as vault:
        report = rebuild_index(vault)
        assert [(finding.kind, finding.object) for finding in report.findings] == [
            (FindingKind.DAMAGED, described)
        ]
        assert (report.packs, report.packs_carried_over) == (1, 1)
        assert index not in list(index_names(small.memory))
        assert small.compare(vault) == 2
    with small.another() as vault:
        assert small.compare(vault) == 2


def test_a_damaged_condemned_list_is_superseded(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    small.write(MAIL, {"a": noise(2)})
    set_retention(small.vault, Retention(1))
    small.clock.advance(DAY_S)
    prune(small.vault)
    small.memory.put("condemned/0000000001", b"damaged")
    with small.another() as vault:
        with pytest.raises(Integrity):
            vault.sync()
        (finding,) = rebuild_index(vault).findings
        assert finding.object == "condemned/0000000001"
        assert small.compare(vault) == 1
        prune(vault)
        small.wait()
        assert prune(vault).packs_swept == 1


def test_what_a_backup_adds_meanwhile_stays(small: SmallVault) -> None:
    large(small)
    added: list[int] = []

    def interrupt(_stage: str, _done: int, _total: int) -> None:
        if not added:
            changes = {f"n{number:04}": b"new %d" % number for number in range(1100)}
            with small.another() as writer:
                added.append(small.write(DRIVE, changes, vault=writer).seq)

    rebuild_index(small.vault, progress=interrupt)
    with small.another() as vault:
        assert small.compare(vault) == 3
        assert check(vault, read_data=100).findings == []
