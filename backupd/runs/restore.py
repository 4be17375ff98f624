"""One restore: items as they were at a point in time, written back through the connector.

    snapshot -> view -> chosen items -> connector.restore -> outcome of each

`plan` tells beforehand what a restore would meet, by comparing with the newest snapshot. A restore that was
interrupted is simply run again: the connector recognizes what it has written already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from backupd.errors import Integrity, SourceFailed
from backupd.runs.ordering import Original, Whole, as_item, by_file
from backupd.runs.surroundings import Pulse, Surroundings
from backupd.vault.entries import Version
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault
from connectors.sdk.contract import Stream
from connectors.sdk.errors import ConnectorError, Retriable, Skippable
from connectors.sdk.records import OnConflict, RestoreOutcome, StoredContent, Target

ITEM_ATTEMPTS = 3
LONGEST_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Which items of a stream: those of a folder and all below it, those named by id, or (neither) all."""

    folder: str | None = None
    items: frozenset[str] = frozenset()

    def takes(self, version: Version) -> bool:
        """Say whether the version is among them."""
        if self.items:
            return version.id in self.items
        if self.folder is None:
            return True
        return version.folder == self.folder or version.folder.startswith(self.folder + "/")


class RestoreJob(NamedTuple):
    """One stream to restore from, as of one snapshot; `original` is the connector's way to an item's original place."""

    vault: Vault
    snapshot: SnapshotInfo
    label: str
    choice: Choice
    original: Original


@dataclass(slots=True)
class RestorePlan:
    """What a restore would do, judged by the newest snapshot (taken at `newest_ms`), not by the source itself.

    `missing` items are no longer there and would come back; `changed` are there in another version, where the
    conflict rule decides; `same` are there as they were. Sizes are bytes.
    """

    as_of_ms: int
    newest_ms: int
    items: int = 0
    bytes: int = 0
    missing: int = 0
    changed: int = 0
    same: int = 0


class RestoreFailure(NamedTuple):
    """An item that could not be restored, and why."""

    stream: str
    item_id: str
    message: str


@dataclass(slots=True)
class RestoreResult:
    """What a restore did: items per outcome, bytes written, and the items that failed."""

    outcomes: Counter[RestoreOutcome] = field(default_factory=Counter)
    bytes: int = 0
    failures: list[RestoreFailure] = field(default_factory=list)
    damaged: bool = False
    stopped: bool = False


def chosen(job: RestoreJob) -> Iterator[Version]:
    """Yield the versions that the job is about, ascending by id."""
    view = job.vault.view(job.snapshot.stream, job.snapshot.seq)
    if job.choice.items:
        yield from (
            version for item_id in sorted(job.choice.items) if (version := view.get(item_id)) is not None
        )
    else:
        yield from (version for version in view.versions() if job.choice.takes(version))


def plan(job: RestoreJob) -> RestorePlan:
    """Return what restoring would do, without writing anything."""
    newest = job.vault.at(job.snapshot.stream, None)
    found = RestorePlan(job.snapshot.as_of_ms, newest.as_of_ms)
    now = job.vault.view(job.snapshot.stream, newest.seq)
    for version in chosen(job):
        found.items += 1
        found.bytes += version.size
        current = now.get(version.id)
        if current is None:
            found.missing += 1
        elif current.content == version.content and current.meta == version.meta:
            found.same += 1
        else:
            found.changed += 1
    return found


def restore(
    job: RestoreJob,
    source: Stream,
    target: Target,
    on_conflict: OnConflict,
    surroundings: Surroundings,
    result: RestoreResult,
) -> None:
    """Write the chosen items back and add to `result`; single items that fail do not stop the others.

    Raises `SourceFailed` when the target as a whole refuses.
    """
    pulse = Pulse(surroundings)
    for version in _in_file_order(job):
        if surroundings.stop.is_set():
            result.stopped = True
            break
        try:
            outcome = _restore_one(job, version, source, target, on_conflict, surroundings)
        except Skippable as error:
            result.failures.append(RestoreFailure(job.snapshot.stream, version.id, str(error)))
        except Integrity as error:
            result.damaged = True
            result.failures.append(RestoreFailure(job.snapshot.stream, version.id, error.message))
        except ConnectorError as error:
            raise SourceFailed(
                f"{job.label}: {error}", hint="Run the restore again: it goes on from there."
            ) from error
        else:
            result.outcomes[outcome] += 1
            if outcome is RestoreOutcome.WRITTEN:
                result.bytes += version.size
        pulse.item(version.size, version.folder)
    pulse.end()


def _in_file_order(job: RestoreJob) -> Iterator[Version]:
    """Yield the chosen versions; pieces of one file by their offsets, so that a lost file comes back as it was."""
    for found in by_file(chosen(job), job.original):
        if isinstance(found, Whole):
            yield found.version
        else:
            yield from found


def _restore_one(
    job: RestoreJob,
    version: Version,
    source: Stream,
    target: Target,
    on_conflict: OnConflict,
    surroundings: Surroundings,
) -> RestoreOutcome:
    """Restore one item. Asking again is safe: the connector looks whether it has written the item before."""
    content = None
    if version.content is not None:
        content = StoredContent(version.size, _reader(job.vault, version))
    for attempt in range(1, ITEM_ATTEMPTS + 1):
        try:
            return source.restore(as_item(version), content, target, on_conflict).outcome
        except Retriable as error:
            if attempt == ITEM_ATTEMPTS:
                raise Skippable("unavailable", str(error)) from error
            surroundings.sleep(min(LONGEST_WAIT_S, max(error.after_s, 0.5 * 2**attempt)))
    raise AssertionError("the loop returns or raises")


def _reader(vault: Vault, version: Version) -> Callable[[], Iterator[bytes]]:
    content = version.content
    assert content is not None
    return lambda: vault.read(content)
