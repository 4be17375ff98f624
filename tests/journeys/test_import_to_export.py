"""From a folder into the vault, and out again in every form."""

import mailbox
import stat
import zipfile

from tests.journeys.place import ORGANIZATION, Place, make_source, tree


def test_what_was_imported_comes_back_byte_for_byte(imported: Place) -> None:
    ended = imported.ok("export", "--all", "--to", imported.root / "out")
    assert tree(imported.root / "out") == tree(imported.source)
    for path in imported.source.rglob("*"):
        before, after = path.stat(), (imported.root / "out" / path.relative_to(imported.source)).stat()
        if path.is_file() or "Documents" in path.parts:
            assert before.st_mtime_ns == after.st_mtime_ns, path
        assert stat.S_IMODE(before.st_mode) == stat.S_IMODE(after.st_mode), path
    assert "written to" in ended.out


def test_a_zip_holds_the_same_tree(imported: Place) -> None:
    imported.ok("export", "--all", "--to", imported.root / "out.zip")
    with zipfile.ZipFile(imported.root / "out.zip") as written:
        assert written.testzip() is None
        written.extractall(imported.root / "unzipped")
    assert tree(imported.root / "unzipped") == tree(imported.source)


def test_one_account_and_one_stream_are_exported_alone(imported: Place) -> None:
    document = imported.json("export", "ana/drive", "--to", imported.root / "out")
    assert {path.split("/")[1] for path in tree(imported.root / "out") if "/" in path} == {
        "Documents",
        "Inbox",
    }
    assert [path for path in tree(imported.root / "out") if path.endswith(".eml")] == []
    assert [one["label"] for one in document["streams"]] == ["ana/drive"]


def test_message_files_and_mailboxes_hold_every_message(imported: Place) -> None:
    imported.ok("export", "--all", "--to", imported.root / "eml", "--format", "eml")
    messages = [path for path in tree(imported.root / "eml") if path.endswith(".eml")]
    assert len(messages) == 14 + 2 + 9
    assert not [path for path in messages if "\x1b" in path]
    imported.ok("export", "carl", "--to", imported.root / "mbox", "--format", "mbox")
    (path,) = (imported.root / "mbox").rglob("*.mbox")
    box = mailbox.mbox(path)
    assert [message["Subject"] for message in box].sort() == [str(n) for n in range(9)].sort()
    assert len(box) == 9
    box.close()


def test_a_second_backup_finds_nothing_and_writes_nothing(imported: Place) -> None:
    before = sorted(path for path in imported.vault().rglob("*") if path.is_file())
    document = imported.json("backup")
    assert document["totals"]["items"] == 0 and document["totals"]["bytes_stored"] == 0
    assert {one["state"] for one in document["streams"]} == {"completed"}
    assert sorted(path for path in imported.vault().rglob("*") if path.is_file()) == before


def test_a_changed_item_is_stored_and_both_versions_can_be_had(imported: Place) -> None:
    then = imported.moment()
    letter = imported.source / "ana" / "Inbox" / "003.eml"
    old = letter.read_bytes()
    letter.write_bytes(b"Subject: new\r\n\r\nnew\r\n")
    (imported.source / "ana" / "Inbox" / "004.eml").unlink()
    document = imported.json("backup", "ana/mail")
    assert (document["totals"]["items"], document["totals"]["deletes"]) == (1, 1)
    item = "ana/Inbox/003.eml"
    assert imported.ok("show", "ana", item, "--raw").out == "Subject: new\r\n\r\nnew\r\n"
    assert imported.ok("show", "ana", item, "--raw", "--at", then).out.encode() == old
    assert imported.call("show", "ana", "ana/Inbox/004.eml").code == 3
    versions = imported.json("show", "ana", "ana/Inbox/004.eml", "--history")["versions"]
    assert [one["what"] for one in versions] == ["stored", "deleted"]


def test_an_account_that_is_gone_at_the_source_can_still_be_had(imported: Place) -> None:
    import shutil

    shutil.rmtree(imported.source / "bob")
    imported.ok("backup")
    (bob,) = [one for one in imported.json("accounts")["accounts"] if one["name"] == "bob"]
    assert bob["gone"] is not None
    imported.ok("export", "bob", "--to", imported.root / "out")
    assert (
        imported.root / "out" / "bob" / "Maildir" / "new" / "2.M2P1.host"
    ).read_bytes() == b"Subject: two\n\ntwo\n"


def test_a_stream_that_became_empty_is_seen_to_be_empty(imported: Place) -> None:
    (imported.source / "carl" / "Archive.mbox").unlink()
    document = imported.json("backup", "carl")
    assert document["totals"]["deletes"] == 9


def test_everything_in_one_account(place: Place) -> None:
    make_source(place.source)
    place.ok("import", place.source, "--organization", ORGANIZATION, "--account-per", "one")
    assert len(place.json("accounts")["accounts"]) == 1
    place.ok("export", "--all", "--to", place.root / "out")
    assert tree(place.root / "out") == tree(place.source)
    ended = place.call("import", place.source, "--organization", ORGANIZATION, "--account-per", "folder")
    assert ended.code == 2 and "cannot change" in ended.err


def test_two_imports_stay_apart(imported: Place) -> None:
    other = imported.root / "other"
    (other / "ana").mkdir(parents=True)
    (other / "ana" / "x.txt").write_text("other")
    imported.ok("import", other, "--organization", ORGANIZATION)
    imported.ok("export", "--all", "--to", imported.root / "out")
    assert tree(imported.root / "out" / "source") == tree(imported.source)
    assert tree(imported.root / "out" / "other") == tree(other)
