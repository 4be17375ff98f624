"""Items go back where they were, once, whole, and nowhere else."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.archive import meta
from connectors.sdk.errors import Integrity, Permanent, Retriable, Skippable
from connectors.sdk.records import (
    Item,
    OnConflict,
    Restored,
    RestoreOutcome,
    Service,
    StoredContent,
    Target,
)
from tests.contracts.committed import Committed, stored
from tests.unit.connectors.archive.reading import both, connection, stream, whole_tree
from tests.unit.connectors.archive.samples import SHAPES, A, B, C, sample

WRITTEN, EXISTING, ALREADY = RestoreOutcome


def restore(
    item: Item, data: bytes | None, target: Target, on_conflict: OnConflict = OnConflict.SKIP
) -> Restored:
    opened = connection(Path("/nonexistent"))
    try:
        return opened.stream(".", Service.MAIL).restore(item, stored(data), target, on_conflict)
    finally:
        opened.close()


def held(root: Path, service: Service = Service.DRIVE) -> list[tuple[Item, bytes | None]]:
    state = Committed()
    state.back_up(stream(root, service))
    return list(state.items.values())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "from" / "dir").mkdir(parents=True)
    return tmp_path / "from"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "to"


def one_file(source: Path, name: str = "dir/report.tar.gz") -> Item:
    (source / name).write_bytes(b"original")
    os.utime(source / name, ns=(1, 1_234_567_890_123_456_789))
    (source / name).chmod(0o6754)
    return next(item for item, data in held(source) if data is not None)


def test_a_lost_import_folder_is_restored_elsewhere(source: Path, out: Path) -> None:
    sample(source)
    states = both(source)
    tree = whole_tree(source)
    everything = [pair for state in states for pair in state.items.values()]
    everything.sort(key=lambda pair: (pair[0].id.partition("//")[0], meta.load(pair[0].meta).offset))
    source.rename(source.with_name("lost"))
    for item, data in everything:
        outcome = restore(item, data, Target(str(out))).outcome
        assert outcome is WRITTEN or data is None  # a folder may be there for the sake of a file
    assert whole_tree(out) == tree
    for item, data in everything:
        assert restore(item, data, Target(str(out))).outcome is ALREADY
    assert whole_tree(out) == tree


def test_without_a_location_it_goes_to_its_original_place(source: Path) -> None:
    item = one_file(source)
    (source / "dir" / "report.tar.gz").unlink()
    got = stream(source, Service.DRIVE).restore(item, stored(b"original"), Target(""), OnConflict.SKIP)
    assert got == Restored(WRITTEN, "dir/report.tar.gz")
    assert (source / "dir" / "report.tar.gz").read_bytes() == b"original"


def test_time_and_safe_mode_bits_come_back(source: Path, out: Path) -> None:
    restore(one_file(source), b"original", Target(str(out)))
    now = os.stat(out / "dir" / "report.tar.gz")
    assert now.st_mtime_ns == 1_234_567_890_123_456_789
    assert now.st_mode & 0o7777 == 0o754


def test_another_folder_is_put_above_and_cannot_lead_out(source: Path, out: Path) -> None:
    item = one_file(source)
    assert (
        restore(item, b"original", Target(str(out), "Restored/today")).place
        == "Restored/today/dir/report.tar.gz"
    )
    place = restore(item, b"original", Target(str(out), "../../up//.")).place
    assert place == "__/__/up/_/dir/report.tar.gz"
    assert sorted(path.name for path in out.parent.iterdir()) == ["from", "to"]


def test_conflicts(source: Path, out: Path) -> None:
    item = one_file(source)
    (out / "dir").mkdir(parents=True)
    there = out / "dir" / "report.tar.gz"
    there.write_bytes(b"somebody else's")
    target = Target(str(out))
    assert restore(item, b"original", target, OnConflict.SKIP).outcome is EXISTING
    assert there.read_bytes() == b"somebody else's"
    copy = Restored(WRITTEN, "dir/report.tar (restored).gz")
    assert restore(item, b"original", target, OnConflict.COPY) == copy
    assert restore(item, b"original", target, OnConflict.COPY).outcome is ALREADY
    assert restore(item, b"changed since", target, OnConflict.COPY).place == "dir/report.tar (restored 2).gz"
    assert there.read_bytes() == b"somebody else's"
    assert restore(item, b"original", target, OnConflict.REPLACE) == Restored(WRITTEN, "dir/report.tar.gz")
    assert there.read_bytes() == b"original"
    assert restore(item, b"original", target, OnConflict.REPLACE).outcome is ALREADY
    assert restore(item, b"original", target, OnConflict.SKIP).outcome is ALREADY
    assert sorted(path.name for path in there.parent.iterdir()) == [
        "report.tar (restored 2).gz",
        "report.tar (restored).gz",
        "report.tar.gz",
    ]


def broken() -> Iterator[bytes]:
    yield b"the first half"
    raise Integrity("the digest is wrong")


@pytest.mark.parametrize("on_conflict", OnConflict)
def test_content_that_turns_out_damaged_leaves_nothing_behind(
    source: Path, out: Path, on_conflict: OnConflict
) -> None:
    item = one_file(source)
    (out / "dir").mkdir(parents=True)
    if on_conflict is OnConflict.REPLACE:
        (out / "dir" / "report.tar.gz").write_bytes(b"the old one")
    before = whole_tree(out)
    opened = connection(source)
    with pytest.raises(Integrity):
        opened.stream(".", Service.DRIVE).restore(
            item, StoredContent(20, broken), Target(str(out)), on_conflict
        )
    assert whole_tree(out) == before


def test_a_message_that_turns_out_damaged_while_it_is_appended_is_taken_back(source: Path, out: Path) -> None:
    (source / "in.mbox").write_bytes(A)
    out.mkdir()
    (out / "in.mbox").write_bytes(C)
    ((item, _),) = held(source, Service.MAIL)
    for good_readings in (0, 1):
        readings = iter([iter([A])] * good_readings + [broken()])
        damaged = StoredContent(len(A), lambda readings=readings: next(readings))  # type: ignore[misc]
        with pytest.raises(Integrity):
            stream(source).restore(item, damaged, Target(str(out)), OnConflict.SKIP)
        assert (out / "in.mbox").read_bytes() == C


def test_folders_come_back_with_their_mode(source: Path, out: Path) -> None:
    (source / "dir").chmod(0o2710)
    (source / "dir" / "closed").mkdir()
    (source / "dir" / "closed").chmod(0o500)
    for item, data in held(source):
        assert restore(item, data, Target(str(out))).outcome is WRITTEN
        assert restore(item, data, Target(str(out))).outcome is ALREADY
    assert os.stat(out / "dir").st_mode & 0o7777 == 0o710
    assert os.stat(out / "dir" / "closed").st_mode & 0o7777 == 0o700  # its owner may go on restoring into it


HOSTILE_IDS = ["../up", "/etc/x", "a/../../up", "..", ".", "", "a//../up", "///up", "dir/../../../up", "~/x"]


@pytest.mark.parametrize("item_id", HOSTILE_IDS)
@pytest.mark.parametrize("container", [meta.FILE, meta.EML, meta.FOLDER, meta.MBOX, meta.MAILDIR])
def test_no_id_leads_out_of_the_target(source: Path, out: Path, item_id: str, container: str) -> None:
    details = meta.Meta(meta.VERSION, container, 0o644, 0, "../..", "../../up", 0, 1)
    item = dataclasses.replace(one_file(source), id=item_id, meta=meta.dump(details))
    before = whole_tree(out.parent / "from")
    try:
        place = restore(item, b"hostile", Target(str(out)), OnConflict.REPLACE).place
        assert (out / place).exists() and ".." not in place.split("/")
    except Skippable:
        assert container not in (meta.FILE, meta.EML)  # whose bytes are given back under another name
    assert sorted(path.name for path in out.parent.iterdir()) == ["from", "to"]
    assert whole_tree(out.parent / "from") == before
    assert not Path("/etc/x").exists()


def test_links_planted_in_the_target_do_not_lead_out(source: Path, out: Path) -> None:
    outside = out.parent / "outside"
    outside.mkdir()
    (outside / "report.tar.gz").write_bytes(b"theirs")
    item = one_file(source)
    out.mkdir()
    (out / "dir").symlink_to(outside)
    for on_conflict in OnConflict:
        with pytest.raises(Skippable) as failed:
            restore(item, b"original", Target(str(out)), on_conflict)
        assert failed.value.reason == "target-in-the-way"
    (out / "dir").unlink()
    (out / "dir").mkdir()
    (out / "dir" / "report.tar.gz").symlink_to(outside / "report.tar.gz")
    assert restore(item, b"original", Target(str(out)), OnConflict.SKIP).outcome is EXISTING
    assert restore(item, b"original", Target(str(out)), OnConflict.REPLACE).outcome is WRITTEN
    assert not (out / "dir" / "report.tar.gz").is_symlink()
    assert (outside / "report.tar.gz").read_bytes() == b"theirs"
    (source / "in.mbox").write_bytes(A)
    (outside / "in.mbox").write_bytes(B)
    (out / "in.mbox").symlink_to(outside / "in.mbox")
    with pytest.raises(Skippable):
        restore(*held(source, Service.MAIL)[0], Target(str(out)))
    assert (outside / "in.mbox").read_bytes() == B


def test_a_target_that_is_no_folder_is_an_error(source: Path, out: Path) -> None:
    out.write_bytes(b"a file")
    with pytest.raises(Permanent):
        restore(one_file(source), b"original", Target(str(out)))


def test_an_item_without_content_is_skipped(source: Path, out: Path) -> None:
    with pytest.raises(Skippable) as failed:
        restore(one_file(source), None, Target(str(out)))
    assert failed.value.reason == "no-content"


def test_a_maildir_message_comes_back_with_its_flags(source: Path, out: Path) -> None:
    for name in ("cur", "new"):
        (source / "box" / name).mkdir(parents=True)
    (source / "box" / "cur" / "1.M.h:2,FS").write_bytes(b"seen")
    (source / "box" / "new" / "2.M.h").write_bytes(b"new")
    for item, data in held(source, Service.MAIL):
        assert restore(item, data, Target(str(out))).outcome is WRITTEN
    assert (out / "box" / "cur" / "1.M.h:2,FS").read_bytes() == b"seen"
    assert (out / "box" / "new" / "2.M.h").read_bytes() == b"new"


def test_a_maildir_message_that_got_other_flags_is_not_written_twice(source: Path, out: Path) -> None:
    (source / "box" / "new").mkdir(parents=True)
    (source / "box" / "cur").mkdir()
    (source / "box" / "new" / "1.M.h").write_bytes(b"mail")
    ((item, data),) = held(source, Service.MAIL)
    (out / "box" / "cur").mkdir(parents=True)
    there = out / "box" / "cur" / "1.M.h:2,RS"
    there.write_bytes(b"mail")
    for on_conflict in OnConflict:
        got = restore(item, data, Target(str(out)), on_conflict)
        assert got == Restored(ALREADY, "box/cur/1.M.h:2,RS")
    there.write_bytes(b"other mail")
    assert restore(item, data, Target(str(out)), OnConflict.SKIP).outcome is EXISTING
    copy = restore(item, data, Target(str(out)), OnConflict.COPY)
    assert copy == Restored(WRITTEN, "box/cur/1.M.h.restored:2,RS")
    assert restore(item, data, Target(str(out)), OnConflict.REPLACE).place == "box/cur/1.M.h:2,RS"
    assert there.read_bytes() == b"mail"


@pytest.mark.parametrize("shape", SHAPES)
def test_an_mbox_restored_in_order_is_the_mbox(source: Path, out: Path, shape: str) -> None:
    (source / "in.mbox").write_bytes(SHAPES[shape])
    os.utime(source / "in.mbox", ns=(5, 5))
    (source / "in.mbox").chmod(0o640)
    pieces = sorted(held(source, Service.MAIL), key=lambda pair: meta.load(pair[0].meta).offset)
    opened = connection(source)
    for repeat in range(2):
        for item, data in pieces:
            got = opened.stream(".", Service.MAIL).restore(
                item, stored(data), Target(str(out)), OnConflict.SKIP
            )
            assert got.outcome is (ALREADY if repeat else WRITTEN)
        assert (out / "in.mbox").read_bytes() == SHAPES[shape]
    now = os.stat(out / "in.mbox")
    assert (now.st_mtime_ns, now.st_mode & 0o7777) == (5, 0o640)


@pytest.mark.parametrize(
    "there", [B, B.rstrip(b"\n"), b"\n", b"no From line", B.replace(b"\n", b"\r\n").rstrip(b"\r\n") + b"\r\n"]
)
def test_a_message_is_appended_as_a_message_of_its_own_and_once(
    source: Path, out: Path, there: bytes
) -> None:
    (source / "in.mbox").write_bytes(C + b"\n" + A)
    out.mkdir()
    (out / "in.mbox").write_bytes(there)
    pieces = held(source, Service.MAIL)
    for repeat in range(3):
        for item, data in pieces:
            got = restore(item, data, Target(str(out)), OnConflict.COPY)
            assert got.outcome is (ALREADY if repeat else WRITTEN)
    now = (out / "in.mbox").read_bytes()
    assert now.startswith(there) and now.count(A.strip()) == now.count(C.strip()) == 1
    assert {A.strip(), C.strip()} <= {data.strip() for _, data in held(out, Service.MAIL) if data}


def test_an_empty_line_put_after_a_message_does_not_hide_it(source: Path, out: Path) -> None:
    for name, data in (("a.mbox", A), ("c.mbox", C)):
        (source / name).write_bytes(data)
    a, c = (
        (dataclasses.replace(item, id="in" + item.id[1:]), data) for item, data in held(source, Service.MAIL)
    )
    assert [restore(*piece, Target(str(out))).outcome for piece in (c, a, c, a)] == [
        WRITTEN,
        WRITTEN,
        ALREADY,
        ALREADY,
    ]
    assert (out / "in.mbox").read_bytes() == C + b"\n" + A


def test_what_stands_before_the_first_message_is_not_appended(source: Path, out: Path) -> None:
    (source / "in.mbox").write_bytes(b"junk\n\n" + A)
    out.mkdir()
    (out / "in.mbox").write_bytes(B)
    junk = next(pair for pair in held(source, Service.MAIL) if pair[1] == b"junk\n\n")
    assert restore(*junk, Target(str(out))).outcome is EXISTING
    assert (out / "in.mbox").read_bytes() == B


def test_what_another_program_delivers_meanwhile_is_seen(source: Path, out: Path) -> None:
    (source / "in.mbox").write_bytes(A + B)
    opened = connection(source)
    into = opened.stream(".", Service.MAIL)
    pieces = sorted(held(source, Service.MAIL), key=lambda pair: meta.load(pair[0].meta).offset)
    assert into.restore(pieces[0][0], stored(A), Target(str(out)), OnConflict.SKIP).outcome is WRITTEN
    with (out / "in.mbox").open("ab") as file:
        file.write(B)
    assert into.restore(pieces[1][0], stored(B), Target(str(out)), OnConflict.SKIP).outcome is ALREADY


LOCKER = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_locked_mbox_is_tried_again_later(source: Path, out: Path) -> None:
    (source / "in.mbox").write_bytes(A)
    out.mkdir()
    (out / "in.mbox").write_bytes(B)
    ((item, data),) = held(source, Service.MAIL)
    command = [sys.executable, "-c", LOCKER, str(out / "in.mbox")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"locked\n"
        with pytest.raises(Retriable):
            restore(item, data, Target(str(out)))
        assert (out / "in.mbox").read_bytes() == B
    assert restore(item, data, Target(str(out))).outcome is WRITTEN
