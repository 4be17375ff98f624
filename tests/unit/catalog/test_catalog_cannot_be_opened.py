"""A catalog that is newer, damaged, locked or read-only: one clear error, and nothing changed."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from backupd.catalog import database, organizations
from backupd.catalog.database import Catalog
from backupd.errors import Busy, Integrity, StoreDenied, UnsupportedFormat


def test_a_newer_schema_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnsupportedFormat) as caught:
        Catalog.open(path)
    assert "9999" in caught.value.message
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_a_file_that_is_no_catalog_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"this is not a database, but long enough to look at" * 100)
    with pytest.raises(Integrity) as caught:
        Catalog.open(path)
    assert "rebuild-index" in caught.value.hint


def test_a_reading_transaction_cannot_write(catalog: Catalog) -> None:
    with pytest.raises(StoreDenied), catalog.reading() as tx:
        organizations.set_retention(tx, "org-1", "1d")


def test_an_exception_rolls_back(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError), catalog.writing() as tx:
        organizations.set_retention(tx, "org-1", "1d")
        raise RuntimeError("in the middle")
    with catalog.reading() as tx:
        assert organizations.every(tx)[0].retention == "forever"


def test_a_writer_that_waits_too_long_is_told(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_MS", 50)
    impatient = Catalog(catalog._path)
    with catalog.writing(), pytest.raises(Busy), impatient.writing():
        pass
    impatient.close()


def test_writers_do_not_lose_each_others_work(catalog: Catalog) -> None:
    with catalog.writing() as tx:
        tx.execute(text("CREATE TABLE counter (n INTEGER)"))
        tx.execute(text("INSERT INTO counter VALUES (0)"))

    def count() -> None:
        for _ in range(25):
            with catalog.writing() as tx:
                n = tx.execute(text("SELECT n FROM counter")).scalar_one()
                tx.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.reading() as tx:
        assert tx.execute(text("SELECT n FROM counter")).scalar_one() == 100


def test_a_catalog_at_its_revision_opens_without_alembic(catalog: Catalog) -> None:
    code = (
        "import sys; from pathlib import Path; from backupd.catalog.database import Catalog; "
        "Catalog.open(Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(catalog._path)], check=False)
    assert done.returncode == 0
