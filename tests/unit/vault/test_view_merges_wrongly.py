"""The state of a stream is what replaying its snapshots into a dictionary gives, by every way of asking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from backupd.vault.entries import Entry, Failure, Version
from backupd.vault.snapshot import Layer
from backupd.vault.view import PENDING_TAG, View

IDS = "abcdef"
Said = dict[str, Entry]


class PlainLayer(Layer):
    """A layer in memory."""

    def __init__(self, said: Said) -> None:
        self.said = said

    def entries(self, after: str = "") -> Iterator[Entry]:
        return (self.said[item_id] for item_id in sorted(self.said) if not after or item_id > after)

    def get(self, item_id: str) -> Entry | None:
        return self.said.get(item_id)


@st.composite
def layers(draw: st.DrawFn) -> list[Said]:
    """Snapshots, oldest first, as slices write them: upserts, deletes, failures over either, failures alone."""
    said = []
    for number in range(draw(st.integers(0, 6))):
        snapshot = {}
        for item_id in draw(st.sets(st.sampled_from(IDS))):
            shape = draw(st.integers(0, 5))
            tag = b"%d" % number
            version = Version(item_id, "file", tag, "", "", 0, 0, b"", None) if shape in (0, 1) else None
            failure = Failure("gone", f"{number}") if shape in (1, 3, 4) else None
            snapshot[item_id] = Entry(item_id, version, shape in (2, 3), failure)
        said.append({k: v for k, v in snapshot.items() if v.version or v.deleted or v.failure})
    return said


def replayed(said: Sequence[Said]) -> dict[str, tuple[Version | None, Failure | None]]:
    state: dict[str, tuple[Version | None, Failure | None]] = {}
    for snapshot in said:
        for item_id, entry in snapshot.items():
            version = state.get(item_id, (None, None))[0]
            if entry.version is not None or entry.deleted:
                version = entry.version
            state[item_id] = (version, entry.failure)
    return {item_id: found for item_id, found in state.items() if found != (None, None)}


@given(layers(), st.sampled_from(["", *IDS]))
def test_as_replayed(said: list[Said], after: str) -> None:
    view = View([PlainLayer(snapshot) for snapshot in reversed(said)])
    state = replayed(said)
    expected = [(item_id, *state[item_id]) for item_id in sorted(state) if not after or item_id > after]
    assert [(entry.id, entry.version, entry.failure) for entry in view.entries(after)] == expected
    assert list(view.versions(after)) == [version for _, version, _ in expected if version is not None]
    tags = [(item_id, v.tag if v is not None and f is None else PENDING_TAG) for item_id, v, f in expected]
    assert list(view.tags(after)) == tags
    failures = {item_id: failure for item_id, (_, failure) in state.items() if failure is not None}
    assert dict(view.failures()) == failures
    for item_id in IDS:
        entry = view.entry(item_id)
        found = None if entry is None else (entry.version, entry.failure)
        assert found == state.get(item_id)
        assert view.get(item_id) == state.get(item_id, (None, None))[0]
        assert view.tag(item_id) == (dict(view.tags()).get(item_id))


@given(layers(), st.integers(0, 6), st.integers(0, 6))
def test_roll_ups_stand_for_what_they_cover(said: list[Said], start: int, end: int) -> None:
    start, end = min(start, end, len(said)), min(max(start, end), len(said))
    covered = View([PlainLayer(snapshot) for snapshot in reversed(said[start:end])])
    roll_up = PlainLayer({entry.id: entry for entry in covered.changes()})
    rest = [PlainLayer(snapshot) for snapshot in reversed(said[end:])]
    older = [PlainLayer(snapshot) for snapshot in reversed(said[:start])]
    shortened = View([*rest, roll_up, *older])
    state = replayed(said)
    assert {e.id: (e.version, e.failure) for e in shortened.entries()} == state
    assert {i for i in IDS if shortened.entry(i) is not None} == set(state)
