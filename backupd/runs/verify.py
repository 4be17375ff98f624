"""One verification of a vault: its structure, its heads against what the catalog remembers, and (if asked) its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from backupd.catalog import streams
from backupd.catalog.database import Catalog
from backupd.catalog.runs import Outcome
from backupd.domain.runs import RunKind, RunState
from backupd.errors import BackupdError, NotFound
from backupd.runs.record import recorded
from backupd.runs.surroundings import Surroundings
from backupd.vault.maintenance.checking import check
from backupd.vault.maintenance.reports import CheckReport, Progress
from backupd.vault.vault import Vault


class WrongHead(NamedTuple):
    """A stream whose history in the vault is not the one that was committed."""

    stream: str
    sentence: str


@dataclass(slots=True)
class Verification:
    """What was found: by the vault's own check, and by comparing it with the catalog."""

    report: CheckReport
    wrong_heads: list[WrongHead] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when nothing is damaged and nothing was rolled back."""
        return self.report.ok and not self.wrong_heads


def verify(
    vault: Vault,
    catalog: Catalog,
    organization_id: str,
    run_id: str,
    heads: list[streams.Stream],
    read_percent: float | None,
    surroundings: Surroundings,
    progress: Progress,
) -> Verification:
    """Check one organization's vault.

    `heads` are the catalog's streams. `read_percent` of the packs is read and authenticated (None: structure only).
    """
    with recorded(catalog, RunKind.VERIFY, run_id, organization_id, surroundings) as record:
        found = Verification(check(vault, read_data=read_percent, progress=progress))
        found.wrong_heads = [wrong for stream in heads if (wrong := _compare(vault, stream)) is not None]
        findings = len(found.report.findings) + len(found.wrong_heads)
        state = RunState.COMPLETED if found.ok else RunState.FAILED
        message = "" if found.ok else f"{findings} findings"
        record.outcome = Outcome(
            state, found.report.item_versions, 0, findings, found.report.bytes_read, 0, message
        )
    return found


def _compare(vault: Vault, stream: streams.Stream) -> WrongHead | None:
    """Say what is wrong with a stream's newest snapshot, judged by the one that is remembered."""
    if stream.head is None:
        return None
    seq, remembered = stream.head
    try:
        head = vault.head(stream.name)
        if head is None or head.seq < seq:
            shown = "no snapshot" if head is None else f"snapshot {head.seq} as the newest"
            return WrongHead(
                stream.name, f"The vault shows {shown}, but snapshot {seq} was committed: a rollback."
            )
        found = head if head.seq == seq else vault.timeline(stream.name).info(seq)
        if found.hash != remembered:
            return WrongHead(
                stream.name, f"Snapshot {seq} is not the one that was committed: it was replaced."
            )
    except NotFound as error:
        return WrongHead(stream.name, error.message)
    except BackupdError as error:
        # Damage: the check has found it as well, and named the object.
        return WrongHead(stream.name, f"Snapshot {seq} cannot be read: {error.message}")
    return None
