"""A machine that sleeps inside its commit: a sweep may have removed what the snapshot leans on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backupd.vault.maintenance.pruning import prune
from backupd.vault.maintenance.purging import purge
from backupd.vault.slice import SliceExpired
from backupd.vault.stores.memory import MemoryStore
from tests.vault_model.backing_up import STREAM, Change, back_up
from tests.vault_model.place import Place

SHARED = b"bytes that both items are made of"


class HeldUpStore(MemoryStore):
    """A store whose next create of a snapshot is held up: `meanwhile` happens first."""

    meanwhile: Callable[[], None] | None = None

    def create(self, name: str, data: object) -> None:
        """Let the world go on before the snapshot appears."""
        if name.startswith("snapshots/") and (held := self.meanwhile) is not None:
            self.meanwhile = None
            held()
        super().create(name, data)  # type: ignore[arg-type]


def test_items_whose_blobs_were_swept_are_fetched_again(place: Place) -> None:
    store = HeldUpStore(clock=place.clock)
    place.store = store
    vault = place.create()
    back_up(vault, Change({"old": SHARED}), "other/stream/mail")
    back_up(vault, Change(deletes=["old"]), "other/stream/mail")
    purged = place.open(cache="another machine")
    late = vault.slice(STREAM, "late")
    change = Change({"leans": SHARED, "new": b"its own bytes"})
    change.say(late)
    limit_s = vault.format.slice_limit_s

    def prunes() -> None:
        purge(purged, "other/stream/mail", None)
        prune(purged)
        place.clock.advance(3 * limit_s)
        prune(purged)

    store.meanwhile = prunes
    with pytest.raises(SliceExpired):
        late.commit(change.cursor, complete=True, as_of_ms=1_000)
    state = place.open(cache="a third machine").view(STREAM)
    # Both: the second prune took the late pack, which nothing described yet, for garbage.
    assert {item_id for item_id, _ in state.failures()} == {"leans", "new"}
    assert dict(state.tags())["leans"] == b""
    back_up(vault, Change({"leans": SHARED, "new": b"its own bytes"}))
    fresh = place.open(cache="a fourth machine")
    contents = {version.id: version.content for version in fresh.view(STREAM).versions()}
    read = {item_id: b"".join(fresh.read(content)) for item_id, content in contents.items() if content}
    assert read == {"leans": SHARED, "new": b"its own bytes"}
    assert not list(fresh.view(STREAM).failures())


def test_a_late_commit_that_lost_nothing_stands(place: Place) -> None:
    store = HeldUpStore(clock=place.clock)
    place.store = store
    vault = place.create()
    late = vault.slice(STREAM, "late")
    Change({"new": b"its own bytes"}).say(late)
    store.meanwhile = lambda: place.clock.advance(3 * vault.format.slice_limit_s)
    assert late.commit(b"", complete=True, as_of_ms=1_000) is not None
    assert not list(vault.view(STREAM).failures())
