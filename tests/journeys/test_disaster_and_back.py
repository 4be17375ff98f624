"""Originals are damaged, keys lost, the catalog gone, the vault damaged: the way back, or a clear sentence."""

import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.journeys.place import ORGANIZATION, Place, make_source, tree


def test_damaged_and_deleted_originals_come_back(imported: Place) -> None:
    before, then = tree(imported.source), imported.moment()
    (imported.source / "ana" / "Inbox" / "001.eml").write_bytes(b"encrypted by somebody")
    shutil.rmtree(imported.source / "ana" / "Documents")
    shutil.rmtree(imported.source / "bob")
    (imported.source / "carl" / "Archive.mbox").unlink()
    imported.ok("backup")
    plan = imported.json("restore", "ana", "--at", then, "--dry-run")
    assert [(one["label"], one["missing"], one["changed"]) for one in plan["streams"]] == [
        ("ana/drive", 6, 1),
        ("ana/mail", 0, 1),
    ]
    skipped = imported.json("restore", "ana", "--at", then)
    assert skipped["outcomes"]["skipped-existing"] == 1
    imported.ok("restore", "--all", "--at", then, "--on-conflict", "replace")
    assert tree(imported.source) == before
    again = imported.json("restore", "ana", "--at", then, "--on-conflict", "replace")
    assert set(again["outcomes"]) == {"already-restored"}


def test_single_items_and_folders_are_restored_elsewhere(imported: Place) -> None:
    imported.ok("restore", "ana", "--item", "ana/Inbox/002.eml", "--to", imported.root / "one")
    assert list(tree(imported.root / "one")) == ["ana", "ana/Inbox", "ana/Inbox/002.eml"]
    imported.ok("restore", "ana/drive", "--folder", "ana/Documents", "--to", imported.root / "two")
    assert tree(imported.root / "two" / "ana" / "Documents") == tree(imported.source / "ana" / "Documents")
    assert imported.call("restore", "ana", "--item", "nope", "--to", imported.root / "three").code == 3
    assert imported.call("restore", "ana", "--folder", "nope", "--to", imported.root / "three").code == 3


def packs(place: Place) -> list[Path]:
    return sorted(path for path in (place.vault() / "packs").rglob("*") if path.is_file())


