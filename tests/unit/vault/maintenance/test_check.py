"""Check: whatever is wrong is named, with whose data it touches; what is whole is never called damaged."""

from __future__ import annotations

import base64
from collections.abc import Callable

import msgspec
import pytest

from backupd.domain.retention import Retention
from backupd.errors import UsageError
from backupd.vault.condemned import CondemnedList, write_condemned
from backupd.vault.entries import Content, Entry, Version
from backupd.vault.index import index_names, write_index
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.holds import Hold, place_hold
from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.reports import Affected, CheckReport, FindingKind
from backupd.vault.maintenance.retention import set_retention
from backupd.vault.pack import read_record
from backupd.vault.packer import Packer
from backupd.vault.sealing import Kind
from backupd.vault.snapshot import (
    BaseHeader,
    PageWriter,
    SnapshotHeader,
    base_name,
    read_base,
    read_snapshot,
    snapshot_name,
)
from tests.unit.vault.maintenance.small_vault import DAY_S, DRIVE, MAIL, Item, SmallVault, noise

MESSAGE = b"From: a@b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"


@pytest.fixture
def filled(small: SmallVault) -> SmallVault:
    """Every kind of object: packs, an index, snapshots, a base and a roll-up, tombstones, a condemned list, records."""
    small.write(MAIL, {f"m{number}": noise(number, 100) for number in range(4)})
    small.write(MAIL, {"m0": None, "m1": noise("m1", 100)})
    for step in range(6):
        small.write(DRIVE, {"d": noise(("d", step), 100)}, advance_s=DAY_S / 3)
    place_hold(small.vault, "case", Hold("other/", "r", 0))
    set_retention(small.vault, Retention(4, daily=1))
    small.clock.advance(2 * DAY_S)
    prune(small.vault)
    small.write(MAIL, {"m9": noise(9, 100)})
    return small


def kinds(report: CheckReport) -> list[FindingKind]:
    return [finding.kind for finding in report.findings]


def names(small: SmallVault, prefix: str) -> list[str]:
    return [info.name for info in small.memory.list(prefix)]


def change(small: SmallVault, name: str, how: Callable[[bytes], bytes]) -> None:
    small.memory.put(name, how(small.memory.get(name)))


def flip(place: int, bit: int = 0) -> Callable[[bytes], bytes]:
    def how(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[place] ^= 1 << bit
        return bytes(changed)

    return how


def test_a_whole_vault_has_no_findings(filled: SmallVault) -> None:
    report = check(filled.vault, read_data=100)
    assert report.findings == []
    assert report.ok
    assert report.objects == len(names(filled, ""))
    assert report.streams == 2
    assert report.packs == report.packs_read == len(filled.packs())
    assert report.snapshots == len(filled.seqs(MAIL)) + len(filled.seqs(DRIVE))
    assert report.blobs_referenced == 7


def test_the_sample_vault_holds_every_kind_of_object(filled: SmallVault) -> None:
    for prefix in ("packs/", "indexes/", "snapshots/", "bases/", "condemned/", "holds/", "policy/"):
        assert names(filled, prefix), prefix
    assert {name.endswith("-0000000000") for name in names(filled, "bases/")} == {True, False}


@pytest.mark.parametrize("step", [151, pytest.param(1, marks=pytest.mark.soak)])
def test_flipped_bits_anywhere_are_found(filled: SmallVault, step: int) -> None:
    """Every object is damaged at its first and last bytes and at every `step`-th between, a bit at a time."""
    flips = 0
    # Packs of garbage are nobody's loss, but they are found as well.
    for name in names(filled, ""):
        whole = filled.memory.get(name)
        for place in sorted({*range(0, len(whole), step), 5, len(whole) - 8, len(whole) - 1}):
            filled.memory.put(name, flip(place, place % 8)(whole))
            report = check(filled.vault, read_data=100)
            assert not report.ok, f"{name} byte {place}"
            assert any(finding.object in (name, name.rpartition("/")[0] + "/") for finding in report.findings)
            flips += 1
        filled.memory.put(name, whole)
    assert flips > 100
    assert check(filled.vault, read_data=100).findings == []


@pytest.mark.parametrize("prefix", ["packs/", "indexes/", "snapshots/", "bases/", "condemned/", "holds/"])
def test_a_truncated_object_is_found_and_the_check_goes_on(filled: SmallVault, prefix: str) -> None:
    name = names(filled, prefix)[-1]
    for length in (0, 20, 60):
        change(filled, name, lambda data, length=length: data[:length])  # type: ignore[misc]
        report = check(filled.vault, read_data=100)
        assert name in [finding.object for finding in report.findings if not finding.kind.harmless]
        assert report.streams == 2


def test_a_missing_pack_names_the_items_it_takes_along(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1), "b": noise(2)})
    small.write(MAIL, {"a": noise(3)})
    small.write(DRIVE, {"same": noise(2)})
    record = first_pack_of(small, MAIL, 1)
    small.memory.delete(record)
    (finding,) = check(small.vault).findings
    assert (finding.kind, finding.object) == (FindingKind.MISSING, record)
    assert set(finding.affected) == {
        Affected(MAIL, 1, "a"),
        Affected(MAIL, 1, "b"),
        Affected(DRIVE, 1, "same"),
    }
    assert finding.affected_count == 3


