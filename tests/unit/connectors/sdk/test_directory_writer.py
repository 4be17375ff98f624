"""Files are written below the root, whole or not at all, on every kind of file system."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sdk.directory_writer import DirectoryWriter
from connectors.sdk.errors import Permanent, Skippable
from connectors.sdk.records import OnConflict, RestoreOutcome


@pytest.fixture(params=["nameless", "temporary name", "no links"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root on a file system with nameless files, without them, and without links as well."""
    real_open = os.open

    def opening(path: object, flags: int, *args: object, **kwargs: object) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return real_open(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    def linking(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    if request.param != "nameless":
        monkeypatch.setattr(os, "open", opening)
    if request.param == "no links":
        monkeypatch.setattr(os, "link", linking)
    return tmp_path / "root"


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_files_and_folders(root: Path) -> None:
    with DirectoryWriter(root) as writer:
        writer.make_folder(("a",), 0o2750, 7_000_000_000)
        writer.write(("a", "b", "c.txt"), [b"one ", b"", b"two"], 5_000_000_001, 0o4640)
        writer.write(("top",), [])
    assert (root / "a" / "b" / "c.txt").read_bytes() == b"one two"
    assert os.stat(root / "a" / "b" / "c.txt").st_mode & 0o7777 == 0o640
    assert os.stat(root / "a" / "b" / "c.txt").st_mtime_ns == 5_000_000_001
    assert os.stat(root / "a").st_mode & 0o7777 == 0o750
    assert os.stat(root / "a").st_mtime_ns == 7_000_000_000
    assert names(root) == ["a", "a/b", "a/b/c.txt", "top"]


def test_conflicts(root: Path) -> None:
    with DirectoryWriter(root) as writer:
        for on_conflict, outcome, place in (
            (OnConflict.SKIP, RestoreOutcome.WRITTEN, "x.eml"),
            (OnConflict.SKIP, RestoreOutcome.ALREADY_RESTORED, "x.eml"),
        ):
            got = writer.write(("x.eml",), [b"1"], on_conflict=on_conflict)
            assert (got.outcome, got.place) == (outcome, place)
        assert writer.write(("x.eml",), [b"2"]).outcome is RestoreOutcome.SKIPPED_EXISTING
        assert writer.write(("x.eml",), [b"12"]).outcome is RestoreOutcome.SKIPPED_EXISTING
        assert writer.write(("x.eml",), []).outcome is RestoreOutcome.SKIPPED_EXISTING
        assert writer.write(("x.eml",), [b"2"], on_conflict=OnConflict.COPY).place == "x (restored).eml"
        assert writer.write(("x.eml",), [b"3"], on_conflict=OnConflict.COPY).place == "x (restored 2).eml"
        again = writer.write(("x.eml",), [b"2"], on_conflict=OnConflict.COPY)
        assert (again.outcome, again.place) == (RestoreOutcome.ALREADY_RESTORED, "x (restored).eml")
        assert writer.write(("x.eml",), [b"4"], on_conflict=OnConflict.REPLACE).place == "x.eml"
    assert names(root) == ["x (restored 2).eml", "x (restored).eml", "x.eml"]
    assert (root / "x.eml").read_bytes() == b"4"


def failing() -> Iterator[bytes]:
    yield b"half"
    raise ValueError("the rest is damaged")


@pytest.mark.parametrize("on_conflict", OnConflict)
def test_what_fails_halfway_leaves_nothing(root: Path, on_conflict: OnConflict) -> None:
    with DirectoryWriter(root) as writer:
        with pytest.raises(ValueError):
            writer.write(("new",), failing(), on_conflict=on_conflict)
        writer.write(("old",), [b"half and whole"])
        if on_conflict is not OnConflict.SKIP:
            with pytest.raises(ValueError):
                writer.write(("old",), failing(), on_conflict=on_conflict)
    assert names(root) == ["old"]
    assert (root / "old").read_bytes() == b"half and whole"


@pytest.mark.parametrize("path", [(), ("",), (".",), ("..", "x"), ("a", ".."), ("a/b",), ("/etc",), ("a\0",)])
def test_what_is_no_plain_name_is_refused(root: Path, path: tuple[str, ...]) -> None:
    with DirectoryWriter(root) as writer:
        for call in (
            lambda: writer.write(path, [b"x"]),
            lambda: writer.make_folder(path),
            lambda: writer.open_for_update(path),
        ):
            with pytest.raises(Skippable) as failed:
                call()
            assert failed.value.reason == "unsafe-name"
    assert names(root) == []


def test_links_below_the_root_are_never_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with DirectoryWriter(root) as writer:
        (root / "link").symlink_to(outside)
        os.symlink(outside / "new", root / "file")
        for call in (
            lambda: writer.write(("link", "x"), [b"x"], on_conflict=OnConflict.REPLACE),
            lambda: writer.make_folder(("link", "below")),
            lambda: writer.make_folder(("link",)),
            lambda: writer.open_for_update(("file",)),
            lambda: writer.names(("link",)),
        ):
            with pytest.raises(Skippable) as failed:
                call()
            assert failed.value.reason == "target-in-the-way"
        assert writer.write(("file",), [b"x"], on_conflict=OnConflict.COPY).place == "file (restored)"
    assert not list(outside.iterdir())


def test_a_folder_in_the_way_of_a_file_and_the_reverse(root: Path) -> None:
    with DirectoryWriter(root) as writer:
        writer.make_folder(("folder",))
        writer.write(("file",), [b"x"])
        assert writer.write(("folder",), [b"x"]).outcome is RestoreOutcome.SKIPPED_EXISTING
        assert writer.write(("folder",), [b"x"], on_conflict=OnConflict.COPY).place == "folder (restored)"
        with pytest.raises(Skippable):
            writer.write(("folder",), [b"x"], on_conflict=OnConflict.REPLACE)
        with pytest.raises(Skippable):
            writer.write(("file", "below"), [b"x"])
        assert writer.make_folder(("folder",)).outcome is RestoreOutcome.ALREADY_RESTORED
    assert names(root) == ["file", "folder", "folder (restored)"]


def test_a_full_disk_is_an_error_of_the_whole_target(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with DirectoryWriter(root) as writer:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(Permanent, match="No space left"):
            writer.write(("x",), [b"x"])
    assert names(root) == []


def test_a_write_that_takes_only_a_part_is_gone_on_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with DirectoryWriter(root) as writer:
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
        writer.write(("x",), [b"0123456789", b"ab"])
    assert (root / "x").read_bytes() == b"0123456789ab"


def test_a_replaced_file_is_on_disk_before_the_old_one_goes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(os, "rename", lambda *a, **k: (order.append("rename"), rename(*a, **k))[1])
    with DirectoryWriter(root) as writer:
        writer.write(("x",), [b"old"])
        order.clear()
        writer.write(("x",), [b"new"], on_conflict=OnConflict.REPLACE)
    assert order == ["fsync", "rename", "fsync"]


def test_a_deep_and_wide_tree_needs_few_descriptors(root: Path) -> None:
    with DirectoryWriter(root) as writer:
        before = len(os.listdir("/proc/self/fd"))
        for number in range(150):
            writer.write((f"folder {number}", "x"), [b"x"])
        deep = ("nested",) * 300
        writer.write((*deep, "x"), [b"deep"])
        writer.write((*deep[:150], "x"), [b"half way"])
        assert len(os.listdir("/proc/self/fd")) - before <= 64
        for number in range(150):
            assert writer.write((f"folder {number}", "x"), [b"x"]).outcome is RestoreOutcome.ALREADY_RESTORED
    assert len(os.listdir("/proc/self/fd")) < before
    assert (root.joinpath(*deep) / "x").read_bytes() == b"deep"


def test_a_closed_folder_may_still_be_filled_and_is_closed_at_the_end(root: Path) -> None:
    with DirectoryWriter(root) as writer:
        writer.make_folder(("a",), 0o500, 1_000_000_000)
        writer.make_folder(("a", "b"), 0o500, 2_000_000_000)
        writer.write(("a", "b", "x"), [b"x"])
    for folder, seconds in (("a", 1), ("a/b", 2)):
        now = os.stat(root / folder)
        assert (now.st_mode & 0o777, now.st_mtime) == (0o500, seconds)
    assert writer._fds == {}


def test_modes_that_close_a_folder_do_not_keep_those_in_it_from_getting_theirs(root: Path) -> None:
    root.mkdir(mode=0o777)
    root.chmod(0o777)
    with DirectoryWriter(root) as writer:
        is_root = not os.geteuid()
        if is_root:
            os.seteuid(65534)  # whom permissions bind
        try:
            writer.make_folder(("a",), 0o000)
            writer.make_folder(("a", "b"), 0o711)
            for number in range(70):  # more than are kept open
                writer.make_folder((f"other {number}",))
            writer.finish()
        finally:
            if is_root:
                os.seteuid(0)
    assert os.stat(root / "a").st_mode & 0o777 == 0
    (root / "a").chmod(0o700)
    assert os.stat(root / "a" / "b").st_mode & 0o777 == 0o711


def test_a_folder_that_was_there_keeps_its_mode(root: Path) -> None:
    (root / "mine").mkdir(parents=True)
    (root / "mine").chmod(0o700)
    with DirectoryWriter(root) as writer:
        assert writer.make_folder(("mine",), 0o777, 1).outcome is RestoreOutcome.ALREADY_RESTORED
    assert os.stat(root / "mine").st_mode & 0o777 == 0o700
