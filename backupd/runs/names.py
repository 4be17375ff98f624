"""The sealed names in a vault: organization, connections and accounts, so that a lost catalog can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from backupd.catalog.accounts import Account
from backupd.catalog.connections import SourceConnection
from backupd.catalog.organizations import Organization
from backupd.vault.vault import Vault

_KIND = "names"


def put_organization(vault: Vault, organization: Organization) -> None:
    """Write the organization's row."""
    _put(vault, "organization", organization._asdict())


def put_connection(vault: Vault, connection: SourceConnection) -> None:
    """Write a connection's row; its settings are public, a secret never comes here."""
    _put(vault, f"connection/{connection.id}", connection._asdict())


def put_account(vault: Vault, account: Account) -> None:
    """Write an account's row."""
    _put(vault, f"account/{account.id}", account._asdict())


def stored_names(vault: Vault) -> tuple[Organization | None, list[SourceConnection], list[Account]]:
    """Return what the vault knows of its organization, connections and accounts; raises `Integrity`."""
    organization, connections, accounts = None, [], []
    for key, fields in _every(vault):
        if key == "organization":
            organization = Organization(**fields)
        elif key.startswith("connection/"):
            connections.append(SourceConnection(**fields))
        elif key.startswith("account/"):
            accounts.append(Account(**fields))
    return organization, connections, accounts


def _put(vault: Vault, key: str, fields: dict[str, Any]) -> None:
    vault.records.put(_KIND, key, json.dumps(fields, sort_keys=True).encode())


def _every(vault: Vault) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in vault.records.list(_KIND):
        yield key, json.loads(value)
