"""A fresh catalog with one organization, connection, account and stream."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backupd.catalog import accounts, connections, organizations, streams
from backupd.catalog.database import Catalog

STREAM = "con-1/alice/mail"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(tmp_path / "catalog.sqlite")
    with opened.writing() as tx:
        organizations.add(tx, organizations.Organization("org-1", "Example", "0" * 32, "forever", 1))
        connections.add(
            tx, connections.SourceConnection("con-1", "org-1", "archive", "/in", {"path": "/in"}, 1)
        )
        accounts.add(tx, accounts.Account("acc-1", "con-1", "alice", "Alice", "folder", 1))
        streams.add(tx, streams.Stream(STREAM, "acc-1", "mail"))
    yield opened
    opened.close()
