"""Views: the state of a stream at one snapshot, merged from a base and the snapshots after it.

Everything streams: a view of a million items holds one page of each layer in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from backupd.vault.entries import Entry, Failure, Version
from backupd.vault.snapshot import Layer

PENDING_TAG = b""
"""The tag of an item with a pending failure: no source's, so the item is tried again."""


class View:
    """The state of a stream at one point; `layers` come newest first, none of them for a stream without snapshots."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers

    def entries(self, after: str = "") -> Iterator[Entry]:
        """Yield what is current or pending, ascending by id; deletions and forgotten ids are left out."""
        return (
            entry for entry in self.changes(after) if entry.version is not None or entry.failure is not None
        )

    def changes(self, after: str = "") -> Iterator[Entry]:
        """Yield the layers' entries merged, one per id, ascending; deletions included."""
        if len(self._layers) == 1:
            return self._layers[0].entries(after)
        return _merge([layer.entries(after) for layer in self._layers])

    def versions(self, after: str = "") -> Iterator[Version]:
        """Yield the current items, ascending by id."""
        return (entry.version for entry in self.changes(after) if entry.version is not None)

    def failures(self) -> Iterator[tuple[str, Failure]]:
        """Yield (id, failure) of all items that could not be had."""
        return ((entry.id, entry.failure) for entry in self.changes() if entry.failure is not None)

    def entry(self, item_id: str) -> Entry | None:
        """Return what is known of one id, or None if it is neither current nor pending."""
        merged = self.change(item_id)
        if merged is None or (merged.version is None and merged.failure is None):
            return None
        return merged

    def change(self, item_id: str) -> Entry | None:
        """Return all that the layers together say of one id (a deletion too), or None."""
        merged: Entry | None = None
        for layer in self._layers:
            older = layer.get(item_id)
            if older is None:
                continue
            merged = older if merged is None else merged.over(older)
            if merged.version is not None or merged.deleted:
                break
        return merged

    def get(self, item_id: str) -> Version | None:
        """Return the item's current version, or None."""
        entry = self.entry(item_id)
        return None if entry is None else entry.version

    def tag(self, item_id: str) -> bytes | None:
        """Return the current version's tag (`PENDING_TAG` while a failure is pending), or None."""
        entry = self.entry(item_id)
        return None if entry is None else _tag(entry)

    def tags(self, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield (id, tag) of all items, ascending; `PENDING_TAG` for those with a pending failure."""
        for entry in self.changes(after):
            if entry.failure is not None:
                yield entry.id, PENDING_TAG
            elif entry.version is not None:
                yield entry.id, entry.version.tag


def _tag(entry: Entry) -> bytes:
    if entry.failure is not None or entry.version is None:
        return PENDING_TAG
    return entry.version.tag


def _keyed(rank: int, entries: Iterator[Entry]) -> Iterator[tuple[str, int, Entry]]:
    return ((entry.id, rank, entry) for entry in entries)


def _merge(layers: list[Iterator[Entry]]) -> Iterator[Entry]:
    """Merge layers, newest first, into one entry per id."""
    merged: Entry | None = None
    for item_id, _, entry in heapq.merge(*(_keyed(rank, layer) for rank, layer in enumerate(layers))):
        if merged is None or merged.id != item_id:
            if merged is not None:
                yield merged
            merged = entry
        else:
            merged = merged.over(entry)
    if merged is not None:
        yield merged
