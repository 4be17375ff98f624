"""What people and programs are told."""

import json

from tests.journeys.place import ORGANIZATION, Place


def test_everything_that_reports_is_one_document(imported: Place) -> None:
    commands = [
        ["organizations"],
        ["accounts"],
        ["snapshots", "ana"],
        ["ls", "ana"],
        ["show", "ana", "ana/Inbox/000.eml"],
        ["failures"],
        ["stats"],
        ["restore", "ana", "--dry-run"],
        ["check"],
        ["prune", "--dry-run"],
        ["retention"],
        ["keys", "status"],
        ["backup"],
    ]
    for command in commands:
        ended = imported.ok("--json", *command)
        assert isinstance(json.loads(ended.out), dict), command
        assert ended.err == "", command


def test_documents_keep_their_shapes(imported: Place) -> None:
    (organization,) = imported.json("organizations")["organizations"]
    assert set(organization) == {"id", "name", "vault", "accounts", "retention", "created"}
    assert (organization["name"], organization["accounts"]) == (ORGANIZATION, 3)
    ana = imported.json("accounts")["accounts"][0]
    assert set(ana) == {"id", "organization", "name", "kind", "source_id", "gone", "streams"}
    assert [one["service"] for one in ana["streams"]] == ["drive", "mail"]
    (stats,) = imported.json("stats")["organizations"]
    assert stats["items"] == 14 + 2 + 9 + 4 and stats["bytes"] > 3_000_000
    listing = imported.json("ls", "ana/mail")["streams"][0]
    assert listing["matching"] == 14
    assert set(listing["items"][0]) == {"item", "kind", "folder", "name", "modified", "bytes", "digest"}
    assert listing["folders"][-1]["path"] == "ana/Inbox"


def test_a_mail_cannot_write_to_the_terminal(imported: Place) -> None:
    for command in (["show", "ana", "ana/Inbox/hostile.eml"], ["ls", "ana/mail", "ana/Inbox"]):
        out = imported.ok(*command).out
        assert "\x1b" not in out and "\x07" not in out and "\x9b" not in out
    assert "␛]0;owned" in imported.ok("show", "ana", "ana/Inbox/hostile.eml").out


def test_raw_is_exact(imported: Place) -> None:
    raw = imported.ok("show", "ana/mail", "ana/Inbox/broken.eml", "--raw").out
    expected = (imported.source / "ana" / "Inbox" / "broken.eml").read_bytes()
    assert raw.encode("utf-8", "surrogateescape") == expected


def test_pages_show_every_item_once(imported: Place) -> None:
    seen = []
    for page in ("1", "2", "3"):
        (stream,) = imported.json("ls", "ana/mail", "--all", "--per-page", "5", "--page", page)["streams"]
        assert stream["pages"] == 3
        seen += [one["item"] for one in stream["items"]]
    assert len(seen) == len(set(seen)) == 14


def test_an_item_is_found_by_name_alone(imported: Place) -> None:
    assert "Letter 5" in imported.ok("show", "ana", "005.eml").out
    assert "Letter 5" in imported.ok("show", "ana/Inbox/005.eml").out


def test_a_reader_that_goes_away_is_no_error(imported: Place) -> None:
    process = imported.start("ls", "ana", "--all")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (141, "")
    process.stderr.close()


def test_a_time_before_everything_is_not_found(imported: Place) -> None:
    for command in (["ls", "ana"], ["restore", "ana"], ["export", "ana", "--to", str(imported.root / "out")]):
        ended = imported.call(*command, "--at", "2001-01-01")
        assert ended.code == 3 and "snapshots" in ended.err
    assert not (imported.root / "out").exists()


def test_a_skipped_item_is_said_and_listed(imported: Place) -> None:
    (imported.source / "ana" / "Documents" / "link").symlink_to("/etc/passwd")
    ended = imported.call("backup")
    assert ended.code == 20 and "backupd failures" in ended.out
    (failure,) = imported.json("failures")["failures"]
    assert (failure["reason"], failure["item"]) == ("symlink", "ana/Documents/link")
    (imported.source / "ana" / "Documents" / "link").unlink()
    assert imported.call("backup").code == 0
    assert imported.ok("failures").out == "Nothing is pending.\n"
