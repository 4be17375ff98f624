"""One export: items out of the vault into a folder or a ZIP file, in one of three formats.

    snapshot -> view -> item -> verified bytes -> its place in the target -> file

`original` writes the source's own files again, where and as they were: paths, bytes, times, modes, empty folders.
`eml` writes one file per message, named by date and subject, in its folders. `mbox` writes one mbox per folder.
Items that are no messages are written as files in all three.

Every item's digest is checked before its file gets its name. An item that fails is reported and left out; the others
go on. One thread reads and checks, another writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from backupd.domain.formats import ExportFormat
from backupd.runs.exporting.behind import WriteBehind
from backupd.runs.exporting.target import ExportTarget
from backupd.runs.ordering import Original
from backupd.runs.surroundings import Pulse, Surroundings
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault
from connectors.sdk.safe_paths import PortableNames


class ExportJob(NamedTuple):
    """One stream to export, as of one snapshot.

    `folder` is where it goes in the target (empty: its root); `account` the source's id of the account, which is not
    repeated below `folder`; `original` the connector's way from an item to its original place.
    """

    vault: Vault
    snapshot: SnapshotInfo
    label: str
    folder: tuple[str, ...]
    account: str
    original: Original


class ExportFailure(NamedTuple):
    """An item that could not be exported, and why."""

    stream: str
    item_id: str
    message: str


@dataclass(slots=True)
class ExportResult:
    """What an export wrote. `as_of_ms` tells each stream's point in time; `stopped`: it was ended early."""

    items: int = 0
    bytes: int = 0
    files: int = 0
    failures: list[ExportFailure] = field(default_factory=list)
    as_of_ms: dict[str, int] = field(default_factory=dict)
    stopped: bool = False


class ExportWork(NamedTuple):
    """What the writers of all streams share."""

    target: ExportTarget
    behind: WriteBehind
    names: PortableNames
    result: ExportResult
    pulse: Pulse
    surroundings: Surroundings


def export(
    jobs: list[ExportJob], target: ExportTarget, export_format: ExportFormat, surroundings: Surroundings
) -> ExportResult:
    """Export the streams one after the other and finish the target.

    Damaged items end up in the result's failures. Raises `StoreFull`, `StoreDenied`, `StoreUnavailable`,
    `KeyDenied`; the target is abandoned then, with nothing half-written in it.
    """
    from backupd.runs.exporting.writers import WRITERS

    result, pulse = ExportResult(), Pulse(surroundings)
    work = ExportWork(target, WriteBehind(), PortableNames(), result, pulse, surroundings)
    try:
        for job in jobs:
            result.as_of_ms[job.snapshot.stream] = job.snapshot.as_of_ms
            view = job.vault.view(job.snapshot.stream, job.snapshot.seq)
            WRITERS[export_format](job, view, work).write_all()
            if surroundings.stop.is_set():
                result.stopped = True
                break
        work.behind.finish()
        target.finish()
    except BaseException:
        work.behind.abandon()
        target.abandon()
        raise
    pulse.end()
    return result
