"""What cannot be backed up is a typed, visible skip; it never stops the rest and never looks like a deletion."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.archive import content
from connectors.archive.connector import CONNECTOR
from connectors.sdk.errors import Permanent, Skippable
from connectors.sdk.records import Service, Upsert
from tests.contracts.committed import Committed, read, without_checkpoints
from tests.unit.connectors.archive.reading import (
    both,
    connection,
    deleted,
    rebuilt,
    skipped,
    stream,
    whole_tree,
)

NOBODY = 65534
NOT_FILES = {"link.txt", "link to folder", "pipe.txt", "pipe", "socket.dat", "dangling.eml", "dangling.mbox"}


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run as a user whom permissions bind (root is asked to step down; others are bound already)."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def upserts(root: Path, service: Service = Service.DRIVE) -> dict[str, Upsert]:
    said = stream(root, service).changes(None, Committed())
    return {change.item.id: change for change in said if isinstance(change, Upsert)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "import"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "sub" / "b.txt").write_bytes(b"b")
    (folder / "sub" / "c.eml").write_bytes(b"c")
    return folder


@contextmanager
def opened_names() -> Iterator[set[str]]:
    """Collect the last part of every path that is opened."""
    real = os.open
    names: set[str] = set()

    def recording(path: str, *args: int, **kwargs: int) -> int:
        names.add(os.path.basename(path))
        return real(path, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", recording)
        yield names


def test_links_sockets_and_pipes_are_skipped_and_never_opened(root: Path) -> None:
    (root / "link.txt").symlink_to(root / "a.txt")
    (root / "link to folder").symlink_to(root / "sub")
    (root / "dangling.eml").symlink_to("/nowhere")
    (root / "dangling.mbox").symlink_to("/nowhere")
    os.mkfifo(root / "pipe.txt")
    os.mkfifo(root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(root)  # a socket's path is short
    try:
        server.bind("socket.dat")
    finally:
        os.chdir(here)
        server.close()
    drive, mail = Committed(), Committed()
    with opened_names() as opened:
        drive.back_up(stream(root, Service.DRIVE))
        mail.back_up(stream(root))
    assert opened >= {"a.txt", "sub"}
    assert not opened & NOT_FILES
    assert drive.failures == {
        "link.txt": "symlink",
        "link to folder": "symlink",
        "pipe": "not-a-regular-file",
        "pipe.txt": "not-a-regular-file",
        "socket.dat": "not-a-regular-file",
    }
    assert mail.failures == {"dangling.eml": "symlink", "dangling.mbox//": "symlink"}
    assert sorted(drive.contents()) == [b"a", b"b"]
    for name in NOT_FILES:
        (root / name).unlink()
    drive.back_up(stream(root, Service.DRIVE))
    mail.back_up(stream(root))
    assert not drive.failures and not mail.failures


def test_a_loop_of_links_is_not_walked(root: Path) -> None:
    (root / "sub" / "up").symlink_to("..")
    state = Committed()
    state.back_up(stream(root, Service.DRIVE))
    assert sorted(state.items) == ["a.txt", "sub/", "sub/b.txt"]


def test_an_unreadable_file_is_a_pending_failure_beside_its_last_version(root: Path) -> None:
    state, opened = Committed(), connection(root)
    state.back_up(opened.stream(".", Service.DRIVE))
    (root / "a.txt").write_bytes(b"a, changed")
    (root / "a.txt").chmod(0)
    (root / "new file").write_bytes(b"unreadable, and of no telling name")
    (root / "new file").chmod(0)
    with unprivileged():
        state.back_up(opened.stream(".", Service.DRIVE))
    assert state.failures == {"a.txt": "permission-denied", "new file": "permission-denied"}
    assert state.items["a.txt"][1] == b"a"
    (root / "a.txt").chmod(0o600)
    (root / "new file").chmod(0o600)
    state.back_up(opened.stream(".", Service.DRIVE))
    assert not state.failures
    assert state.items["a.txt"][1] == b"a, changed"


@pytest.mark.parametrize("mode", [0, 0o444], ids=["not listable", "listable only"])
def test_nothing_below_an_unreadable_folder_is_reported_deleted(root: Path, mode: int) -> None:
    (root / "sub" / "box" / "cur").mkdir(parents=True)
    (root / "sub" / "box" / "new").mkdir()
    (root / "sub" / "box" / "cur" / "1:2,S").write_bytes(b"1")
    (root / "sub" / "in.mbox").write_bytes(b"From a\n\nx\n\n")
    opened = connection(root)
    states = {service: Committed() for service in (Service.MAIL, Service.DRIVE)}
    for service, state in states.items():
        state.back_up(opened.stream(".", service))
    before = {service: state.contents() for service, state in states.items()}
    (root / "z.txt").write_bytes(b"goes on after it")
    (root / "sub").chmod(mode)
    try:
        with unprivileged():
            said = {service: state.back_up(opened.stream(".", service)) for service, state in states.items()}
    finally:
        (root / "sub").chmod(0o755)
    for service, state in states.items():
        assert not deleted(said[service])
        assert set(skipped(said[service]).values()) == {"permission-denied"}
        assert before[service] <= state.contents()
    assert b"goes on after it" in states[Service.DRIVE].contents()
    for service, state in states.items():
        state.back_up(opened.stream(".", service))
        assert not state.failures
    assert rebuilt(list(states.values())) == whole_tree(root)


def test_an_unreadable_half_of_a_maildir_keeps_its_messages_and_the_other_half_goes_on(root: Path) -> None:
    box = root / "box"
    for name in ("cur", "new"):
        (box / name).mkdir(parents=True)
    (box / "cur" / "1:2,S").write_bytes(b"1")
    opened, state = connection(root), Committed()
    state.back_up(opened.stream(".", Service.MAIL))
    (box / "new" / "2").write_bytes(b"2")
    (box / "cur").chmod(0)
    try:
        with unprivileged():
            said = state.back_up(opened.stream(".", Service.MAIL))
    finally:
        (box / "cur").chmod(0o755)
    assert skipped(said) == {"box/cur/": "permission-denied"} and not deleted(said)
    assert sorted(state.contents()) == [b"1", b"2", b"c"]


def test_an_mbox_that_becomes_unreadable_keeps_its_messages(root: Path) -> None:
    for name in ("in.mbox", "Inbox"):
        (root / name).write_bytes(b"From a@x Mon Feb  3 04:05:06 2020\n\n" + name.encode() + b"\n\n")
    opened, state = connection(root), Committed()
    state.back_up(opened.stream(".", Service.MAIL))
    before = state.contents()
    for name in ("in.mbox", "Inbox"):
        (root / name).chmod(0)
        os.utime(root / name, (1, 1))
    with unprivileged():
        said = state.back_up(opened.stream(".", Service.MAIL))
    assert skipped(said) == {"in.mbox//": "permission-denied", "Inbox//": "permission-denied"}
    assert not deleted(said) and state.contents() == before


def test_an_import_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for root in (tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").write_bytes(b"")
        opened = connection(root)
        with pytest.raises(Permanent):
            list(opened.discover())
        with pytest.raises(Permanent):
            list(opened.stream(".", Service.MAIL).changes(None, Committed()))


def test_an_import_folder_that_is_suddenly_empty_is_an_error_and_no_deletion(root: Path) -> None:
    state = Committed()
    state.back_up(stream(root, Service.DRIVE))
    root.rename(root.with_name("elsewhere"))
    root.mkdir()
    with pytest.raises(Permanent):
        state.back_up(stream(root, Service.DRIVE))
    assert len(state.items) == 3
    assert without_checkpoints(Committed().back_up(stream(root, Service.DRIVE))) == []


def test_an_account_whose_disk_is_not_mounted_is_an_error_and_no_deletion(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = stream(root, Service.DRIVE, "sub", "folders")
    state = Committed()
    state.back_up(source)
    for path in (root / "sub").iterdir():
        path.unlink()
    real = os.stat

    def elsewhere(path: object, *args: object, **kwargs: object) -> os.stat_result:
        found = real(path, *args, **kwargs)  # type: ignore[arg-type]
        if path != "sub":
            return found
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:10]))

    monkeypatch.setattr(os, "stat", elsewhere)
    with pytest.raises(Permanent):
        state.back_up(source)
    monkeypatch.undo()
    said = state.back_up(source)
    assert deleted(said) == ["sub/b.txt"]


def test_a_file_that_changes_while_it_is_read_is_read_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "_PAUSE_S", 0)
    _disturb(monkeypatch, root / "a.txt", times=2)
    assert read(upserts(root)["a.txt"]) == b"a.."


def test_a_file_that_changes_at_each_reading_is_skipped(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_PAUSE_S", 0)
    _disturb(monkeypatch, root / "a.txt", times=1_000)
    state = Committed()
    state.back_up(stream(root, Service.DRIVE))
    assert state.failures == {"a.txt": "changed-while-read"}


def test_a_large_file_that_changes_while_it_is_streamed_is_skipped(root: Path) -> None:
    (root / "large.bin").write_bytes(b"0123456789" * 1000)
    upsert = upserts(root)["large.bin"]
    assert upsert.open is not None
    with upsert.open() as opened:
        first = opened.read(5_000)
        os.utime(root / "large.bin", (1, 1))
        with pytest.raises(Skippable) as failed:
            while first:
                first = opened.read(5_000)
    assert failed.value.reason == "changed-while-read"


def _disturb(monkeypatch: pytest.MonkeyPatch, path: Path, times: int) -> None:
    """Let the file grow after each of its first readings."""
    real = os.read
    left = [times]

    def reading(fd: int, size: int) -> bytes:
        data = real(fd, size)
        if left[0] and os.path.samestat(os.fstat(fd), os.stat(path)):
            left[0] -= 1
            with path.open("ab") as file:
                file.write(b".")
        return data

    monkeypatch.setattr(os, "read", reading)


SWAPS: dict[str, Callable[[Path], None]] = {
    "symlink": lambda path: path.symlink_to("/etc/passwd"),
    "not-a-regular-file": os.mkfifo,
    "vanished": lambda path: None,
}


@pytest.mark.parametrize("reason", SWAPS)
def test_what_is_swapped_between_listing_and_opening_is_not_read(root: Path, reason: str) -> None:
    upsert = upserts(root)["sub/b.txt"]
    (root / "sub" / "b.txt").unlink()
    SWAPS[reason](root / "sub" / "b.txt")
    with pytest.raises(Skippable) as failed:
        read(upsert)
    assert failed.value.reason == reason


def test_a_folder_swapped_for_a_link_does_not_lead_out(root: Path) -> None:
    upsert = upserts(root)["sub/b.txt"]
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "b.txt").write_bytes(b"secret of somebody else")
    (root / "sub").rename(root / "moved")
    (root / "sub").symlink_to(outside)
    with pytest.raises(Skippable):
        read(upsert)


def test_a_file_replaced_by_saving_is_read_as_it_is_now(root: Path) -> None:
    upsert = upserts(root)["a.txt"]
    (root / "a.new").write_bytes(b"saved anew")
    (root / "a.new").rename(root / "a.txt")
    assert read(upsert) == b"saved anew"


def test_a_tree_deeper_than_any_path_may_be_long(root: Path) -> None:
    depth, name_of_folder = 400, "nested-twenty-letters"
    fd = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name_of_folder, dir_fd=fd)
        below = os.open(name_of_folder, os.O_RDONLY, dir_fd=fd)
        for name in ("file.txt", "nested-.eml", "zz.txt"):
            with open(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=below), "wb") as file:
                file.write(b"deep")
        os.close(fd)
        fd = below
    os.close(fd)
    before = set(os.listdir("/proc/self/fd"))
    opened = connection(root)
    changes = opened.stream(".", Service.MAIL).changes(None, Committed())
    assert max(len(os.listdir("/proc/self/fd")) for _ in changes) <= len(before) + 40
    state = Committed()
    assert [account.services for account in opened.discover()] == [(Service.MAIL, Service.DRIVE)]
    state.back_up(opened.stream(".", Service.DRIVE))
    assert state.contents()[b"deep"] == 2 * depth
    assert not state.failures
    assert without_checkpoints(state.back_up(opened.stream(".", Service.DRIVE))) == []
    opened.close()
    assert set(os.listdir("/proc/self/fd")) == before
    subprocess.run(["rm", "-rf", str(root)], check=True)  # what Python removes, it removes by path


def test_a_folder_replaced_while_the_walk_is_below_it_is_not_taken_for_it(root: Path) -> None:
    deep = root / "sub"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (root / "sub" / "d" / "z.txt").write_bytes(b"comes after what is below")
    (deep / "x.txt").write_bytes(b"deep")
    state = Committed()
    state.back_up(stream(root, Service.DRIVE))
    (deep / "x.txt").write_bytes(b"deep and changed")
    said = []
    for change in stream(root, Service.DRIVE).changes(state.cursor, state):
        said.append(change)
        if isinstance(change, Upsert) and change.item.name == "x.txt":
            (root / "sub" / "d").rename(root / "moved")
            (root / "sub" / "d").mkdir()
            (root / "sub" / "d" / "z.txt").write_bytes(b"of another folder")
    assert skipped(said) == {"sub/d/": "changed-while-read"}
    assert not deleted(said)
    state.back_up(stream(root, Service.DRIVE))
    assert rebuilt([state]).keys() == whole_tree(root).keys() - {b"sub/c.eml"}


def test_a_walk_that_is_dropped_gives_its_descriptors_back(root: Path) -> None:
    opened = connection(root)
    list(opened.discover())
    before = os.listdir("/proc/self/fd")
    changes = opened.stream(".", Service.DRIVE).changes(None, Committed())
    next(changes)
    assert len(os.listdir("/proc/self/fd")) > len(before)
    del changes
    assert os.listdir("/proc/self/fd") == before


def test_times_no_calendar_knows(root: Path) -> None:
    real = os.stat

    def strange(path: object, *args: object, **kwargs: object) -> os.stat_result:
        found = real(path, *args, **kwargs)  # type: ignore[arg-type]
        year_5000 = 95_617_584_000
        extra = {"st_mtime_ns": year_5000 * 10**9, "st_ctime_ns": -year_5000 * 10**9}
        return os.stat_result((*found[:7], year_5000, year_5000, -year_5000), extra)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "stat", strange)
        state = Committed()
        said = stream(root, Service.DRIVE).changes(None, state)
        for change in said:
            if isinstance(change, Upsert):
                assert CONNECTOR.original(change.item) is not None


def test_names_of_every_byte_come_back(tmp_path: Path) -> None:
    top = os.fsencode(tmp_path)
    for byte in range(1, 256):
        name = bytes((byte,))
        if name in (b"/", b"."):
            name += b"x"
            name = name.replace(b"/", b"\\")
        for suffix in (b".eml", b".txt", b""):
            with open(os.path.join(top, name + suffix + (b"" if suffix else b"~")), "wb") as file:
                file.write(b"%d" % byte + suffix)
    os.mkdir(os.path.join(top, b"\xfe" * 255))
    with open(os.path.join(top, b"\xfe" * 255, b"\xfd" * 255), "wb") as file:
        file.write(b"long")
    states = both(tmp_path)
    assert rebuilt(states) == whole_tree(tmp_path)
    for state in states:
        assert list(state.items) == sorted(state.items)
