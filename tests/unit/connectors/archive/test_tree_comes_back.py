"""A whole import folder, read and put together again by the connector's placements, is the import folder."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from connectors.archive.connector import CONNECTOR
from connectors.sdk.records import Item, ItemKind
from tests.contracts.committed import Committed
from tests.unit.connectors.archive.reading import both, rebuilt, stream, whole_tree
from tests.unit.connectors.archive.samples import sample


@pytest.mark.parametrize("accounts", ["folders", "one"])
def test_a_sample_company_comes_back(tmp_path: Path, accounts: str) -> None:
    sample(tmp_path)
    tree = whole_tree(tmp_path)
    got = rebuilt(both(tmp_path, accounts))
    mail_only = {
        path for path in tree if path.endswith(b"/") and path.startswith(b"alice/") and path not in got
    }
    assert {path: data for path, data in tree.items() if path not in mail_only} == got
    assert b"alice/empty/" in got


def test_real_mail_and_documents_come_back(real_folders: list[Path], tmp_path: Path) -> None:
    sample(tmp_path)
    for folder in (tmp_path, *real_folders):
        for accounts in ("folders", "one"):
            states = both(folder, accounts)
            assert not any(state.failures for state in states)
            tree, got = whole_tree(folder), rebuilt(states)
            assert got.keys() <= tree.keys()
            assert {path for path in tree.keys() - got.keys() if not path.endswith(b"/")} == set()
            assert {path: tree[path] for path in got} == got


def test_placements_carry_mode_and_time(tmp_path: Path) -> None:
    sample(tmp_path)
    for state in both(tmp_path):
        for item, _ in state.items.values():
            place = CONNECTOR.original(item)
            assert place is not None
            now = os.stat(tmp_path.joinpath(*place.parts))
            assert (place.mode, place.mtime_ns) == (now.st_mode & 0o7777, now.st_mtime_ns)
            assert (place.offset is not None) == ("//" in item.id and "///" not in item.id)


@pytest.mark.parametrize("meta", [b"", b"{}", b"\xc1", b"\x94\x63\xa4file\x00\x00", b"\x94\x01\x05\x00\x00"])
def test_an_item_of_another_kind_has_no_placement(meta: bytes) -> None:
    item = Item("x", ItemKind.FILE, b"", "", "x", 0, 0, meta)
    assert CONNECTOR.original(item) is None


def test_an_id_that_no_name_gives_has_no_placement(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    state = Committed()
    states = both(tmp_path)
    state.items.update(states[0].items)
    ((item, _),) = state.items.values()
    assert CONNECTOR.original(item) is not None
    assert CONNECTOR.original(dataclasses.replace(item, id="a\U0010fe2f..\U0010fe2fb")) is None
    assert list(stream(tmp_path).changes(None, Committed()))
