"""One backup slice in a line, into a vault and into the reference at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from backupd.vault.entries import Failure
from backupd.vault.slice import Slice
from backupd.vault.snapshot import SnapshotInfo
from backupd.vault.vault import Vault
from tests.vault_model.items import SampleItem
from tests.vault_model.reference import Reference, State

STREAM = "connection/account/mail"


def item_of(item_id: str, content: bytes | None) -> SampleItem:
    """Return what a source would say of an item; ids that begin with m are messages."""
    return SampleItem(
        item_id,
        "message" if item_id.startswith("m") else "file",
        tag=b"tag of " + item_id.encode(),
        name=f"name of {item_id}",
        size_bytes=5 if content is None else 0,
    )


class Change:
    """What one slice says: upserts by id (None: an item without content), deletes, failures."""

    def __init__(
        self,
        upserts: Mapping[str, bytes | None] | None = None,
        deletes: Iterable[str] = (),
        failures: Mapping[str, Failure] | None = None,
        *,
        as_of_ms: int = 1_000,
        complete: bool = True,
        cursor: bytes = b"cursor",
    ) -> None:
        self.upserts = dict(upserts or {})
        self.deletes = list(deletes)
        self.failures = dict(failures or {})
        self.as_of_ms = as_of_ms
        self.complete = complete
        self.cursor = cursor

    def say(self, to: Slice) -> None:
        """Tell a slice."""
        for item_id, content in self.upserts.items():
            to.upsert(item_of(item_id, content), content)
        for item_id in self.deletes:
            to.delete(item_id)
        for item_id, failure in self.failures.items():
            to.fail(item_id, failure)

    def after(self, state: State) -> State:
        """Return the state that follows from `state`."""
        changed = replace(state.copy(), as_of_ms=self.as_of_ms, complete=self.complete, cursor=self.cursor)
        for item_id, content in self.upserts.items():
            changed.items[item_id] = (item_of(item_id, content), content)
            changed.failures.pop(item_id, None)
        for item_id in self.deletes:
            changed.items.pop(item_id, None)
            changed.failures.pop(item_id, None)
        changed.failures.update(self.failures)
        return changed


def back_up(
    vault: Vault,
    change: Change,
    stream: str = STREAM,
    reference: Reference | None = None,
    *,
    run_id: str = "run",
    expect: tuple[int, bytes] | None = None,
) -> SnapshotInfo | None:
    """Run one slice; record it in the reference only when it was committed."""
    running = vault.slice(stream, run_id, expect=expect)
    try:
        change.say(running)
        info = running.commit(change.cursor, complete=change.complete, as_of_ms=change.as_of_ms)
    except BaseException:
        running.abort()
        raise
    if info is not None and reference is not None:
        assert reference.commit(stream, change.after(reference.head(stream))) == info.seq
    return info


def committed(info: SnapshotInfo | None) -> SnapshotInfo:
    """Return the snapshot of a slice that had something to say."""
    assert info is not None
    return info
