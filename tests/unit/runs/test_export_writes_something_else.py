"""What comes out is what went in: the source's own files, messages under readable names, mailboxes that read back."""

import mailbox
import stat
import zipfile
from pathlib import Path

import pytest

from backupd.domain.formats import ExportFormat
from backupd.errors import UsageError
from backupd.runs.exporting import writers
from backupd.runs.exporting.folder import FolderTarget
from backupd.runs.exporting.zip_file import ZipTarget
from connectors.sdk.records import ItemKind, Upsert
from tests.unit.runs.exporting import by_id, run_export, tree
from tests.unit.runs.house import House
from tests.unit.runs.scripted import ScriptedStream, end, item, message, upsert

LETTER = b"""From: a@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Sat, 1 Mar 2025 14:05:09 +0100

Hi.
"""


def test_original_files_come_back_in_place_with_time_and_mode(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("a/b.txt", b"one"), upsert("c.bin", bytes(range(256))), end()]))
    result = run_export(house, tmp_path / "out", original=by_id)
    assert tree(tmp_path / "out") == {"a/b.txt": b"one", "c.bin": bytes(range(256))}
    assert (result.items, result.files, result.bytes, result.failures) == (2, 2, 259, [])
    now = (tmp_path / "out" / "c.bin").stat()
    assert (stat.S_IMODE(now.st_mode), now.st_mtime_ns) == (0o640, 1_600_000_000_000_000_000)


def test_empty_folders_come_back(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([Upsert(item("empty/inner", kind=ItemKind.FOLDER), None), end()]))
    run_export(house, tmp_path / "out", original=by_id)
    assert (tmp_path / "out" / "empty" / "inner").is_dir()


def test_pieces_of_a_file_are_joined_by_offset(house: House, tmp_path: Path) -> None:
    script = [
        upsert("box#10", b"third"),
        upsert("box#5", b"secnd"),
        upsert("box#0", b"first"),
        upsert("z", b"z"),
        end(),
    ]
    house.run(ScriptedStream(script))
    result = run_export(house, tmp_path / "out", original=by_id)
    assert tree(tmp_path / "out") == {"box": b"firstsecndthird", "z": b"z"}
    assert (result.items, result.files) == (4, 2)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_large_items_are_streamed(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(writers, "IN_MEMORY_BYTES", 1000)
    data = bytes(range(256)) * 40
    house.run(ScriptedStream([upsert("large", data), upsert("small", b"s"), end()]))
    if kind == "folder":
        run_export(house, tmp_path / "out", original=by_id)
        assert tree(tmp_path / "out") == {"large": data, "small": b"s"}
    else:
        run_export(house, ZipTarget(tmp_path / "out.zip"), original=by_id)
        with zipfile.ZipFile(tmp_path / "out.zip") as written:
            assert written.read("large") == data


def test_messages_are_named_by_date_and_subject_and_never_twice(house: House, tmp_path: Path) -> None:
    house.run(
        ScriptedStream([message("1", LETTER), message("2", LETTER), message("3", b"no header at all"), end()])
    )
    run_export(house, tmp_path / "out", ExportFormat.EML)
    assert tree(tmp_path / "out") == {
        "Inbox/2025-03-01 130509 Grüße.eml": LETTER,
        "Inbox/2025-03-01 130509 Grüße (2).eml": LETTER,
        "Inbox/2023-11-14 221320 no subject.eml": b"no header at all",
    }


def test_files_stay_files_in_every_format(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("x", b"data"), end()]))
    for export_format in ExportFormat:
        run_export(house, tmp_path / export_format, export_format)
        assert tree(tmp_path / export_format) == {"Inbox/x": b"data"}


def test_an_mbox_reads_back_as_its_messages(house: House, tmp_path: Path) -> None:
    tricky = b"Subject: x\n\nFrom the start\n>From quoted\nend without line end"
    house.run(
        ScriptedStream([message("1", tricky), message("2", LETTER), message("3", LETTER, "Sent"), end()])
    )
    result = run_export(house, tmp_path / "out", ExportFormat.MBOX)
    assert sorted(tree(tmp_path / "out")) == ["Inbox.mbox", "Sent.mbox"]
    assert (result.items, result.files) == (3, 2)
    raw = (tmp_path / "out" / "Inbox.mbox").read_bytes()
    assert b"\n>From the start\n>>From quoted\n" in raw
    box = mailbox.mbox(tmp_path / "out" / "Inbox.mbox")
    assert len(box) == 2
    box.close()


def test_a_folder_named_after_the_account_is_not_said_twice(house: House, tmp_path: Path) -> None:
    house.run(
        ScriptedStream([upsert("x", b"1", folder="alice/Inbox"), upsert("y", b"2", folder="alicex"), end()])
    )
    run_export(house, tmp_path / "out", ExportFormat.EML)
    assert tree(tmp_path / "out") == {"Inbox/x": b"1", "alicex/y": b"2"}


def test_a_zip_is_the_same_twice(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("a/ü.txt", b"one"), upsert("b", b"two"), end()]))
    for name in ("1.zip", "2.zip"):
        run_export(house, ZipTarget(tmp_path / name), original=by_id)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as written:
        assert written.testzip() is None
        assert {name: written.read(name) for name in written.namelist()} == {"a/ü.txt": b"one", "b": b"two"}
        assert written.infolist()[0].date_time == (2020, 9, 13, 12, 26, 40)
    assert [path.name for path in tmp_path.glob("*partial*")] == []


def test_a_target_that_holds_something_is_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(UsageError):
        FolderTarget(tmp_path / "out")
    with pytest.raises(UsageError):
        ZipTarget(tmp_path / "out.zip")
    with pytest.raises(UsageError):
        FolderTarget(tmp_path / "out" / "mine")
    assert (tmp_path / "out.zip").read_text() == "mine"


def test_force_replaces_same_names_and_leaves_others(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("a", b"new"), end()]))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("old")
    (tmp_path / "out" / "other").write_text("other")
    run_export(house, FolderTarget(tmp_path / "out", force=True), original=by_id)
    assert tree(tmp_path / "out") == {"a": b"new", "other": b"other"}