def test_damage_is_found_named_and_never_exported(imported: Place) -> None:
    largest = max(packs(imported), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    ended = imported.call("--json", "check", "--read-data")
    (organization,) = ended.document["organizations"]
    assert ended.code == 5 and not ended.document["ok"]
    assert "ana/Documents/big.bin" in {
        item["item"] for one in organization["findings"] for item in one["affected"]
    }
    text = imported.call("check", "--read-data")
    assert text.code == 5 and "DAMAGED" in text.out and "big.bin" in text.out
    ended = imported.call("--json", "export", "--all", "--to", imported.root / "out")
    assert ended.code == 5
    assert [one["item"] for one in ended.document["failures"]] == ["ana/Documents/big.bin"]
    expected = tree(imported.source)
    del expected["ana/Documents/big.bin"]
    assert tree(imported.root / "out") == expected


def test_a_vault_that_was_rolled_back_is_refused(imported: Place) -> None:
    shutil.copytree(imported.vault(), imported.root / "older")
    (imported.source / "ana" / "Inbox" / "new.eml").write_bytes(b"Subject: new\r\n\r\nnew\r\n")
    imported.ok("backup")
    vault = imported.vault()
    shutil.rmtree(vault)
    shutil.move(imported.root / "older", vault)
    ended = imported.call("backup")
    assert ended.code == 5 and "rolled back" in ended.err
    assert imported.call("check").code == 5


def test_a_lost_master_key_is_recovered_with_the_kit(place: Place) -> None:
    make_source(place.source)
    kit = place.root / "kit.txt"
    place.ok("import", place.source, "--organization", ORGANIZATION, "--recovery-kit", kit)
    assert kit.stat().st_mode & 0o077 == 0
    (place.home / "master.key").unlink()
    assert place.call("ls", "ana").code == 6
    vault_id = place.vault().name
    (place.home / "keys" / f"{vault_id}.json").unlink()
    place.ok("keys", "recover", vault_id, "--kit", kit)
    place.ok("export", "--all", "--to", place.root / "out")
    assert tree(place.root / "out") == tree(place.source)


def test_another_master_key_is_refused(imported: Place) -> None:
    other = Place(imported.root / "elsewhere")
    make_source(other.source)
    other.ok("import", other.source, "--organization", "Other")
    shutil.copy(other.home / "master.key", imported.home / "master.key")
    assert imported.call("ls", "ana").code == 7


def test_rotated_keys_read_old_and_new(imported: Place) -> None:
    imported.ok("keys", "rotate")
    imported.ok("keys", "rotate-master")
    (imported.source / "ana" / "Inbox" / "new.eml").write_bytes(b"Subject: new\r\n\r\nnew\r\n")
    imported.ok("backup")
    imported.ok("check", "--read-data")
    imported.ok("export", "--all", "--to", imported.root / "out")
    assert tree(imported.root / "out") == tree(imported.source)


def test_erased_keys_open_nothing(imported: Place) -> None:
    assert imported.call("keys", "erase", "--organization", ORGANIZATION).code == 2
    receipt = imported.json("keys", "erase", "--organization", ORGANIZATION, "--yes")["receipt"]
    assert receipt["complete"]
    assert imported.call("ls", "ana").code == 7


def test_a_lost_catalog_and_cache_are_made_again(imported: Place) -> None:
    before = imported.json("accounts")["accounts"]
    for path in imported.home.glob("catalog.sqlite*"):
        path.unlink()
    shutil.rmtree(imported.home / "cache")
    imported.ok("rebuild-index")
    after = imported.json("accounts")["accounts"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    imported.ok("export", "--all", "--to", imported.root / "out")
    assert tree(imported.root / "out") == tree(imported.source)
    assert imported.json("backup")["totals"]["items"] == 0
    assert imported.call("prune").code == 2
    imported.ok("prune", "--after-rebuild")
    imported.ok("prune")


@pytest.mark.parametrize(
    ("damage", "code"),
    [("newer catalog", 11), ("no catalog", 5), ("newer vault", 11)],
)
def test_newer_and_foreign_files_are_one_sentence(imported: Place, damage: str, code: int) -> None:
    catalog = imported.home / "catalog.sqlite"
    if damage == "newer catalog":
        with sqlite3.connect(catalog) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    elif damage == "no catalog":
        for path in imported.home.glob("catalog.sqlite*"):
            path.unlink()
        catalog.write_bytes(b"no database at all " * 500)
    else:
        path = imported.vault() / "format"
        path.chmod(0o600)
        path.write_bytes(path.read_bytes().replace(b'"format":0', b'"format":9'))
    ended = imported.call("ls", "ana")
    assert ended.code == code
    assert len(ended.err.splitlines()) <= 2


def test_two_backups_at_once_lose_nothing(imported: Place) -> None:
    for number in range(40):
        (imported.source / "ana" / "Inbox" / f"n{number}.eml").write_bytes(
            b"Subject: %d\r\n\r\nx\r\n" % number
        )
    both = [imported.start("backup") for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert {process.returncode for process in both} <= {0, 4}, said
    assert 0 in {process.returncode for process in both}
    imported.ok("backup")
    imported.ok("check", "--read-data")
    imported.ok("export", "--all", "--to", imported.root / "out")
    assert tree(imported.root / "out") == tree(imported.source)


def test_ctrl_c_leaves_a_whole_vault(place: Place) -> None:
    (place.source / "ana").mkdir(parents=True)
    for number in range(3000):
        (place.source / "ana" / f"{number:05}.txt").write_bytes(b"%d " % number * 200)
    process = place.start("import", place.source, "--organization", ORGANIZATION)
    assert process.stderr is not None
    process.stderr.readline()  # the recovery kit is written: the import begins
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode in (0, 130), err
    if process.returncode == 130:
        assert "Stopp" in err + out and "Traceback" not in err
    place.ok("import", place.source, "--organization", ORGANIZATION)
    place.ok("check", "--read-data")
    place.ok("export", "--all", "--to", place.root / "out")
    assert tree(place.root / "out") == tree(place.source)


def test_a_home_inside_the_source_is_refused(place: Place) -> None:
    make_source(place.source)
    inside = Place(place.source)
    ended = inside.call("import", place.source, "--organization", ORGANIZATION)
    assert ended.code == 2 and "lies inside" in ended.err


def test_a_source_that_is_not_mounted_is_not_a_deletion(imported: Place) -> None:
    imported.source.rename(imported.root / "unmounted")
    ended = imported.call("backup")
    assert ended.code == 12 and "cannot be opened" in ended.err
    assert imported.json("stats")["organizations"][0]["items"] == 29


def test_an_erased_organization_stops_no_other(place: Place) -> None:
    for name in ("kept", "erased"):
        (place.root / name / "ann").mkdir(parents=True)
        (place.root / name / "ann" / "1.eml").write_bytes(b"From: a@example.org\n\nhello\n")
        place.json("import", str(place.root / name), "--organization", name)
    place.json("keys", "erase", "--organization", "erased", "--yes")
    (place.root / "kept" / "ann" / "2.eml").write_bytes(b"From: a@example.org\n\nnew\n")
    assert place.json("backup")["totals"]["items"] == 1
    assert place.call("check").code == 0
    assert place.call("ls", "ann").code == 0
    assert place.call("check", "--organization", "erased").code == 7


def test_an_emptied_source_is_said(place: Place) -> None:
    for name in ("a", "b"):
        (place.root / "source" / name).mkdir(parents=True)
        (place.root / "source" / name / "1.eml").write_bytes(b"From: a@example.org\n\nhello\n")
    place.json("import", str(place.root / "source"), "--organization", "o")
    (place.root / "source" / "b").rename(place.root / "b")
    assert place.json("backup")["gone"] == ["b"]
    (place.root / "source" / "a").rename(place.root / "a")
    assert [place.call("backup").code for _ in range(2)] == [12, 12]


def test_a_rolled_back_stream_is_not_exported_as_if_whole(place: Place) -> None:
    (place.root / "source" / "a").mkdir(parents=True)
    (place.root / "source" / "a" / "1.eml").write_bytes(b"From: a@example.org\n\nhello\n")
    place.json("import", str(place.root / "source"), "--organization", "o")
    (place.root / "source" / "a" / "2.eml").write_bytes(b"From: a@example.org\n\nnew\n")
    place.json("backup")
    for newest in (place.home / "vaults").glob("*/snapshots/*/*2"):
        newest.unlink()
    assert place.call("export", "--all", "--to", str(place.root / "out")).code == 5


def test_a_lost_catalog_is_no_new_beginning(place: Place) -> None:
    (place.root / "source" / "a").mkdir(parents=True)
    (place.root / "source" / "a" / "1.eml").write_bytes(b"From: a@example.org\n\nhello\n")
    place.json("import", str(place.root / "source"), "--organization", "o")
    (place.home / "catalog.sqlite").unlink()
    assert place.call("backup").code == 5
    assert place.call("import", str(place.root / "source"), "--organization", "p").code == 5
    assert place.call("rebuild-index").code == 0
    assert place.json("backup")["totals"]["streams"] == 1
