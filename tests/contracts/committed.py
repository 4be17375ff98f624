"""A stream's committed state as a plain dict: what a run and a vault make of a connector's changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.sdk.contract import Stream
from connectors.sdk.errors import Skippable
from connectors.sdk.records import Change, Checkpoint, Delete, Item, Skipped, StoredContent, Upsert


@dataclass
class Committed:
    """What was committed last; fulfils `connectors.sdk.contract.Known`."""

    items: dict[str, tuple[Item, bytes | None]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    cursor: bytes | None = None
    complete: bool = False

    def tag(self, item_id: str) -> bytes | None:
        if item_id in self.failures:
            return b""
        return self.items[item_id][0].tag if item_id in self.items else None

    def tags(self, after: str = "") -> Iterator[tuple[str, bytes]]:
        for item_id in sorted(self.items.keys() | self.failures.keys()):
            if item_id > after:
                tag = self.tag(item_id)
                assert tag is not None
                yield item_id, tag

    def copy(self) -> Committed:
        return Committed(dict(self.items), dict(self.failures), self.cursor, self.complete)

    def contents(self) -> Counter[bytes]:
        """Return the bytes of all items that have any."""
        return Counter(data for _, data in self.items.values() if data is not None)

    def back_up(
        self, stream: Stream, *, stop_at: int | None = None, cursor: bytes | None = None
    ) -> list[Change]:
        """Read the stream as a run does and return what it said.

        Commits at the checkpoint number `stop_at` (from 1) and ends there, else at the complete one.
        """
        slice_ = self.copy()
        said: list[Change] = []
        checkpoints = 0
        for change in stream.changes(self.cursor if cursor is None else cursor, self.copy()):
            said.append(change)
            if isinstance(change, Checkpoint):
                checkpoints += 1
                slice_.cursor, slice_.complete = change.cursor, change.complete
                if change.complete or checkpoints == stop_at:
                    self.items, self.failures = slice_.items, slice_.failures
                    self.cursor, self.complete = slice_.cursor, slice_.complete
                    return said
            else:
                slice_._apply(change)
        raise AssertionError("the stream ended without a complete checkpoint")

    def _apply(self, change: Change) -> None:
        if isinstance(change, Upsert):
            try:
                content = read(change)
            except Skippable as error:
                self.failures[change.item.id] = error.reason
                return
            self.items[change.item.id] = (change.item, content)
            self.failures.pop(change.item.id, None)
        elif isinstance(change, Delete):
            self.items.pop(change.id, None)
            self.failures.pop(change.id, None)
        elif isinstance(change, Skipped):
            self.failures[change.id] = change.reason


def read(change: Upsert) -> bytes | None:
    """Open an upsert's content once and read it whole, in two steps as the vault does."""
    if change.open is None:
        return None
    with change.open() as content:
        data = content.read(change.item.size_bytes + 1)
        while more := content.read(1 << 20):
            data += more
    return data


def stored(data: bytes | None) -> StoredContent | None:
    """Return the content as a vault gives it back: in pieces."""
    if data is None:
        return None
    return StoredContent(len(data), lambda: (data[at : at + 1000] for at in range(0, len(data), 1000)))


def without_checkpoints(said: list[Change]) -> list[Change]:
    return [change for change in said if not isinstance(change, Checkpoint)]