def test_a_missing_index_is_found_though_the_packs_are_there(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number:04}": b"%d" % number for number in range(1100)})
    small.memory.delete(names(small, "indexes/")[0])
    (finding,) = check(small.vault).findings
    assert (finding.kind, finding.affected_count, len(finding.affected)) == (FindingKind.INDEX, 1100, 1000)


def test_a_missing_snapshot_is_found(filled: SmallVault) -> None:
    name = names(filled, "snapshots/")[1]
    filled.memory.delete(name)
    report = check(filled.vault)
    assert (FindingKind.MISSING, name) in [(finding.kind, finding.object) for finding in report.findings]


def test_a_snapshot_of_another_history_breaks_the_chain(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1"})
    small.write(MAIL, {"a": b"2"})
    other = snapshot_name(small.vault.names.name("stream", MAIL), 1)
    before = small.memory.get(other)
    small.memory.delete(other)
    small.memory.delete(snapshot_name(small.vault.names.name("stream", MAIL), 2))
    small.write(MAIL, {"a": b"another first"})
    first = small.memory.get(other)
    small.write(MAIL, {"a": b"second"})
    small.memory.put(other, before)
    assert first != before
    found = [finding for finding in check(small.vault).findings if not finding.kind.harmless]
    assert [finding.kind for finding in found] == [FindingKind.CHAIN]


def test_a_pack_longer_than_its_record_is_found(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    change(small, small.packs()[0], lambda data: data + b"x")
    assert kinds(check(small.vault)) == [FindingKind.LENGTH]


def test_an_index_that_lies_is_found(small: SmallVault) -> None:
    small.write(MAIL, {f"m{number:04}": b"%d" % number for number in range(1100)})
    record = read_record(small.memory, small.keys, small.packs()[0])
    lying = msgspec.structs.replace(
        record, directory=msgspec.structs.replace(record.directory, ids=record.directory.ids[::-1])
    )
    small.memory.delete(names(small, "indexes/")[0])
    name = write_index(small.memory, small.keys, [lying], small.vault.random)
    report = check(small.vault)
    assert FindingKind.INDEX in kinds(report)
    write_index(small.memory, small.keys, [record], small.vault.random)
    report = check(small.vault)
    assert FindingKind.INDEX in kinds(report)
    assert any(finding.object in (name, *names(small, "indexes/")) for finding in report.findings)


def test_strays_are_told_but_harm_nothing(filled: SmallVault) -> None:
    for name in ("packs/readme", "other/thing", "snapshots/x/0000000001", "condemned/old", "indexes/a"):
        filled.memory.put(name, b"?")
    report = check(filled.vault)
    strays = {finding.object for finding in report.findings if finding.kind is FindingKind.STRAY}
    assert strays == {"packs/readme", "other/thing", "snapshots/x/0000000001", "condemned/old", "indexes/a"}


def test_a_crashed_writers_pack_is_told_but_harms_nothing(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    part = small.vault.slice(MAIL, "dies")
    part._intake.take(noise(2), 2000, is_mail=False)
    part._packer.finish()
    report = check(small.vault, read_data=100)
    assert kinds(report) == [FindingKind.UNINDEXED]
    assert report.ok


def test_a_base_that_is_not_what_it_stands_for_is_found(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1"})
    small.write(MAIL, {"b": b"2"})
    timeline = small.vault.timeline(MAIL)
    name = timeline.write_base(2)
    header, layer = read_base(small.memory, small.keys, name)
    entries = [entry for entry in layer.entries() if entry.id == "a"]
    rewrite_base(small, base_name(timeline.key, 2, 0), header, entries)
    report = check(small.vault, read_data=100)
    assert [(finding.kind, finding.object) for finding in report.findings] == [(FindingKind.PAGES, name)]


def test_entries_out_of_order_are_found(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1", "b": b"2"})
    rewrite_snapshot(small, lambda entries: entries[::-1])
    assert kinds(check(small.vault)) == [FindingKind.PAGES]


def test_a_header_that_counts_wrong_is_found(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1", "b": b"2"})
    rewrite_snapshot(small, lambda entries: entries[:1])
    assert FindingKind.PAGES in kinds(check(small.vault))


def test_a_content_put_together_wrongly_is_found_by_reading_items(small: SmallVault) -> None:
    """Each blob is sound, but they are not the item's."""
    small.write(MAIL, {"a": noise(1, 50), "b": noise(2, 50), "c": noise(3, 50)})

    def swapped(entries: list[Entry]) -> list[Entry]:
        a, b, c = entries
        assert a.version is not None and a.version.content is not None
        assert b.version is not None and b.version.content is not None
        wrong = Content(a.version.content.digest, 50, b.version.content.blobs, [])
        version: Version = msgspec.structs.replace(a.version, content=wrong)
        return [msgspec.structs.replace(a, version=version), b, c]

    rewrite_snapshot(small, swapped)
    assert kinds(check(small.vault)) == []
    (finding,) = check(small.vault, read_data=100).findings
    assert (finding.kind, finding.affected) == (FindingKind.CONTENT, [Affected(MAIL, 1, "a")])


def test_a_blob_under_another_blobs_id_is_found_though_its_frame_is_authentic(small: SmallVault) -> None:
    small.write(MAIL, {"a": noise(1)})
    packer = Packer(
        small.memory,
        small.keys,
        small.vault.workshop,
        random=small.vault.random,
        spool_dir=small.vault.spool_dir,
    )
    packer.add(small.vault.names.blob_id(b"one"), b"another", binary=False)
    records = packer.finish()
    write_index(small.memory, small.keys, records, small.vault.random)
    assert kinds(check(small.vault)) == []
    (finding,) = check(small.vault, read_data=100).findings
    assert (finding.kind, finding.object) == (FindingKind.BLOB, records[0].name)


def test_a_sample_is_seeded_and_bounded(small: SmallVault) -> None:
    for number in range(10):
        small.write(MAIL, {f"m{number}": noise(number)})
    name = small.packs()[3]
    change(small, name, flip(100))
    found = [bool(check(small.vault, read_data=20, seed=seed).findings) for seed in range(12)]
    assert 0 < sum(found) < 12
    assert found == [bool(check(small.vault, read_data=20, seed=seed).findings) for seed in range(12)]
    assert check(small.vault, read_data=20).packs_read == 2
    assert check(small.vault, read_data=0.001).packs_read == 1
    for percent in (0, -1, 101):
        with pytest.raises(UsageError):
            check(small.vault, read_data=percent)


def test_split_mail_and_chunked_files_are_read_whole(small: SmallVault) -> None:
    body = base64.encodebytes(noise("attachment", 9000)).replace(b"\n", b"\r\n")
    part = small.vault.slice(MAIL, "run")
    part.upsert(Item("mail", b"1", 0, kind="message"), MESSAGE + body)
    part.upsert(Item("file", b"1", 0), noise("file", 3_000_000))
    part.commit(b"", complete=True, as_of_ms=0)
    report = check(small.vault, read_data=100)
    assert (report.findings, report.contents_read) == ([], 2)


def test_progress_is_told(filled: SmallVault) -> None:
    stages: set[str] = set()
    check(filled.vault, read_data=100, progress=lambda stage, _done, _total: stages.add(stage))
    assert {"reading indexes", "opening packs", "reading packs", "streams"} <= stages


def test_a_check_writes_nothing_and_leaves_no_files(filled: SmallVault) -> None:
    before = dict(filled.memory._objects)
    spool = sorted(filled.vault.spool_dir.iterdir())
    check(filled.vault, read_data=100)
    assert filled.memory._objects == before
    assert sorted(filled.vault.spool_dir.iterdir()) == spool


@pytest.mark.parametrize("stop", ["opening packs", "reading packs", "streams"])
def test_a_prune_during_a_check_is_no_damage(filled: SmallVault, stop: str) -> None:
    filled.wait()
    pruned: list[int] = []

    def interrupt(stage: str, _done: int, _total: int) -> None:
        if stage == stop and not pruned:
            with filled.another() as vault:
                pruned.append(prune(vault).packs_swept)

    assert check(filled.vault, read_data=100, progress=interrupt).ok
    assert pruned[0]


def test_a_condemned_list_of_another_name_is_found(small: SmallVault) -> None:
    small.write(MAIL, {"a": b"1"})
    write_condemned(small.memory, small.keys, CondemnedList(1, 0, []), small.vault.random)
    small.memory.put("condemned/0000000002", small.memory.get("condemned/0000000001"))
    assert kinds(check(small.vault)) == [FindingKind.DAMAGED]
    assert len(list(index_names(small.memory))) == 0


def first_pack_of(small: SmallVault, stream: str, seq: int) -> str:
    name = snapshot_name(small.vault.names.name("stream", stream), seq)
    return read_snapshot(small.memory, small.keys, name, stream)[0].packs[0].name


def rewrite_snapshot(small: SmallVault, how: Callable[[list[Entry]], list[Entry]]) -> None:
    """Replace snapshot 1 of the mail stream by one with other entries, sealed with the right keys."""
    name = snapshot_name(small.vault.names.name("stream", MAIL), 1)
    header, _ = read_snapshot(small.memory, small.keys, name, MAIL)
    entries = list(small.vault.timeline(MAIL).layer(1).entries())
    replace(small, Kind.SNAPSHOT, name, header, how(entries))


def rewrite_base(small: SmallVault, name: str, header: BaseHeader, entries: list[Entry]) -> None:
    replace(small, Kind.BASE, name, msgspec.structs.replace(header, items=len(entries)), entries)


def replace(
    small: SmallVault, kind: Kind, name: str, header: SnapshotHeader | BaseHeader, entries: list[Entry]
) -> None:
    writer = PageWriter(small.keys, kind, name, small.vault.random, small.vault.spool_dir)
    writer.add(entries)
    writer.replace(small.memory, msgspec.structs.replace(header, pages=writer.pages))
