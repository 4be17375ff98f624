"""Sweep: the second phase of a prune. Deletes condemned packs once no slice can still lean on them.

A slice may commit up to T after it began, and one that began after the condemned list knows it. So at 2T after the
list every snapshot that leans on a condemned pack is there to be seen: what it needs is copied before the pack goes.
The order: copies and their index; indexes without the packs; the packs; then a new generation, so that caches reload.
"""

from __future__ import annotations

from contextlib import suppress

from backupd.errors import Busy
from backupd.vault.condemned import (
    PREFIX,
    CondemnedList,
    condemned_name,
    newest_generation,
    read_condemned,
    write_condemned,
)
from backupd.vault.maintenance.copying import Copier
from backupd.vault.maintenance.merging import merge_indexes
from backupd.vault.maintenance.reports import Phase, Progress, PruneReport, Retained
from backupd.vault.maintenance.survey import PackState, Survey
from backupd.vault.pack import pack_name
from backupd.vault.stores.base import ObjectExists, ObjectLocked, ObjectNotFound
from backupd.vault.vault import Vault

GENERATIONS_KEPT = 8
"""So many condemned lists stay, for readers that looked up a number before it was superseded."""


def list_in_force(vault: Vault) -> CondemnedList:
    """Return the newest condemned list."""
    try:
        return read_condemned(vault.store, vault.keys, newest_generation(vault.store))
    except ObjectNotFound:
        raise Busy("Another prune is running in this vault.", hint="Run it again later.") from None


def sweep_after_s(vault: Vault, listed: CondemnedList) -> float:
    """Return when the packs of a list may go, by the store's clock (Unix seconds)."""
    written_s = listed.condemned_ms / 1000
    for info in vault.store.list(condemned_name(listed.generation)):
        # The list takes effect when it appears, and creating it may have taken its time.
        written_s = max(written_s, info.modified_s)
    return written_s + 2 * vault.format.slice_limit_s


def sweep(
    vault: Vault, survey: Survey, listed: CondemnedList, report: PruneReport, progress: Progress
) -> CondemnedList:
    """Delete the packs of `listed`; return the list then in force. The survey was taken with them doomed."""
    doomed = [state for state in survey.packs() if state.doomed]
    needed = [state for state in doomed if state.live_blobs]
    report.blobs_rescued += sum(state.live_blobs for state in needed)
    copier = Copier(vault, survey, report)
    if needed and not report.dry_run:
        copier.copy(needed, "rescuing", progress)
    if report.dry_run:
        copier.copied.update(state.id for state in needed)
    unreadable = _unreadable(vault, listed, doomed)
    going, remaining = _deletable(vault, doomed, copier.copied, unreadable, report)
    report.packs_swept += len(going)
    report.phase = Phase.SWEPT if going else report.phase
    report.bytes_swept += sum(state.size for state in going)
    if report.dry_run:
        return CondemnedList(listed.generation + 1, listed.condemned_ms, remaining)
    # Also those that are gone already: a crash may have come before their index entries were dropped.
    dropped = set(listed.packs).difference(remaining) | survey.ghosts()
    merge_indexes(vault, dropped)
    for number, state in enumerate(going):
        progress("deleting", number, len(going))
        try:
            vault.store.delete(pack_name(state.id))
        except ObjectLocked:
            remaining.append(state.id)
            report.packs_swept -= 1
            report.bytes_swept -= state.size
            _report_retained(vault, state, report)
    return _next_generation(vault, listed, remaining)


def _deletable(
    vault: Vault,
    doomed: list[PackState],
    copied: set[bytes],
    unreadable: list[bytes],
    report: PruneReport,
) -> tuple[list[PackState], list[bytes]]:
    """Return (packs to delete, ids that stay condemned): locked packs stay, and needed ones that do not read."""
    going: list[PackState] = []
    remaining = unreadable
    now_s = vault.store.now()
    for state in doomed:
        if state.live_blobs and state.id not in copied:
            remaining.append(state.id)
            continue
        try:
            locked = vault.store.retained_until(pack_name(state.id)) > now_s
        except ObjectNotFound:
            continue  # Another prune was here.
        if locked:
            remaining.append(state.id)
            _report_retained(vault, state, report)
        else:
            going.append(state)
    return going, remaining


def _unreadable(vault: Vault, listed: CondemnedList, doomed: list[PackState]) -> list[bytes]:
    """Return the condemned packs that are there though the survey could not open them: they stay as they are."""
    found = []
    for pack_id in set(listed.packs).difference(state.id for state in doomed):
        with suppress(ObjectNotFound):
            vault.store.size(pack_name(pack_id))
            found.append(pack_id)
    return found


def _report_retained(vault: Vault, state: PackState, report: PruneReport) -> None:
    name = pack_name(state.id)
    report.retained.append(Retained(name, state.size, vault.store.retained_until(name)))


def _next_generation(vault: Vault, listed: CondemnedList, remaining: list[bytes]) -> CondemnedList:
    if sorted(remaining) == sorted(listed.packs):
        return listed
    following = CondemnedList(listed.generation + 1, listed.condemned_ms, remaining)
    try:
        write_condemned(vault.store, vault.keys, following, vault.random)
    except ObjectExists:
        # Another prune swept the same list meanwhile, which is harmless; the rest is its business.
        raise Busy("Another prune was first in this vault.", hint="Run it again later.") from None
    for info in list(vault.store.list(PREFIX)):
        if info.name <= condemned_name(following.generation - GENERATIONS_KEPT):
            with suppress(ObjectLocked):
                vault.store.delete(info.name)
    return following
