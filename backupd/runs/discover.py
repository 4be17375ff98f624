"""Asking a connection which accounts it has, and writing down what is new, renamed or gone.

Names go into the vault first (sealed), then into the catalog: a catalog that was lost can be made again from the
vault, and a crash in between only means that the same names are written once more.
"""

from __future__ import annotations

from typing import NamedTuple

from backupd.catalog import accounts, streams
from backupd.catalog.connections import SourceConnection
from backupd.catalog.database import Catalog
from backupd.domain.ids import ACCOUNT, Randomness, new_id
from backupd.domain.streams import StreamName
from backupd.runs.names import put_account
from backupd.vault.vault import Vault
from connectors.sdk.contract import Connection


class Protected(NamedTuple):
    """One stream of one account, as the catalog knows them."""

    account: accounts.Account
    stream: streams.Stream


def discover(
    source: Connection,
    row: SourceConnection,
    vault: Vault,
    catalog: Catalog,
    *,
    randomness: Randomness,
    now_ms: int,
) -> list[Protected]:
    """Return the streams that the source has now, by account name; raises the connector's errors."""
    found = list(source.discover())
    with catalog.reading() as tx:
        known = {account.source_id: account for account in accounts.of_connection(tx, row.id)}
        had = {one.name: one for one in streams.of_accounts(tx, [account.id for account in known.values()])}
    listed: list[Protected] = []
    new_accounts: list[accounts.Account] = []
    renamed: list[accounts.Account] = []
    new_streams: list[streams.Stream] = []
    for one in found:
        account = known.get(one.id)
        if account is None:
            account = accounts.Account(
                new_id(ACCOUNT, randomness), row.id, one.id, one.name, one.kind, now_ms
            )
            new_accounts.append(account)
        elif account.name != one.name or account.gone_ms is not None:
            account = account._replace(name=one.name, gone_ms=None)
            renamed.append(account)
        for service in one.services:
            name = str(StreamName(row.id, one.id, service))
            if name not in had:
                had[name] = streams.Stream(name, account.id, service)
                new_streams.append(had[name])
        # A stream that was seen before and is empty now is still read: that is how its items are seen to be gone.
        listed += [Protected(account, stream) for stream in had.values() if stream.account_id == account.id]
    present = {one.id for one in found}
    gone = [
        account.id for account in known.values() if account.source_id not in present and not account.gone_ms
    ]
    for account in (*new_accounts, *renamed):
        put_account(vault, account)
    if new_accounts or renamed or gone or new_streams:
        with catalog.writing() as tx:
            for account in new_accounts:
                accounts.add(tx, account)
            for account in renamed:
                accounts.found(tx, account.id, account.name)
            for stream in new_streams:
                streams.add(tx, stream)
            accounts.gone(tx, gone, now_ms)
    return sorted(listed, key=lambda protected: (protected.account.name, protected.stream.name))
