"""Damage is reported and never written, names do not escape, a full disk leaves nothing half-written."""

import errno
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.domain.formats import ExportFormat
from backupd.errors import Integrity, StoreDenied, StoreFull
from backupd.runs.exporting import writers
from backupd.runs.exporting.folder import FolderTarget
from backupd.runs.exporting.target import Place
from backupd.runs.exporting.zip_file import ZipTarget
from backupd.vault.entries import Content
from connectors.sdk.records import Item, Placement
from tests.unit.runs.exporting import by_id, run_export, tree
from tests.unit.runs.house import STREAM, House
from tests.unit.runs.scripted import ScriptedStream, end, message, upsert


def damage(house: House, monkeypatch: pytest.MonkeyPatch, item_id: str) -> None:
    """Make the vault refuse the item's bytes, as it does when its blobs do not authenticate."""
    version = house.vault.view(STREAM).get(item_id)
    assert version is not None and version.content is not None
    bad = {version.content.digest}
    whole, content = house.vault.reader.whole, house.vault.reader.content

    def read_whole(found: Content) -> bytes:
        if found.digest in bad:
            raise Integrity("The content does not have the digest it was stored with.")
        return whole(found)

    def read_content(found: Content) -> Iterator[bytes]:
        if found.digest in bad:
            yield b"first bytes, which are wrong"
            raise Integrity("The content does not have the digest it was stored with.")
        yield from content(found)

    monkeypatch.setattr(house.vault.reader, "whole", read_whole)
    monkeypatch.setattr(house.vault.reader, "content", read_content)


@pytest.mark.parametrize("limit", [0, 1 << 20])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_damaged_item_is_reported_and_the_others_go_on(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, kind: str
) -> None:
    monkeypatch.setattr(writers, "IN_MEMORY_BYTES", limit)
    house.run(ScriptedStream([upsert("a", b"good"), upsert("b", b"bad"), upsert("c", b"fine"), end()]))
    damage(house, monkeypatch, "b")
    to = ZipTarget(tmp_path / "out.zip") if kind == "zip" else FolderTarget(tmp_path / "out")
    result = run_export(house, to, original=by_id)
    assert [(one.item_id, "digest" in one.message) for one in result.failures] == [("b", True)]
    assert result.items == 2
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "out.zip") as written:
            assert {name: written.read(name) for name in written.namelist()} == {"a": b"good", "c": b"fine"}
    else:
        assert tree(tmp_path / "out") == {"a": b"good", "c": b"fine"}


