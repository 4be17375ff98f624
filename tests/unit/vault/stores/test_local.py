"""What only a store on a file system has to show: durability, modes, leftovers, folders."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backupd.errors import BackupdError, StoreDenied, StoreFull, StoreUnavailable
from backupd.vault.stores.base import ObjectNotFound, ObjectTruncated
from backupd.vault.stores.local import INCOMING, LEFTOVER_AGE_S, LocalStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    path.mkdir()
    return path


def names(store: LocalStore) -> list[str]:
    return [row.name for row in store.list()]


def leftovers(root: Path) -> list[str]:
    return os.listdir(root / INCOMING)


class Recorder:
    """Records the calls that make files durable, with the paths of their descriptors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.calls: list[tuple[str, str]] = []
        self.root = root
        for name in ("fsync", "link", "replace", "mkdir", "unlink"):
            monkeypatch.setattr(os, name, self._recorded(name, getattr(os, name)))

    def _recorded(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            about = (
                os.readlink(f"/proc/self/fd/{args[0]}")
                if name == "fsync"
                else str(args[-1 if len(args) > 1 and name != "mkdir" else 0])
            )
            relative = os.path.relpath(about, self.root)
            self.calls.append((name, "TEMP" if relative.startswith(INCOMING + "/") else relative))
            return call(*args, **kwargs)

        return recorded


def test_create_syncs_the_data_before_the_name_and_the_name_before_it_returns(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    recorder = Recorder(monkeypatch, root)
    store.create("packs/ab/one", b"1")
    first = [
        ("mkdir", INCOMING),
        ("unlink", "TEMP"),  # The clock was measured for the sweep.
        ("mkdir", "packs"),
        ("fsync", "."),
        ("mkdir", "packs/ab"),
        ("fsync", "packs"),
    ]
    each = [("fsync", "TEMP"), ("link", "packs/ab/{}"), ("unlink", "TEMP"), ("fsync", "packs/ab")]
    assert recorder.calls == first + [(call, path.format("one")) for call, path in each]
    recorder.calls.clear()
    store.create("packs/ab/two", b"2")
    assert recorder.calls == [(call, path.format("two")) for call, path in each]


def test_put_syncs_the_data_before_the_name_and_the_name_before_it_returns(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    store.put("format", b"1")
    recorder = Recorder(monkeypatch, root)
    store.put("format", b"2")
    assert recorder.calls == [("fsync", "TEMP"), ("replace", "format"), ("fsync", ".")]


def test_delete_is_durable_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(root)
    store.create("a/b", b"")
    recorder = Recorder(monkeypatch, root)
    store.delete("a/b")
    assert recorder.calls == [("unlink", "a/b"), ("fsync", "a")]


def test_a_folder_somebody_else_made_is_made_durable_before_it_is_used(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalStore(root).create("packs/ab/one", b"")
    store = LocalStore(root)
    recorder = Recorder(monkeypatch, root)
    store.create("packs/ab/two", b"")
    synced = [path for call, path in recorder.calls if call == "fsync"]
    assert synced == [".", "packs", "TEMP", "packs/ab"]


def test_a_new_root_is_durable_in_its_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, tmp_path)
    LocalStore(tmp_path / "x/y").create("a", b"")
    assert recorder.calls[:4] == [("mkdir", "x"), ("fsync", "."), ("mkdir", "x/y"), ("fsync", "x")]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = LocalStore(tmp_path / "home" / "store")
        store.create("packs/ab/one", b"")
        store.put("format", b"")
    finally:
        os.umask(before)
    for folder, folders, files in os.walk(tmp_path / "home"):
        for name in folders:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o700
        for name in files:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600


STAGES = ["opened", "written", "synced", "named", "released", "durable"]


@pytest.mark.parametrize("write", ["create", "put"])
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_stage_the_object_is_whole_or_absent(root: Path, write: str, stage: str) -> None:
    child = os.fork()
    if not child:
        store = LocalStore(root, step=lambda now: os.kill(os.getpid(), 9) if now == stage else None)
        getattr(store, write)("a/b", b"x" * (3 << 20))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9, "the child was to be killed"
    named = STAGES.index(stage) >= STAGES.index("named")
    store = LocalStore(root)
    assert names(store) == (["a/b"] if named else [])
    if named:
        assert store.get("a/b") == b"x" * (3 << 20)
    assert len(leftovers(root)) == (0 if named and (write == "put" or stage != "named") else 1)
    store.put("a/b", b"afterwards")
    assert store.get("a/b") == b"afterwards"


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_any_stage_of_a_replacement_the_old_or_the_new_object_is_there(
    root: Path, stage: str
) -> None:
    LocalStore(root).put("a", b"old")
    child = os.fork()
    if not child:
        LocalStore(root, step=lambda now: os.kill(os.getpid(), 9) if now == stage else None).put("a", b"new")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9, "the child was to be killed"
    assert LocalStore(root).get("a") == (b"new" if STAGES.index(stage) >= STAGES.index("named") else b"old")


def test_what_crashes_left_is_invisible_and_swept_after_a_day(root: Path) -> None:
    LocalStore(root).create("a", b"")
    for name, age_s in (("old", LEFTOVER_AGE_S + 60), ("young", LEFTOVER_AGE_S - 60)):
        path = root / INCOMING / name
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    store = LocalStore(root)
    assert names(store) == ["a"]
    assert sorted(leftovers(root)) == ["old", "young"]
    store.create("b", b"")
    assert leftovers(root) == ["young"]


ERRORS = [
    (errno.ENOSPC, StoreFull),
    (errno.EDQUOT, StoreFull),
    (errno.EROFS, StoreDenied),
    (errno.EACCES, StoreDenied),
    (errno.EPERM, StoreDenied),
    (errno.EIO, StoreUnavailable),
    (errno.ESTALE, StoreUnavailable),
    (errno.EMFILE, StoreUnavailable),
]


@pytest.mark.parametrize(("number", "expected"), ERRORS)
@pytest.mark.parametrize("call", ["mkdir", "open", "write", "fsync", "link"])
def test_a_failing_create_says_what_to_do_and_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: type[BackupdError]
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    store = LocalStore(root)
    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(expected) as caught:
            store.create("a/b", b"x" * 100)
    assert type(caught.value) is expected
    assert str(root) in caught.value.message
    assert names(store) == []
    assert not (root / INCOMING).exists() or leftovers(root) == []
    store.create("a/b", b"afterwards")
    assert store.get("a/b") == b"afterwards"


@pytest.mark.parametrize(("number", "expected"), ERRORS)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_a_failing_put_keeps_the_old_object(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: type[BackupdError]
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    store = LocalStore(root)
    store.put("a", b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(expected):
            store.put("a", b"new")
    assert store.get("a") == b"old"
    assert leftovers(root) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("ask", ["get", "size", "read", "list"])
def test_a_failing_read_is_never_absence(
    root: Path, monkeypatch: pytest.MonkeyPatch, ask: str, number: int
) -> None:
    store = LocalStore(root)
    store.create("a/b", b"x")

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        for call in ("open", "stat", "scandir"):
            patched.setattr(os, call, fail)
        with pytest.raises(StoreDenied if number == errno.EACCES else StoreUnavailable):
            {
                "get": lambda: store.get("a/b"),
                "size": lambda: store.size("a/b"),
                "read": lambda: store.read("a/b", 0, 1),
                "list": lambda: list(store.list()),
            }[ask]()


def test_a_listing_that_breaks_half_way_does_not_end_quietly(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    for name in ("a/1", "b/1", "c/1"):
        store.create(name, b"")
    scandir = os.scandir

    def fail(path: str) -> Any:
        if path.endswith("/b/"):
            raise OSError(errno.EIO, "Input/output error")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fail)
    rows = store.list()
    assert next(rows).name == "a/1"
    with pytest.raises(StoreUnavailable):
        next(rows)


def test_a_listing_opens_a_folder_only_when_it_comes_to_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(root)
    for name in ("a/1", "b/1", "c/1"):
        store.create(name, b"")
    opened: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: (opened.append(os.path.relpath(path, root)), scandir(path))[1]
    )
    next(rows := store.list())
    assert opened == [".", "a"]
    assert [row.name for row in rows] == ["b/1", "c/1"]
    opened.clear()
    assert [row.name for row in store.list("b/")] == ["b/1"]
    assert opened == ["b"]


def test_a_missing_root_is_not_an_empty_store(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "unmounted")
    for ask in (
        lambda: store.get("a"),
        lambda: store.size("a"),
        lambda: store.read("a", 0, 1),
        lambda: list(store.list()),
        lambda: list(store.list("a/")),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreUnavailable, match="does not exist"):
            ask()
    assert store.now() > 0
    assert not (tmp_path / "unmounted").exists(), "reading made a folder"
    store.create("a", b"x")
    assert names(store) == ["a"]


@pytest.mark.parametrize("write", ["create", "put"])
def test_a_root_that_went_away_is_not_made_again(tmp_path: Path, write: str) -> None:
    (tmp_path / "disk").mkdir()
    store = LocalStore(tmp_path / "disk")
    store.create("a/b", b"x")
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    for name in ("a/c", "d/e"):
        with pytest.raises(StoreUnavailable):
            getattr(store, write)(name, b"y")
    assert not (tmp_path / "disk").exists()
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    getattr(store, write)("a/c", b"y")
    assert names(store) == ["a/b", "a/c"]


def test_what_is_no_object_is_not_listed(root: Path) -> None:
    store = LocalStore(root)
    store.create("a/b", b"")
    for name in ("README", "a b", "c~", "a/X", "a/.hidden~"):
        (root / name).write_bytes(b"foreign")
    (root / "a/link").symlink_to(root / "a/b")
    (root / "Folder").mkdir()
    (root / "Folder/x").write_bytes(b"foreign")
    os.mkfifo(root / "a/pipe")
    assert names(store) == ["a/b"]


def test_a_symbolic_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    store = LocalStore(root)
    store.create("a", b"")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "b").symlink_to(tmp_path / "secret")
    for ask in (lambda: store.get("b"), lambda: store.read("b", 0, 1)):
        with pytest.raises(StoreDenied):
            ask()
    with pytest.raises(ObjectNotFound):
        store.size("b")


@pytest.mark.parametrize("write", ["create", "put"])
def test_no_name_is_an_object_and_a_folder(root: Path, write: str) -> None:
    store = LocalStore(root)
    store.create("a", b"x")
    with pytest.raises(ValueError, match="at once"):
        getattr(store, write)("a/b", b"y")
    store.create("c/d", b"x")
    if write == "put":
        with pytest.raises(ValueError, match="at once"):
            store.put("c", b"y")
    assert names(store) == ["a", "c/d"]
    assert leftovers(root) == []


def test_the_stores_clock_is_the_file_systems(root: Path) -> None:
    store = LocalStore(root, random=lambda size: b"\0" * size)
    store.create("a", b"")
    assert abs(store.now() - time.time()) < 60
    assert leftovers(root) == []


def test_a_given_clock_stamps_the_objects(root: Path) -> None:
    store = LocalStore(root, clock=lambda: 1_000_000_000.25)
    store.create("a", b"")
    store.put("b", b"")
    assert [row.modified_s for row in store.list()] == [1_000_000_000.25] * 2
    assert store.now() == 1_000_000_000.25


def test_another_processes_changes_are_seen_by_ranged_reads(root: Path) -> None:
    ours, theirs = LocalStore(root), LocalStore(root)
    theirs.put("a", b"old")
    assert ours.read("a", 0, 3) == b"old"
    theirs.put("a", b"new")
    assert ours.read("a", 0, 3) == b"new"
    os.link(root / "a", root / "Copy")  # A hard-linked copy of the store keeps the old file alive.
    theirs.put("a", b"3rd")
    assert ours.read("a", 0, 3) == b"3rd"
    theirs.delete("a")
    with pytest.raises(ObjectNotFound):
        ours.read("a", 0, 3)


def open_descriptors(root: Path) -> list[str]:
    paths = []
    for number in os.listdir("/proc/self/fd"):
        try:
            paths.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:
            continue
    return [path for path in paths if path.startswith(str(root))]


def test_no_descriptor_outlives_a_call(root: Path) -> None:
    store = LocalStore(root)
    store.create("a/b", b"0123456789")
    store.get("a/b")
    store.read("a/b", 3, 4)
    for ask in (
        lambda: store.read("a/b", 9, 9),
        lambda: store.read("a", 0, 1),
        lambda: store.get("a"),
        lambda: store.create("a/b", b""),
    ):
        with pytest.raises(BackupdError):
            ask()
    next(rows := store.list())
    assert open_descriptors(root) == []
    rows.close()


def test_a_read_that_comes_in_pieces_is_put_together(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(root)
    store.create("a", b"0123456789")
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda file, length, offset: pread(file, min(length, 3), offset))
    assert store.read("a", 1, 8) == b"12345678"
    with pytest.raises(ObjectTruncated):
        store.read("a", 1, 10)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
@pytest.mark.parametrize("calls_before", [0, 1])
def test_a_file_is_copied_where_the_kernel_does_not_help(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, calls_before: int
) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "source").write_bytes(data)
    copy = os.copy_file_range
    left = [calls_before]

    def fail(source: int, target: int, count: int, offset: int) -> int:
        if left[0]:
            left[0] -= 1
            return copy(source, target, 1 << 20, offset)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", fail)
    store = LocalStore(root)
    with (tmp_path / "source").open("rb") as source:
        source.seek(11)
        store.create("a", source)
    assert store.get("a") == data[11:]


def test_a_full_disk_met_by_the_kernels_copy_is_a_full_store(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", fail)
    (tmp_path / "source").write_bytes(b"x" * 1000)
    with (tmp_path / "source").open("rb") as source, pytest.raises(StoreFull):
        LocalStore(root).create("a", source)
    assert leftovers(root) == []
