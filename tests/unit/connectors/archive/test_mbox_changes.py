"""An mbox in a stream: read once, its messages told apart by what they are, its bytes given back exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.archive import mbox
from connectors.archive.connector import CONNECTOR
from connectors.sdk.errors import Skippable
from connectors.sdk.records import ItemKind, Service, Upsert
from tests.contracts.committed import Committed, read, without_checkpoints
from tests.unit.connectors.archive.reading import both, deleted, items, rebuilt, skipped, stream, whole_tree
from tests.unit.connectors.archive.samples import SHAPES, A, B, C


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often an mbox is parsed."""
    counted: list[int] = []
    pieces = mbox.pieces

    def counting(fd: int) -> list[bytes]:
        counted.append(fd)
        return pieces(fd)

    monkeypatch.setattr(mbox, "pieces", counting)
    return counted


@pytest.mark.parametrize("shape", SHAPES)
def test_the_file_is_its_pieces_joined(tmp_path: Path, shape: str) -> None:
    (tmp_path / "in.mbox").write_bytes(SHAPES[shape])
    (tmp_path / "beside.mbox-2").write_bytes(b"sorts next to it")
    (tmp_path / "x").mkdir()
    states = both(tmp_path)
    assert rebuilt(states) == whole_tree(tmp_path)
    for state in states:
        assert list(state.items) == sorted(state.items)


def test_an_unchanged_mbox_is_not_read_again(tmp_path: Path, parses: list[int]) -> None:
    (tmp_path / "in.mbox").write_bytes(A + B)
    state, source = Committed(), stream(tmp_path)
    state.back_up(source)
    assert len(parses) == 1
    assert without_checkpoints(state.back_up(source)) == []
    assert len(parses) == 1 and len(state.items) == 2
    state.cursor = None
    assert without_checkpoints(state.back_up(source)) == []
    assert len(parses) == 2


def test_a_delivered_message_changes_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "in.mbox"
    path.write_bytes(A + B)
    state, source = Committed(), stream(tmp_path)
    state.back_up(source)
    with path.open("ab") as file:
        file.write(C)
    said = state.back_up(source)
    assert not deleted(said)
    new = {item.size_bytes for item in items(said).values()}
    assert new == {len(A), len(C)}  # the first speaks for the file: time and mode
    os.chmod(path, 0o600)
    (first,) = items(state.back_up(source)).values()
    place = CONNECTOR.original(first)
    assert place is not None and (place.offset, place.mode) == (0, 0o600)


def test_expunging_the_first_message_keeps_the_ids_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "in.mbox"
    path.write_bytes(A + B + C)
    state, source = Committed(), stream(tmp_path)
    before = set(items(state.back_up(source)))
    path.write_bytes(B + C)
    said = state.back_up(source)
    assert set(items(said)) < before and len(deleted(said)) == 1
    assert rebuilt([state]) == whole_tree(tmp_path)


def test_a_pending_piece_of_an_unchanged_mbox_is_said_again_and_only_that(tmp_path: Path) -> None:
    (tmp_path / "in.mbox").write_bytes(A + B + C)
    state, source = Committed(), stream(tmp_path)
    state.back_up(source)
    lost, _, kept = sorted(state.items)
    del state.items[lost]
    state.failures = {lost: "unavailable", kept: "unavailable", "in.mbox//f~gone": "unavailable"}
    said = state.back_up(source)
    assert sorted(items(said)) == [lost, kept]
    assert deleted(said) == ["in.mbox//f~gone"]
    assert not state.failures
    assert rebuilt([state]) == whole_tree(tmp_path)


def test_a_piece_is_only_given_out_if_it_still_is_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "in.mbox"
    path.write_bytes(A + B)
    upserts = {
        c.item.size_bytes: c for c in stream(tmp_path).changes(None, Committed()) if isinstance(c, Upsert)
    }
    path.write_bytes(A + b"From b@x, another one\n\n" + C)
    assert read(upserts[len(A)]) == A
    with pytest.raises(Skippable) as failed:
        read(upserts[len(B)])
    assert failed.value.reason == "changed-while-read"


