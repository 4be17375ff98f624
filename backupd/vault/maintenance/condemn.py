"""Condemn: the first phase of a prune. It names the packs that are to go; nothing moves.

Being condemned is final. A slice that begins after the list was written takes what the packs hold for missing and
stores it again; what turns out to be needed is copied out before they go. So a pack may be deleted by any prune, at
any time after the sweep's waiting time, without asking another.
"""

from __future__ import annotations

from collections.abc import Iterable

from backupd.errors import Busy
from backupd.vault.condemned import CondemnedList, write_condemned
from backupd.vault.index import write_indexes
from backupd.vault.maintenance.copying import Copier
from backupd.vault.maintenance.reports import Phase, Progress, PruneReport
from backupd.vault.maintenance.survey import PackState, Survey
from backupd.vault.pack import TARGET_BYTES, pack_name, read_record
from backupd.vault.stores.base import ObjectExists
from backupd.vault.vault import Vault

LIVE_SHARE = 0.6
"""A pack of which less than this is needed is copied and condemned."""
SMALL_BYTES = TARGET_BYTES // 4
SMALL_AT_LEAST = 8
"""Packs below a quarter of the usual size are merged as soon as there are so many of them."""
COPY_LIMIT_BYTES = 8 << 30
"""So many stored bytes one prune copies at most; the next goes on."""


def condemn(
    vault: Vault,
    survey: Survey,
    listed: CondemnedList,
    report: PruneReport,
    progress: Progress,
    *,
    live_share: float = LIVE_SHARE,
) -> CondemnedList:
    """Compact what is worth it and write the next condemned list; return the newest one.

    `listed` is the list in force, whose packs stay condemned. Raises Busy when another prune wrote one first.
    """
    dead, worthwhile = candidates(survey, live_share)
    sparse = _affordable(vault, worthwhile)
    copier = Copier(vault, survey, report)
    if sparse and not report.dry_run:
        copier.copy(sparse, "compacting", progress)
    if report.dry_run:
        copier.copied.update(state.id for state in sparse)
    compacted = [state for state in sparse if state.id in copier.copied]
    going = dead + compacted
    report.packs_condemned += len(going)
    report.bytes_condemned += sum(state.size for state in going)
    report.packs_compacted += len(compacted)
    report.packs_left += len(worthwhile) - len(compacted)
    if not going:
        return listed
    report.phase = Phase.CONDEMNED
    packs = list(listed.packs) + [state.id for state in going]
    following = CondemnedList(listed.generation + 1, int(vault.store.now() * 1000), packs)
    if not report.dry_run:
        _write(vault, following)
    return following


def candidates(survey: Survey, live_share: float) -> tuple[list[PackState], list[PackState]]:
    """Return (packs that nothing needs, packs worth copying)."""
    dead: list[PackState] = []
    sparse: list[PackState] = []
    small: list[PackState] = []
    for state in survey.packs():
        if state.doomed:
            continue
        if not state.live_blobs:
            dead.append(state)
        elif state.live_share < live_share:
            sparse.append(state)
        elif state.size < SMALL_BYTES:
            small.append(state)
    if len(small) >= SMALL_AT_LEAST:
        sparse += small
    return dead, sparse


def adopt(vault: Vault, survey: Survey, report: PruneReport) -> None:
    """Write an index over needed packs that none mentions any more (it was lost)."""
    needed = [state.id for state in survey.packs() if state.live_blobs and not state.indexed]
    report.packs_adopted += len(needed)
    if needed and not report.dry_run:
        records = (read_record(vault.store, vault.keys, pack_name(pack_id)) for pack_id in needed)
        write_indexes(vault.store, vault.keys, records, vault.random)


def _affordable(vault: Vault, sparse: Iterable[PackState]) -> list[PackState]:
    """Return those that this prune copies: up to a bound, and none whose room an object lock would not give back."""
    chosen = []
    total = 0
    now_s = vault.store.now()
    for state in sparse:
        if total >= COPY_LIMIT_BYTES:
            break
        if vault.store.retained_until(pack_name(state.id)) > now_s:
            continue
        chosen.append(state)
        total += state.size
    return chosen


def _write(vault: Vault, following: CondemnedList) -> None:
    try:
        write_condemned(vault.store, vault.keys, following, vault.random)
    except ObjectExists:
        raise Busy("Another prune was first in this vault.", hint="Run it again later.") from None
