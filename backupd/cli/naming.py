"""From what people type to what they mean: organizations, accounts, streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backupd.catalog import accounts, connections, organizations, streams
from backupd.catalog.accounts import Account
from backupd.catalog.connections import SourceConnection
from backupd.catalog.database import Catalog
from backupd.catalog.organizations import Organization
from backupd.catalog.streams import Stream
from backupd.errors import NotFound, UsageError
from backupd.vault.slice import check_head
from backupd.vault.snapshot import SnapshotInfo

if TYPE_CHECKING:
    from backupd.cli.wiring import Workspace

SERVICES = ("mail", "calendar", "contacts", "tasks", "drive", "site", "channel", "books")
_SHOWN = 8


class Meant(NamedTuple):
    """One stream, with everything it belongs to."""

    organization: Organization
    connection: SourceConnection
    account: Account
    stream: Stream

    @property
    def label(self) -> str:
        """The stream as people name it, `alice/mail`."""
        return f"{self.account.name}/{self.stream.service}"


def choose_organizations(catalog: Catalog, name: str | None) -> list[Organization]:
    """Return all organizations whose keys exist, or the one that `name` names exactly, by unique prefix or by id."""
    with catalog.reading() as tx:
        every = organizations.every(tx)
    if name is None:
        # One that was erased must not stop what is done for all the others.
        return [one for one in every if one.erased_ms is None] or every
    named = [one for one in every if name in (one.name, one.id, one.vault_id)]
    named = named or [one for one in every if one.name.lower().startswith(name.lower())]
    if len(named) == 1:
        return named
    if named:
        raise UsageError(
            f"{name!r} may be {_either([one.name for one in named])}.", hint="Write more of the name."
        )
    raise NotFound(f"There is no organization {name!r}.", hint="'backupd organizations' lists them.")


def one_organization(catalog: Catalog, name: str | None) -> Organization:
    """Return the named organization, or the only one there is."""
    found = choose_organizations(catalog, name)
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(
            "There is no organization yet.", hint="'backupd import PATH --organization NAME' makes one."
        )
    raise UsageError(
        f"There are several organizations: {_either([one.name for one in found])}.",
        hint="Say which: --organization NAME.",
    )


def choose_streams(catalog: Catalog, names: tuple[str, ...], organization: str | None) -> list[Meant]:
    """Return the streams of the named accounts (`ACCOUNT` or `ACCOUNT/STREAM`); of all accounts if none is named."""
    every = _every(catalog, choose_organizations(catalog, organization))
    if not names:
        return every
    chosen: dict[str, Meant] = {}
    for name in names:
        for meant in _named(every, name):
            chosen[meant.stream.name] = meant
    return list(chosen.values())


def points(workspace: Workspace, chosen: list[Meant], at_ms: int | None) -> list[tuple[Meant, SnapshotInfo]]:
    """Return the streams that have a complete snapshot at that time, with it; `NotFound` if none of them has.

    Raises `RolledBack` for a stream of which the vault shows an older or another history than was committed: what is
    missing then must not look like what never was.
    """
    found = []
    missing: NotFound | None = None
    for meant in chosen:
        if meant.stream.head_seq is None:
            continue
        vault = workspace.vault(meant.organization)
        check_head(vault.timeline(meant.stream.name), vault.head(meant.stream.name), meant.stream.head)
        try:
            found.append((meant, vault.at(meant.stream.name, at_ms)))
        except NotFound as error:
            missing = error
    if found:
        return found
    if missing is not None:
        raise NotFound("There is no complete snapshot at that time.", hint="'backupd snapshots' lists them.")
    raise NotFound("Nothing of it has been backed up yet.", hint="'backupd backup' does.")


def _every(catalog: Catalog, chosen: list[Organization]) -> list[Meant]:
    found = []
    with catalog.reading() as tx:
        for organization in chosen:
            sources = {one.id: one for one in connections.of(tx, organization.id)}
            people = {one.id: one for one in accounts.of_organization(tx, organization.id)}
            for stream in streams.of_accounts(tx, list(people)):
                account = people[stream.account_id]
                found.append(Meant(organization, sources[account.connection_id], account, stream))
    found.sort(
        key=lambda meant: (
            meant.organization.name,
            meant.account.name,
            meant.account.id,
            meant.stream.service,
        )
    )
    return found


def _named(every: list[Meant], name: str) -> list[Meant]:
    """Resolve one name. The whole text is tried as an account first: account names may contain a slash."""
    found = _of_account(every, name)
    if found:
        return found
    head, slash, service = name.rpartition("/")
    if slash and service in SERVICES:
        streams_of = _of_account(every, head)
        found = [meant for meant in streams_of if meant.stream.service == service]
        if found:
            return found
        if streams_of:
            has = ", ".join(meant.stream.service for meant in streams_of)
            raise NotFound(f"{streams_of[0].account.name} has no {service}.", hint=f"There is: {has}.")
    raise NotFound(f"There is no account {name!r}.", hint="'backupd accounts' lists them.")


def _of_account(every: list[Meant], name: str) -> list[Meant]:
    lowered = name.lower()
    for matches in (
        [meant for meant in every if name in (meant.account.id, meant.account.name)],
        [meant for meant in every if meant.account.name.lower() == lowered],
        [meant for meant in every if name and meant.account.name.lower().startswith(lowered)],
    ):
        if not matches:
            continue
        if len({meant.account.id for meant in matches}) == 1:
            return matches
        candidates = {
            f"{meant.account.name} of {meant.organization.name} ({meant.account.id})" for meant in matches
        }
        raise UsageError(
            f"{name!r} may be {_either(sorted(candidates))}.",
            hint="Write the whole name or the id, or add --organization NAME.",
        )
    return []


def _either(names: list[str]) -> str:
    more = f" or {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return " or ".join(names[:_SHOWN]) + more
