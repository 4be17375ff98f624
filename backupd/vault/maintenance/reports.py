"""What maintenance tells its caller: progress, prune, check, rebuild and purge reports. Plain values."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

AFFECTED_LISTED = 1_000
"""So many affected items a finding names; `affected_count` counts all of them."""


class Progress(Protocol):
    """Told where long work stands; called often, so it must be quick, and only from the caller's thread."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """`stage` is one or two words for people; `total` is 0 where it is not known."""


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


class Phase(enum.StrEnum):
    """What a prune did, or waits for."""

    IDLE = "idle"
    """There was nothing to do."""
    WAITING = "waiting"
    """Condemned packs may not be deleted yet."""
    CONDEMNED = "condemned"
    """Packs were condemned, to be deleted later (and what was condemned earlier was deleted)."""
    SWEPT = "swept"
    """What was condemned earlier was deleted, and nothing new was condemned."""


class Retained(NamedTuple):
    """An object the store will not give up yet. `until_s` is Unix seconds by the store's clock."""

    name: str
    size_bytes: int
    until_s: float


@dataclass(slots=True)
class PruneReport:
    """What a prune did (with `dry_run`: what it would do now). Sizes are stored bytes."""

    dry_run: bool = False
    phase: Phase = Phase.IDLE
    generation: int = 0
    sweep_after_ms: int | None = None
    """Nothing condemned is deleted before this time (Unix ms, the store's clock); None: nothing is waiting."""
    snapshots_retired: int = 0
    packs_total: int = 0
    bytes_total: int = 0
    bytes_referenced: int = 0
    """Plain bytes of all blobs that kept snapshots need, each counted once."""
    packs_condemned: int = 0
    bytes_condemned: int = 0
    packs_swept: int = 0
    bytes_swept: int = 0
    packs_compacted: int = 0
    packs_left: int = 0
    """Packs worth copying that were left for later: too much for one prune, locked, or damaged."""
    bytes_copied: int = 0
    blobs_rescued: int = 0
    packs_adopted: int = 0
    """Packs that were needed but in no index: they are in one again."""
    indexes_before: int = 0
    indexes_after: int = 0
    retained: list[Retained] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class FindingKind(enum.StrEnum):
    """What is wrong. `stray` and `unindexed` harm nothing; every other kind is damage."""

    DAMAGED = "damaged"
    """An object does not open, or is not what its name says."""
    MISSING = "missing"
    """An object or blob that is needed is not there."""
    LENGTH = "length"
    """A pack is not as long as its record says."""
    CHAIN = "chain"
    """The snapshots of a stream do not follow from each other."""
    PAGES = "pages"
    """Entries are not in order, or a base is not the state it stands for."""
    INDEX = "index"
    """An index disagrees with a pack's own directory, or with another index."""
    BLOB = "blob"
    """A blob's bytes are not the ones its id was made from."""
    CONTENT = "content"
    """An item's bytes as a whole are not the ones it was stored with."""
    UNINDEXED = "unindexed"
    """A pack that no index mentions and nothing needs; the next prune removes it."""
    STRAY = "stray"
    """An object that is no part of a vault."""

    @property
    def harmless(self) -> bool:
        """True for what takes nothing from anybody."""
        return self in (FindingKind.UNINDEXED, FindingKind.STRAY)


class Affected(NamedTuple):
    """An item version that cannot be had because of a finding. `seq`: the first snapshot found to hold it."""

    stream: str
    seq: int
    item_id: str


@dataclass(slots=True)
class Finding:
    """One thing that is wrong: what kind, which object, one sentence, and whose data it touches."""

    kind: FindingKind
    object: str
    sentence: str
    affected: list[Affected] = field(default_factory=list)
    affected_count: int = 0

    def touches(self, affected: Affected) -> None:
        """Count an affected item version, and name it while there is room."""
        self.affected_count += 1
        if len(self.affected) < AFFECTED_LISTED:
            self.affected.append(affected)


@dataclass(slots=True)
class CheckReport:
    """What a check looked at and found. `ok` is True when nothing is damaged."""

    findings: list[Finding] = field(default_factory=list)
    objects: int = 0
    streams: int = 0
    snapshots: int = 0
    item_versions: int = 0
    blobs_referenced: int = 0
    packs: int = 0
    packs_read: int = 0
    blobs_read: int = 0
    bytes_read: int = 0
    contents_read: int = 0

    @property
    def ok(self) -> bool:
        """True when every finding is harmless."""
        return all(finding.kind.harmless for finding in self.findings)


@dataclass(slots=True)
class RebuildReport:
    """What an index rebuild wrote. Unreadable packs are findings; old entries for them were kept."""

    packs: int = 0
    blobs: int = 0
    packs_carried_over: int = 0
    indexes_written: int = 0
    indexes_removed: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class PurgeReport:
    """What a purge removed. The bytes themselves go with the two prunes after it."""

    items: int = 0
    """Entries (versions, deletions, failures) removed, over all snapshots."""
    snapshots_rewritten: int = 0
    bases_rewritten: int = 0
    retained: list[Retained] = field(default_factory=list)
    """Objects that an object lock kept as they were: purge again when the lock has ended."""