def test_an_mbox_that_changes_at_each_reading_is_skipped_and_nothing_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.mbox"
    path.write_bytes(A + B)
    state, source = Committed(), stream(tmp_path)
    state.back_up(source)
    before = state.contents()
    pieces = mbox.pieces

    def disturbed(fd: int) -> list[bytes]:
        with path.open("ab") as file:
            file.write(C)
        return pieces(fd)

    with path.open("ab") as file:
        file.write(C)
    monkeypatch.setattr(mbox, "pieces", disturbed)
    assert skipped(state.back_up(source)) == {"in.mbox//": "changed-while-read"}
    assert state.contents() == before
    monkeypatch.undo()
    state.back_up(source)
    assert not state.failures
    assert rebuilt([state]) == whole_tree(tmp_path)


def test_an_mbox_that_changes_between_two_slices_is_read_whole_by_the_next_pass(tmp_path: Path) -> None:
    path = tmp_path / "in.mbox"
    messages = [A.replace(b"first", b"number %d" % number) for number in range(1_500)]
    path.write_bytes(b"".join(messages))
    state, source = Committed(), stream(tmp_path)
    state.back_up(source, stop_at=1)
    assert not state.complete
    path.write_bytes(b"".join(message.replace(b"number", b"changed") for message in messages))
    state.back_up(source)
    state.back_up(source)
    assert rebuilt([state]) == whole_tree(tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "is_mail"),
    [
        ("Inbox", A, True),
        ("2020.01", A, True),
        ("Work.Projects", A, True),
        ("sent.MBX", b"", True),
        ("letter.txt", A, False),
        ("README", b"From here to eternity, a novel\n", False),
        ("README", b"from a@x Mon Feb  3 04:05:06 2020\n", False),
        ("empty", b"", False),
    ],
)
def test_what_counts_as_an_mbox(tmp_path: Path, name: str, data: bytes, is_mail: bool) -> None:
    (tmp_path / name).write_bytes(data)
    (state,) = both(tmp_path)
    assert ("//" in next(iter(state.items))) == is_mail
    assert rebuilt([state]) == whole_tree(tmp_path)


def test_a_file_that_becomes_an_mbox_moves_to_the_mail_and_back(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_bytes(b"x")
    (tmp_path / "beside.eml").write_bytes(b"y")
    mail, drive = Committed(), Committed()
    for data in (b"text", A + B, b"text again", b"", A):
        (tmp_path / "Inbox").write_bytes(data)
        mail.back_up(stream(tmp_path))
        drive.back_up(stream(tmp_path, Service.DRIVE))
        assert rebuilt([mail, drive]) == whole_tree(tmp_path)


def test_what_stands_before_the_first_message_is_no_message(tmp_path: Path) -> None:
    (tmp_path / "in.mbox").write_bytes(b"junk\n\n" + A)
    state = Committed()
    state.back_up(stream(tmp_path))
    kinds = {data: (item.kind, item.name) for item, data in state.items.values()}
    assert kinds[b"junk\n\n"] == (ItemKind.FILE, "(before the first message)")
    assert kinds[A] == (ItemKind.MESSAGE, "a@x Mon Feb  3 04:05:06 2020")


def test_placements_say_how_to_make_a_message_of_a_piece(tmp_path: Path) -> None:
    (tmp_path / "in.mbox").write_bytes(A + B)
    state = Committed()
    state.back_up(stream(tmp_path))
    places = sorted(
        (place.offset or 0, place)
        for item, _ in state.items.values()
        if (place := CONNECTOR.original(item)) is not None
    )
    assert [offset for offset, _ in places] == [0, len(A)]
    for _, place in places:
        assert place.parts == ("in.mbox",)
        assert place.envelope_length == A.index(b"\n") + 1
        assert place.unescape_from
