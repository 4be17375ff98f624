"""Retention: which snapshots of a stream stay, by the rule in the vault and the holds and pins on it.

`policy/`: key = "retention" (for the vault) or "retention:" and a stream's name (for that stream), value = MessagePack
array [days, daily, weekly, monthly], each null or a number of days; see `domain.retention.Retention`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from backupd.domain.retention import Point, Retention
from backupd.errors import Integrity
from backupd.vault.maintenance.holds import is_held, pinned_seqs
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault

FILE_SERVICES = frozenset({"drive", "site"})
"""The services (last part of a stream's name) whose points in time may be thinned."""

_KEY = "retention"
_Rule = tuple[int | None, int | None, int | None, int | None]


class StreamPlan(NamedTuple):
    """What stays of a stream: `kept` and `expired` are seqs, ascending; retired ones are in neither."""

    stream: str
    kept: list[int]
    expired: list[int]

    def spans(self) -> list[tuple[int, int]]:
        """Return (seq, since) for each kept seq: what it adds to the kept one before it (`since` 0: all)."""
        return list(zip(self.kept, [0, *self.kept], strict=False))


def set_retention(vault: Vault, rule: Retention, stream: str = "") -> None:
    """Set the rule of the vault, or of one stream, which then beats the vault's."""
    fields = (rule.days, rule.daily, rule.weekly, rule.monthly)
    vault.records.put("policy", _key(stream), msgspec.msgpack.encode(fields))


def clear_retention(vault: Vault, stream: str = "") -> None:
    """Remove a rule: the stream falls back to the vault's, the vault to keeping everything."""
    vault.records.delete("policy", _key(stream))


def retention_of(vault: Vault, stream: str = "") -> Retention:
    """Return the rule that holds for a stream ("": for the vault); without any rule everything is kept."""
    value = vault.records.get("policy", _key(stream))
    if value is None:
        return retention_of(vault) if stream else Retention()
    try:
        return Retention(*msgspec.msgpack.decode(value, type=_Rule))
    except msgspec.MsgspecError:
        raise Integrity("The vault's retention is not of a form this program knows.") from None


def plan(vault: Vault, snapshots: Sequence[SnapshotInfo], stream: str, now_ms: int) -> StreamPlan:
    """Return which of a stream's snapshots (ascending, without the retired ones) stay at `now_ms`.

    Raises Integrity where a hold, a pin or the rule cannot be read: none of them is ever taken for absent.
    """
    rule = retention_of(vault, stream)
    complete = [info for info in snapshots if info.complete]
    if not complete or rule == Retention() or is_held(vault, stream):
        return StreamPlan(stream, [info.seq for info in snapshots], [])
    points = [Point(info.seq, max(info.as_of_ms, info.committed_ms)) for info in complete]
    files = stream.rpartition("/")[2] in FILE_SERVICES
    stay = {point.seq for point in rule.kept(points, now_ms, files=files)}
    stay |= _unfinished(snapshots, stay) | pinned_seqs(vault, stream, now_ms)
    seqs = [info.seq for info in snapshots]
    return StreamPlan(stream, [seq for seq in seqs if seq in stay], [seq for seq in seqs if seq not in stay])


def _unfinished(snapshots: Sequence[SnapshotInfo], points: set[int]) -> set[int]:
    """Return the incomplete snapshots that stay: they are no points in time, but part of an item's history.

    They stay as long as the points on both sides of them; those after the newest point belong to a backup that goes on.
    """
    stay: set[int] = set()
    waiting: list[int] = []
    older_kept = True
    for info in snapshots:
        if not info.complete:
            waiting.append(info.seq)
            continue
        kept = info.seq in points
        if kept and older_kept:
            stay.update(waiting)
        older_kept, waiting = kept, []
    return stay.union(waiting)


def _key(stream: str) -> str:
    return f"{_KEY}:{stream}" if stream else _KEY
