"""Making the catalog again from the vaults, for when it was lost or is behind.

The vault is the truth about what is stored. Only one thing cannot be had back: which snapshot was the newest that was
ever committed. The one found is taken for it, so after a rebuild a prune waits for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from backupd.catalog import accounts, connections, failures, organizations, snapshots, streams
from backupd.catalog.database import Catalog
from backupd.domain.ids import ACCOUNT, CONNECTION, ORGANIZATION, Randomness, new_id
from backupd.domain.streams import StreamName
from backupd.errors import UsageError
from backupd.runs.backup import pending_failures, snapshot_row
from backupd.runs.names import stored_names
from backupd.vault.maintenance.retention import retention_of
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault


@dataclass(slots=True)
class CatalogRebuild:
    """What was written: whether the organization was unknown, and how many rows were missing."""

    organization: str
    was_unknown: bool = False
    connections: int = 0
    accounts: int = 0
    streams: int = 0
    snapshots: int = 0
    unreadable: list[str] = field(default_factory=list)


def rebuild_catalog(vault: Vault, catalog: Catalog, *, randomness: Randomness, now_ms: int) -> CatalogRebuild:
    """Write what the catalog lacks of this vault; what it has already stays."""
    organization, sources, people = stored_names(vault)
    if organization is None:
        name = f"recovered {vault.vault_id[:8]}"
        organization = organizations.Organization(
            new_id(ORGANIZATION, randomness), name, vault.vault_id, "forever", now_ms
        )
    organization = organization._replace(retention=str(retention_of(vault)), rebuilt_ms=now_ms)
    histories = {stream: vault.snapshots(stream) for stream in vault.streams()}
    pending = {
        stream: pending_failures(vault, stream, infos[-1].seq if infos else None, now_ms)
        for stream, infos in histories.items()
    }
    done = CatalogRebuild(organization.name)
    with catalog.writing() as tx:
        organization = _organization(tx, organization, done)
        for source in sources:
            if connections.by_id(tx, source.id) is None:
                connections.add(tx, source._replace(organization_id=organization.id))
                done.connections += 1
        for stream, infos in histories.items():
            row = _stream(tx, stream, organization, people, done, randomness=randomness, now_ms=now_ms)
            if row is not None:
                _snapshots(tx, row, infos, done)
                failures.replace(tx, stream, pending[stream])
    return done


def _organization(
    tx: Connection, organization: organizations.Organization, done: CatalogRebuild
) -> organizations.Organization:
    every = organizations.every(tx)
    known = next((one for one in every if one.vault_id == organization.vault_id), None)
    if known is not None:
        done.organization = known.name
        return known
    if any(one.name == organization.name for one in every):
        organization = organization._replace(name=f"{organization.name} ({organization.vault_id[:8]})")
    organizations.add(tx, organization)
    done.organization, done.was_unknown = organization.name, True
    return organization


def _stream(
    tx: Connection,
    stream: str,
    organization: organizations.Organization,
    people: list[accounts.Account],
    done: CatalogRebuild,
    *,
    randomness: Randomness,
    now_ms: int,
) -> streams.Stream | None:
    """Return the stream's row; written, with connection and account, where it is missing."""
    known = streams.get(tx, stream)
    if known is not None:
        return known
    try:
        name = StreamName.parse(stream)
    except UsageError:
        done.unreadable.append(stream)
        return None
    if connections.by_id(tx, name.connection) is None:
        # Its name was lost too: the data can be listed and exported, but not backed up again.
        connections.add(
            tx,
            connections.SourceConnection(
                name.connection, organization.id, "archive", new_id(CONNECTION, randomness), {}, now_ms
            ),
        )
        done.connections += 1
    account = next(
        (one for one in accounts.of_connection(tx, name.connection) if one.source_id == name.account), None
    )
    if account is None:
        named = [
            one for one in people if (one.connection_id, one.source_id) == (name.connection, name.account)
        ]
        account = named[0] if named else None
        if account is None:
            account = accounts.Account(
                new_id(ACCOUNT, randomness), name.connection, name.account, name.account, "unknown", now_ms
            )
        accounts.add(tx, account)
        done.accounts += 1
    row = streams.Stream(stream, account.id, name.service)
    streams.add(tx, row)
    done.streams += 1
    return row


def _snapshots(
    tx: Connection, stream: streams.Stream, infos: list[SnapshotInfo], done: CatalogRebuild
) -> None:
    before = {row.seq for row in snapshots.of_stream(tx, stream.name)}
    missing = [info for info in infos if info.seq not in before]
    snapshots.add(tx, [snapshot_row(info) for info in missing])
    done.snapshots += len(missing)
    if infos:
        newest = infos[-1]
        streams.remember_head(tx, stream.name, newest.seq, newest.hash)
        complete = [info for info in infos if info.complete]
        if stream.proven_ms is None and complete:
            streams.note_run(tx, stream.name, "unknown", newest.committed_ms, complete[-1].as_of_ms)
