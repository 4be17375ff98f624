"""The contract every connector fulfils; proven by `tests/contracts/connector_suite.py`.

A connector never sees storage: it yields changes and takes content back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from connectors.sdk.records import (
    Account,
    Change,
    Item,
    OnConflict,
    Placement,
    Restored,
    Service,
    StoredContent,
    Target,
)


class Known(Protocol):
    """What the last committed state of the stream holds, for sources that cannot tell what changed.

    A connector whose source has no change feed walks it in id order beside `tags` and says the difference. An id
    with a pending failure, even one that never had a version, has the empty tag: no source's tag is empty, so
    the item is tried again, and an id that is no longer there is deleted, which ends its failure.
    """

    def tag(self, item_id: str) -> bytes | None:
        """Return the item's committed tag (empty while a failure is pending), or None if it is not known."""

    def tags(self, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield (id, tag) of all current or pending items with an id greater than `after`, ascending."""


class Stream(Protocol):
    """One service of one account."""

    def changes(self, cursor: bytes | None, known: Known) -> Iterator[Change]:
        """Yield what changed since `cursor` (None: everything), at least once, ending with a complete Checkpoint.

        Checkpoints appear often enough (at least every 1,000 changes or 64 MiB of content) that a run can stop at one.
        A cursor of another version or query is not an error: the connector starts over and what is out
        of scope is not deleted. Raises `connectors.sdk.errors`.
        """

    def restore(
        self, item: Item, content: StoredContent | None, target: Target, on_conflict: OnConflict
    ) -> Restored:
        """Write one item back; never replays a write that already happened (idempotent by item)."""


class Connection(Protocol):
    """An opened credential to one source."""

    def discover(self) -> Iterator[Account]:
        """Yield the accounts the source has now, with the streams of each, ascending by id."""

    def stream(self, account_id: str, service: Service) -> Stream:
        """Return the stream; this, or reading it, raises `Permanent` when the source no longer has it."""

    def close(self) -> None:
        """Give back connections and descriptors."""


class Connector(Protocol):
    """One kind of source, as listed in `connectors.registry`."""

    kind: str

    def original(self, item: Item) -> Placement | None:
        """Return where the item's bytes stood in the source's own files, told from `item` alone (no I/O).

        None: the source keeps no such files, or the item's `meta` is not this connector's.
        """

    def connect(self, settings: dict[str, str], secret: bytes) -> Connection:
        """Open a connection with public `settings` and the unsealed `secret`. Raises `AuthExpired`, `Permanent`."""
