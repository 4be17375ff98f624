"""Which accounts and streams an import folder has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.archive.connector import CONNECTOR
from connectors.sdk.errors import Permanent
from connectors.sdk.records import Account, Service
from tests.contracts.committed import Committed
from tests.unit.connectors.archive.reading import both, connection, rebuilt, stream

MAIL, DRIVE = Service.MAIL, Service.DRIVE


def accounts(root: Path, mode: str = "folders") -> dict[str, Account]:
    return {account.id: account for account in connection(root, mode).discover()}


def services(root: Path, mode: str = "folders") -> dict[str, tuple[Service, ...]]:
    return {account.id: account.services for account in connection(root, mode).discover()}


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (root / path).mkdir(exist_ok=True)
        else:
            (root / path).write_bytes(b"x")
    return root


def test_each_folder_is_an_account_and_loose_files_are_one(tmp_path: Path) -> None:
    make(tmp_path, "alice/a.eml", "bob/b.txt", "carol/deep/c.eml", "carol/d.pdf", "loose.eml")
    assert services(tmp_path) == {
        ".": (MAIL,),
        "alice": (MAIL,),
        "bob": (DRIVE,),
        "carol": (MAIL, DRIVE),
    }
    assert accounts(tmp_path)["."].name == tmp_path.name


def test_all_of_it_may_be_one_account(tmp_path: Path) -> None:
    make(tmp_path, "alice/a.eml", "bob/b.txt")
    assert services(tmp_path, "one") == {".": (MAIL, DRIVE)}


def test_a_folder_without_folders_and_a_maildir_are_one_account(tmp_path: Path) -> None:
    make(tmp_path / "flat", "a.eml", "b.pdf")
    make(tmp_path / "box", "cur/1:2,S", "new/2", ".Sent/cur/3:2,")
    make(tmp_path / "lone", "cur/1:2,S")
    assert services(tmp_path / "flat") == {".": (MAIL, DRIVE)}
    assert services(tmp_path / "box")["."] == (MAIL,)
    assert services(tmp_path / "lone") == {".": (MAIL,)}


def test_an_account_in_a_folder_called_cur_is_an_account(tmp_path: Path) -> None:
    make(tmp_path, "cur/1:2,S", "alice/a.eml")
    assert services(tmp_path) == {"alice": (MAIL,), "cur": (DRIVE,)}
    assert rebuilt(both(tmp_path, "folders")).keys() >= {b"cur/1:2,S", b"alice/a.eml"}


def test_names_are_unique_and_ids_are_clean(tmp_path: Path) -> None:
    root = make(tmp_path / "mail", "mail/a.eml", "mail (loose files)/b.eml", "loose.eml")
    os.mkdir(os.fsencode(root) + b"/\xff\n")
    found = accounts(root)
    assert len({account.name for account in found.values()}) == len(found) == 4
    assert "\U0010feff\U0010fe0a" in found
    assert found["mail"].name == "mail"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("a/x.eml",), (MAIL,)),
        (("a/empty/", "a/x.eml"), (MAIL, DRIVE)),
        (("a/",), (DRIVE,)),
        (("a/box/cur/1:2,S", "a/box/new/2", "a/box/tmp/"), (MAIL, DRIVE)),
        (("a/.hidden",), (DRIVE,)),
        (("a/list.mbox",), (MAIL,)),
    ],
)
def test_streams_that_would_be_empty_are_not_offered(
    tmp_path: Path, paths: tuple[str, ...], expected: tuple[Service, ...]
) -> None:
    make(tmp_path, *paths)
    assert services(tmp_path)["a"] == expected


def test_an_mbox_without_extension_makes_a_mail_stream_and_no_other(tmp_path: Path) -> None:
    make(tmp_path, "a/x.eml")
    (tmp_path / "a" / "Inbox").write_bytes(b"From a@x Mon Feb  3 04:05:06 2020\n\n")
    assert services(tmp_path)["a"] == (MAIL,)


def test_a_folder_with_modes_of_its_own_is_worth_a_drive_stream(tmp_path: Path) -> None:
    make(tmp_path, "a/x.eml", "b/x.eml")
    (tmp_path / "a").chmod(0o700)
    (tmp_path / "b").chmod(0o755)
    assert services(tmp_path) == {"a": (MAIL, DRIVE), "b": (MAIL,)}


def test_a_folder_that_cannot_be_looked_into_is_discovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a/x.eml", "b/x.eml")
    real = os.open

    def refusing(path: object, flags: int, *args: object, **kwargs: object) -> int:
        if path == "a":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refusing)
    assert services(tmp_path)["a"] == (MAIL, DRIVE)
    assert services(tmp_path)["b"] == (MAIL,)


def test_changing_what_an_account_is_deletes_nothing_that_is_out_of_scope(tmp_path: Path) -> None:
    make(tmp_path, "alice/a.eml", "loose.eml", "box/cur/1:2,S", "box/new/2")
    (tmp_path / "list.mbox").write_bytes(b"From a@x Mon Feb  3 04:05:06 2020\n\n")
    state = Committed()
    state.back_up(stream(tmp_path, accounts="one"))
    everything = set(state.items)
    assert len(everything) == 5
    state.back_up(stream(tmp_path, accounts="folders"))
    assert set(state.items) == everything
    (tmp_path / "loose.eml").unlink()
    (tmp_path / "list.mbox").unlink()
    state.back_up(stream(tmp_path, accounts="folders"))
    assert sorted(state.items) == ["alice/a.eml", "box///1", "box///2"]


def test_an_account_that_is_gone_is_an_error_and_no_deletion(tmp_path: Path) -> None:
    make(tmp_path, "alice/a.eml", "bob/b.eml")
    source = stream(tmp_path, account="alice", accounts="folders")
    state = Committed()
    state.back_up(source)
    (tmp_path / "alice" / "a.eml").unlink()
    state.back_up(source)
    assert not state.items
    (tmp_path / "alice").rmdir()
    with pytest.raises(Permanent):
        state.back_up(source)


@pytest.mark.parametrize("settings", [{}, {"path": "relative"}, {"path": "/", "accounts": "many"}])
def test_settings_that_cannot_be_right_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(Permanent):
        CONNECTOR.connect(settings, b"")