def test_a_damaged_piece_is_left_out_of_its_file(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.run(
        ScriptedStream([upsert("box#0", b"one"), upsert("box#3", b"bad"), upsert("box#6", b"two"), end()])
    )
    damage(house, monkeypatch, "box#3")
    result = run_export(house, tmp_path / "out", original=by_id)
    assert tree(tmp_path / "out") == {"box": b"onetwo"}
    assert [one.item_id for one in result.failures] == ["box#3"]


def test_a_damaged_message_is_not_written_as_a_file(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.run(
        ScriptedStream([message("1", b"Subject: a\n\na\n"), message("2", b"b"), upsert("3", b"c"), end()])
    )
    damage(house, monkeypatch, "2")
    result = run_export(house, tmp_path / "out", ExportFormat.EML)
    assert sorted(tree(tmp_path / "out").values()) == [b"Subject: a\n\na\n", b"c"]
    assert [one.item_id for one in result.failures] == ["2"]


def test_a_damaged_message_is_left_out_of_its_mbox(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.run(ScriptedStream([message("1", b"Subject: a\n\na\n"), message("2", b"Subject: b\n\nb\n"), end()]))
    damage(house, monkeypatch, "2")
    result = run_export(house, tmp_path / "out", ExportFormat.MBOX)
    assert b"Subject: a" in tree(tmp_path / "out")["Inbox.mbox"]
    assert b"Subject: b" not in tree(tmp_path / "out")["Inbox.mbox"]
    assert [one.item_id for one in result.failures] == ["2"]


ESCAPES = [
    ("..", "..", "evil"),
    ("/etc", "evil"),
    ("a", "..", "..", "evil"),
    ("",),
    (".",),
    ("a\0b",),
    ("x" * 400,),
]


@pytest.mark.parametrize("parts", ESCAPES)
def test_no_original_path_leaves_the_target(house: House, tmp_path: Path, parts: tuple[str, ...]) -> None:
    def hostile(item: Item) -> Placement:
        return Placement(parts, None, 0o644, 0)

    house.run(ScriptedStream([upsert("a", b"data"), end()]))
    result = run_export(house, tmp_path / "in" / "out", original=hostile)
    assert list(tree(tmp_path / "in" / "out").values()) == [b"data"] or len(result.failures) == 1
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["out"]
    run_export(house, ZipTarget(tmp_path / "out.zip"), original=hostile)
    with zipfile.ZipFile(tmp_path / "out.zip") as written:
        for name in written.namelist():
            assert not name.startswith("/") and ".." not in name.replace("\\", "/").split("/")


@pytest.mark.parametrize(
    "subject",
    [
        "../../evil",
        "/etc/passwd",
        "..\\..\\evil",
        "con",
        "a\x1b[2Jb",
        "\u202egpj.exe",
        "x" * 900,
        ".",
        "*?|<>",
    ],
)
def test_no_subject_leaves_the_target_or_needs_care(house: House, tmp_path: Path, subject: str) -> None:
    data = f"Subject: {subject}\r\n\r\nbody".encode()
    house.run(ScriptedStream([message("1", data, folder="../../up/../" + subject), end()]))
    run_export(house, tmp_path / "in" / "out", ExportFormat.EML)
    written = tree(tmp_path / "in" / "out")
    assert list(written.values()) == [data]
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["out"]
    for char in "\x1b\u202e\\*?|<>":
        assert char not in next(iter(written))


def test_a_link_planted_in_the_target_is_not_followed(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("folder/a", b"data"), upsert("z", b"z"), end()]))
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "folder").symlink_to(tmp_path / "outside")
    result = run_export(house, FolderTarget(tmp_path / "out", force=True), original=by_id)
    assert list((tmp_path / "outside").iterdir()) == []
    assert [one.item_id for one in result.failures] == ["folder/a"]
    assert (tmp_path / "out" / "z").read_bytes() == b"z"


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    house.run(
        ScriptedStream([upsert("a", b"a" * 100), upsert("b", b"b" * 100_000), upsert("c", b"c"), end()])
    )
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if len(data) > 1000:
            real(fd, bytes(data)[:500])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    if kind == "folder":
        to: FolderTarget | ZipTarget = FolderTarget(tmp_path / "out")
        monkeypatch.setattr(os, "write", full)
    else:
        to = ZipTarget(tmp_path / "out.zip")
        to._zip.fp = _FullFile(to._zip.fp)
    with pytest.raises(StoreFull):
        run_export(house, to, original=by_id)
    monkeypatch.undo()
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert "b" not in left and "out.zip" not in left
    assert not [name for name in left if name.endswith(("~", ".tmp"))]


class _FullFile:
    """A file on a disk that is full."""

    def __init__(self, file: object) -> None:
        self._file = file

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_read_only_target_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "makedirs", refuse)
    with pytest.raises(StoreDenied):
        FolderTarget(tmp_path / "out")


def test_names_that_a_zip_cannot_say_stay_apart(tmp_path: Path) -> None:
    target = ZipTarget(tmp_path / "out.zip")
    for name in ("a\udcff", "a%FF", "b\\c", "..\\d"):
        target.write(Place((name,), 0), (name.encode("utf-8", "surrogateescape"),))
    target.finish()
    with zipfile.ZipFile(tmp_path / "out.zip") as written:
        assert len(set(written.namelist())) == 4
        assert not [name for name in written.namelist() if "\\" in name]


def test_a_zip_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = ZipTarget(tmp_path / "out.zip")
    target.write(Place(("a",), 0), (b"a",))
    assert not (tmp_path / "out.zip").exists()
    target.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]


def test_a_stopped_export_says_so(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("a"), end()]))
    house.stop.set()
    assert run_export(house, tmp_path / "out", original=by_id).stopped
