"""The model a vault is compared with: plain dictionaries, one per stream and snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field

from backupd.vault.entries import Failure
from backupd.vault.vault import Vault
from tests.vault_model.items import SampleItem

Stored = tuple[SampleItem, bytes | None]


@dataclass
class State:
    """What a stream holds at one snapshot: current items with their bytes, and pending failures."""

    items: dict[str, Stored] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    as_of_ms: int = 0
    complete: bool = True
    cursor: bytes = b""

    def copy(self) -> State:
        """Return a state that can be changed without changing this one."""
        return State(dict(self.items), dict(self.failures), self.as_of_ms, self.complete, self.cursor)


class Reference:
    """Streams of snapshots, each with the whole state at it; seqs count from 1."""

    def __init__(self) -> None:
        self.streams: dict[str, dict[int, State]] = {}

    def head(self, stream: str) -> State:
        """Return the newest state of a stream (an empty one for a stream without snapshots)."""
        snapshots = self.streams.get(stream)
        return snapshots[max(snapshots)] if snapshots else State()

    def copy(self) -> Reference:
        """Return a reference that can go on by itself."""
        copied = Reference()
        copied.streams = {stream: dict(snapshots) for stream, snapshots in self.streams.items()}
        return copied

    def commit(self, stream: str, state: State) -> int:
        """Record a snapshot; return its seq."""
        snapshots = self.streams.setdefault(stream, {})
        seq = max(snapshots, default=0) + 1
        snapshots[seq] = state
        return seq


def observed(vault: Vault, stream: str, seq: int) -> tuple[dict[str, Stored], dict[str, Failure]]:
    """Return what the vault gives back for one snapshot, every byte read."""
    items: dict[str, Stored] = {}
    view = vault.view(stream, seq)
    for version in view.versions():
        content = None if version.content is None else b"".join(vault.read(version.content))
        size = version.size if content is None else 0
        item = SampleItem(
            version.id,
            version.kind,
            version.tag,
            version.folder,
            version.name,
            version.modified_ms,
            size,
            version.meta,
        )
        items[version.id] = (item, content)
    return items, dict(view.failures())


def assert_same(vault: Vault, reference: Reference) -> int:
    """Compare all that the reference holds with the vault; return how many item versions were read."""
    return assert_between(vault, reference, reference)


def assert_between(vault: Vault, before: Reference, after: Reference) -> int:
    """Compare a vault that was on its way from one reference to another; return how many item versions were read.

    What both have must be there, and nothing may be there that neither has.
    """
    streams = set(vault.streams())
    assert set(before.streams) & set(after.streams) <= streams <= set(before.streams) | set(after.streams)
    read = 0
    for stream in sorted(streams):
        old, new = before.streams.get(stream, {}), after.streams.get(stream, {})
        infos = {info.seq: info for info in vault.snapshots(stream)}
        assert set(old) & set(new) <= set(infos), f"snapshots of {stream} are missing"
        assert set(infos) <= set(old) | set(new), f"{stream} has snapshots that nobody made"
        for seq, info in infos.items():
            state = old[seq] if seq in old else new[seq]
            read += _assert_state(vault, stream, seq, state)
            assert (info.as_of_ms, info.complete) == (state.as_of_ms, state.complete)
            assert info.cursor == state.cursor
    return read


def _assert_state(vault: Vault, stream: str, seq: int, state: State) -> int:
    items, failures = observed(vault, stream, seq)
    assert items == state.items, f"items of {stream} at {seq}"
    assert failures == state.failures, f"failures of {stream} at {seq}"
    return len(items)
