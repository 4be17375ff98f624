"""Builds the objects of a command and hands each what it needs: settings, catalog, keys, vaults, connections."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from backupd.catalog import organizations
from backupd.catalog.connections import SourceConnection
from backupd.catalog.database import Catalog
from backupd.catalog.organizations import Organization
from backupd.domain.ids import ORGANIZATION, RUN, new_id
from backupd.errors import Integrity, NotFound, SourceFailed, StoreUnavailable, UsageError
from backupd.runs.names import put_organization
from backupd.settings import Settings
from backupd.vault.keys.file_provider import FileKeyProvider
from backupd.vault.keys.keyring import new_vault_id
from backupd.vault.keys.keyring_file import KeyringFile
from backupd.vault.keys.recovery_kit import RecoveryKit
from backupd.vault.stores.opening import open_store
from backupd.vault.vault import Vault
from connectors.registry import connector
from connectors.sdk.contract import Connection
from connectors.sdk.errors import AuthExpired, ConnectorError


class Workspace:
    """Everything under one home folder. Opens vaults when they are asked for, and closes what it opened."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self.settings = settings
        self.catalog = catalog
        self._vaults: dict[str, Vault] = {}

    @classmethod
    def open(cls, settings: Settings, *, create: bool = False, rebuild: bool = False) -> Workspace:
        """Open the home folder; raises `NotFound` where there is none, unless it is to be created.

        A catalog that is missing beside vaults is a loss, not a beginning: `Integrity`, unless it is to be rebuilt.
        """
        if not rebuild and not settings.catalog.exists() and any(settings.keys.glob("*.json")):
            raise Integrity(
                f"The catalog {settings.catalog} is missing, but there are vaults and keys beside it.",
                hint="'backupd rebuild-index' makes it again from the vaults.",
            )
        if not create and not settings.catalog.exists():
            raise NotFound(
                f"Nothing has been backed up under {settings.home} yet.",
                hint="'backupd import PATH --organization NAME' begins; --home DIR names another home folder.",
            )
        return cls(settings, Catalog.open(settings.catalog))

    def close(self) -> None:
        """Close every vault, and the catalog."""
        for vault in self._vaults.values():
            vault.close()
        self.catalog.close()

    @staticmethod
    def now_ms() -> int:
        """Return the time in Unix milliseconds."""
        return time.time_ns() // 1_000_000

    @staticmethod
    def new_run_id() -> str:
        """Return a new random run id."""
        return new_id(RUN, secrets.token_bytes)

    @property
    def provider(self) -> FileKeyProvider:
        """What wraps the organizations' keys: the master key file."""
        return FileKeyProvider(self.settings.master_key)

    def keyring_file(self, vault_id: str) -> KeyringFile:
        """Return the file of a vault's wrapped keys."""
        return KeyringFile(self.settings.keys, vault_id)

    def vault(self, organization: Organization) -> Vault:
        """Return the organization's vault, opened with its keys."""
        return self.vault_by_id(organization.vault_id)

    def vault_by_id(self, vault_id: str) -> Vault:
        """Return the vault of that id, opened with its keys."""
        vault = self._vaults.get(vault_id)
        if vault is None:
            keys = self.keyring_file(vault_id).load(self.provider)
            vault = self._vaults[vault_id] = Vault.open(
                open_store(self.settings.vaults / vault_id),
                keys,
                cache_path=self.settings.cache / f"{vault_id}.sqlite",
                spool_dir=self.settings.spool,
            )
        return vault

    def forget_vault(self, vault_id: str) -> None:
        """Close the vault, so that it is opened anew with other keys or caches."""
        vault = self._vaults.pop(vault_id, None)
        if vault is not None:
            vault.close()

    def create_organization(self, name: str) -> tuple[Organization, RecoveryKit]:
        """Make an organization with keys and an empty vault; hand over its recovery kit, which is stored nowhere."""
        if not self.settings.master_key.exists():
            if any(self.settings.keys.glob("*.json")):
                raise StoreUnavailable(
                    f"The master key {self.settings.master_key} is missing, but keys wrapped by it exist.",
                    hint="Bring the master key file back; a new one could not open the vaults.",
                )
            # Of two first imports at once, one makes the file and both use it.
            with suppress(UsageError):
                FileKeyProvider.create(self.settings.master_key)
        vault_id = new_vault_id(secrets.token_bytes)
        keys, kit = self.keyring_file(vault_id).create(self.provider)
        vault = self._vaults[vault_id] = Vault.create(
            open_store(self.settings.vaults / vault_id),
            keys,
            cache_path=self.settings.cache / f"{vault_id}.sqlite",
            spool_dir=self.settings.spool,
        )
        organization = Organization(
            new_id(ORGANIZATION, secrets.token_bytes), name, vault_id, "forever", self.now_ms()
        )
        put_organization(vault, organization)
        with self.catalog.writing() as tx:
            organizations.add(tx, organization)
        return organization, kit

    @contextmanager
    def connection(self, row: SourceConnection) -> Iterator[Connection]:
        """Open a connection to a source; its refusal is `SourceFailed`."""
        with source_errors(row):
            opened = connector(row.kind).connect(row.settings, b"")
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def source_errors(row: SourceConnection) -> Iterator[None]:
    """Turn a connector's error about the source as a whole into `SourceFailed`."""
    try:
        yield
    except AuthExpired as error:
        raise SourceFailed(f"{row.name}: {error}", hint="Sign in to the source again.") from error
    except ConnectorError as error:
        raise SourceFailed(
            f"{row.name}: {error}", hint="Check the source, then run the command again."
        ) from error
