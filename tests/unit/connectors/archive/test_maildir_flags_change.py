"""A Maildir message stays the same item while its flags and its subfolder change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.archive.connector import CONNECTOR
from connectors.sdk.records import ItemKind, Service
from tests.contracts.committed import Committed, without_checkpoints
from tests.unit.connectors.archive.reading import both, deleted, items, rebuilt, skipped, stream, whole_tree


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for name in ("cur", "new", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def path_of(said_item: object) -> str:
    place = CONNECTOR.original(said_item)  # type: ignore[arg-type]
    assert place is not None
    return "/".join(place.parts)


def test_reading_flagging_and_answering_are_updates_of_one_item(box: Path) -> None:
    (box / "new" / "1.M1.host").write_bytes(b"hello")
    state = Committed()
    source = stream(box.parent)
    first = items(state.back_up(source))
    (item_id,) = first
    assert item_id == "box///1.M1.host"
    assert (first[item_id].folder, first[item_id].kind) == ("box", ItemKind.MESSAGE)
    here = box / "new" / "1.M1.host"
    for name in ("cur/1.M1.host:2,", "cur/1.M1.host:2,S", "cur/1.M1.host:2,RS", "new/1.M1.host"):
        here = here.rename(box / name)
        said = state.back_up(source)
        assert list(items(said)) == [item_id] and not deleted(said)
        assert path_of(items(said)[item_id]) == f"box/{name}"


def test_a_flag_is_seen_where_renaming_leaves_no_trace_in_the_stat(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.stat

    def traceless(path: object, *args: object, **kwargs: object) -> os.stat_result:
        found = real(path, *args, **kwargs)  # type: ignore[arg-type]
        return os.stat_result((*found[:9], 0), {"st_mtime_ns": found.st_mtime_ns, "st_ctime_ns": 0})

    monkeypatch.setattr(os, "stat", traceless)
    (box / "cur" / "1:2,").write_bytes(b"1")
    state = Committed()
    state.back_up(stream(box.parent))
    (box / "cur" / "1:2,").rename(box / "cur" / "1:2,S")
    assert list(items(state.back_up(stream(box.parent)))) == ["box///1"]
    (box / "cur" / "1:2,S").rename(box / "new" / "1:2,S")
    assert list(items(state.back_up(stream(box.parent)))) == ["box///1"]


def test_messages_with_the_same_unique_part_are_kept_apart(box: Path) -> None:
    (box / "cur" / "u:2,S").write_bytes(b"1")
    (box / "cur" / "u:2,").write_bytes(b"2")
    (box / "new" / "u").write_bytes(b"3")
    (box / "cur" / "u-2:2,").write_bytes(b"4")
    (box / "cur" / "u!").write_bytes(b"5")
    state = Committed()
    state.back_up(stream(box.parent))
    assert sorted(state.contents()) == [b"1", b"2", b"3", b"4", b"5"]
    assert without_checkpoints(state.back_up(stream(box.parent))) == []
    (box / "cur" / "u:2,").unlink()
    state.back_up(stream(box.parent))
    assert sorted(state.contents()) == [b"1", b"3", b"4", b"5"]


def test_only_messages_are_messages(box: Path) -> None:
    (box / "cur" / ".hidden").write_bytes(b"no message")
    (box / "cur" / "sub").mkdir()
    (box / "cur" / "sub" / "x.txt").write_bytes(b"no message either")
    (box / "dovecot-uidlist").write_bytes(b"index")
    (box / "tmp" / "half").write_bytes(b"being delivered")
    (box / "cur" / "a:2,S").write_bytes(b"message")
    (box / ".Sent" / "cur").mkdir(parents=True)
    (box / ".Sent" / "new").mkdir()
    (box / ".Sent" / "cur" / "b:2,S").write_bytes(b"sent")
    mail, drive = both(box.parent)
    assert sorted(mail.contents()) == [b"message", b"sent"]
    assert sorted(mail.items) == ["box/.Sent///b", "box///a"]
    assert rebuilt([mail, drive]) == whole_tree(box.parent)


def test_a_lone_cur_holds_messages_only_where_names_have_flags(tmp_path: Path) -> None:
    (tmp_path / "list" / "cur").mkdir(parents=True)
    (tmp_path / "list" / "cur" / "1:2,S").write_bytes(b"message")
    (tmp_path / "list" / "cur" / "currencies.csv").write_bytes(b"EUR")
    mail, drive = both(tmp_path)
    assert list(mail.items) == ["list///1"]
    assert b"EUR" in drive.contents()
    assert rebuilt([mail, drive]) == whole_tree(tmp_path)


def test_an_irregular_message_is_skipped_and_the_others_go_on(box: Path) -> None:
    (box / "cur" / "1:2,S").symlink_to("/etc/passwd")
    (box / "cur" / "2:2,S").write_bytes(b"2")
    state = Committed()
    said = state.back_up(stream(box.parent))
    assert skipped(said) == {"box///1": "symlink"}
    assert list(state.contents()) == [b"2"]


def test_the_import_folder_may_be_a_maildir_itself(box: Path) -> None:
    (box / "cur" / "1:2,S").write_bytes(b"1")
    (box / ".Sent" / "cur").mkdir(parents=True)
    states = both(box, accounts="folders")
    assert rebuilt(states) == whole_tree(box)
    assert "//1" in states[0].items


def test_mail_and_drive_share_nothing(box: Path) -> None:
    (box / "cur" / "1:2,S").write_bytes(b"1")
    (box / "letter.eml").write_bytes(b"2")
    state = Committed()
    state.back_up(stream(box.parent, Service.DRIVE))
    assert sorted(state.items) == ["box/", "box/cur/", "box/new/", "box/tmp/"]
