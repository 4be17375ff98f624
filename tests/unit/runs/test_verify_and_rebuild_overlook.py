"""A check compares the vault's history with what was committed; a rebuild finds everything that is stored."""

from pathlib import Path

from backupd.catalog import accounts, connections, failures, organizations, snapshots, streams
from backupd.catalog.accounts import Account
from backupd.catalog.connections import SourceConnection
from backupd.catalog.database import Catalog
from backupd.catalog.organizations import Organization
from backupd.runs.names import put_account, put_connection, put_organization
from backupd.runs.rebuild import rebuild_catalog
from backupd.runs.verify import Verification, verify
from backupd.vault.maintenance.reports import no_progress
from connectors.sdk.records import Skipped
from tests.unit.runs.house import STREAM, House
from tests.unit.runs.scripted import ScriptedStream, end, upsert


def check(house: House) -> Verification:
    house.count += 1
    run_id = f"run-{house.count}"
    return verify(
        house.vault, house.catalog, "org-1", run_id, [house.stream()], None, house.surroundings, no_progress
    )


def test_a_whole_vault_is_whole(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end()]))
    assert check(house).ok
    assert house.last_run().state == "completed"


def test_a_vault_that_lost_its_newest_snapshot_is_not_whole(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("1")]))
    house.run(ScriptedStream([upsert("b"), end("2")]))
    newest = [name for name in house.objects() if name.startswith("snapshots/")][-1]
    house.store.delete(newest)
    found = check(house)
    assert found.report.ok and not found.ok
    assert "rollback" in found.wrong_heads[0].sentence
    assert house.last_run().state == "failed"


def test_a_snapshot_that_was_replaced_is_noticed(house: House) -> None:
    house.run(ScriptedStream([upsert("a"), end("1")]))
    with house.catalog.writing() as tx:
        tx.execute(streams.TABLE.update().values(head_hash=b"another"))
    assert "replaced" in check(house).wrong_heads[0].sentence


def test_an_empty_catalog_is_made_again_from_the_vault(house: House, tmp_path: Path) -> None:
    organization = Organization("org-1", "Example", house.vault.vault_id, "forever", 1)
    connection = SourceConnection("con-1", "org-1", "archive", "/in", {"path": "/in"}, 1)
    account = Account("acc-1", "con-1", "alice", "Alice", "folder", 1)
    put_organization(house.vault, organization)
    put_connection(house.vault, connection)
    put_account(house.vault, account)
    house.run(ScriptedStream([upsert("a"), Skipped("b", "locked", "Locked."), end("1")]))
    house.run(ScriptedStream([upsert("c"), end("2")]))
    empty = Catalog.open(tmp_path / "new.sqlite")
    done = rebuild_catalog(house.vault, empty, randomness=bytes, now_ms=99)
    assert (done.was_unknown, done.accounts, done.streams, done.snapshots) == (True, 1, 1, 2)
    with empty.reading() as tx:
        assert organizations.every(tx) == [organization._replace(rebuilt_ms=99)]
        assert connections.of(tx, "org-1") == [connection]
        assert accounts.of_connection(tx, "con-1") == [account]
        assert snapshots.of_stream(tx, STREAM) == house.rows()
        row = streams.get(tx, STREAM)
        assert row is not None and row.head == house.stream().head
        assert [one.item_id for one in failures.of_streams(tx, [STREAM])] == ["b"]
    again = rebuild_catalog(house.vault, empty, randomness=bytes, now_ms=100)
    assert (again.was_unknown, again.accounts, again.streams, again.snapshots) == (False, 0, 0, 0)
    empty.close()


def test_a_vault_without_names_is_listed_all_the_same(house: House, tmp_path: Path) -> None:
    house.run(ScriptedStream([upsert("a"), end("1")]))
    empty = Catalog.open(tmp_path / "new.sqlite")
    done = rebuild_catalog(house.vault, empty, randomness=bytes, now_ms=99)
    assert done.organization.startswith("recovered ")
    with empty.reading() as tx:
        assert [one.name for one in accounts.of_connection(tx, "con-1")] == ["alice"]
    empty.close()
