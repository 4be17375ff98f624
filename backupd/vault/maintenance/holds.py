"""Legal holds and pins: what beats every retention. Sealed records of the vault.

`holds/`: key = the hold's own id, value = MessagePack array [scope, reason, placed_ms]. Nothing of a held stream
expires or is purged. `pins/`: key = the pin's own id (a restore's or export's run id), value = MessagePack array
[stream, seq, until_ms, reason]. A pinned point in time stays readable until then, whatever the retention says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from backupd.errors import Busy, Integrity
from backupd.vault.vault import Vault

Value = TypeVar("Value")


class Held(Busy):
    """What was asked for is forbidden while a legal hold or a pin lasts."""


class Hold(msgspec.Struct, array_like=True, frozen=True):
    """A legal hold. `scope`: "" (the whole vault), a stream, or the beginning of streams' names ending in "/"."""

    scope: str
    reason: str
    placed_ms: int

    def covers(self, stream: str) -> bool:
        """Return whether the hold applies to a stream."""
        return (
            not self.scope
            or stream == self.scope
            or (self.scope[-1] == "/" and stream.startswith(self.scope))
        )


class Pin(msgspec.Struct, array_like=True, frozen=True):
    """A point in time that must stay readable until `until_ms` (Unix ms; 0: until it is released)."""

    stream: str
    seq: int
    until_ms: int
    reason: str = ""

    def lasts(self, now_ms: int) -> bool:
        """Return whether the pin still counts."""
        return not self.until_ms or now_ms < self.until_ms


def place_hold(vault: Vault, key: str, hold: Hold) -> None:
    """Set the hold `key`."""
    vault.records.put("holds", key, msgspec.msgpack.encode(hold))


def release_hold(vault: Vault, key: str) -> None:
    """End the hold `key`, if there is one."""
    vault.records.delete("holds", key)


def all_holds(vault: Vault) -> Iterator[tuple[str, Hold]]:
    """Yield (key, hold); a record that does not open raises Integrity, for it may be a hold on anything."""
    for key, value in vault.records.list("holds"):
        yield key, _decoded(value, Hold, f"hold {key!r}")


def place_pin(vault: Vault, key: str, pin: Pin) -> None:
    """Set the pin `key`. Place it before reading the first byte of the point in time."""
    vault.records.put("pins", key, msgspec.msgpack.encode(pin))


def release_pin(vault: Vault, key: str) -> None:
    """End the pin `key`, if there is one."""
    vault.records.delete("pins", key)


def all_pins(vault: Vault) -> Iterator[tuple[str, Pin]]:
    """Yield (key, pin), ended ones too; a record that does not open raises Integrity."""
    for key, value in vault.records.list("pins"):
        yield key, _decoded(value, Pin, f"pin {key!r}")


def is_held(vault: Vault, stream: str) -> bool:
    """Return whether any legal hold covers the stream."""
    return any(hold.covers(stream) for _, hold in all_holds(vault))


def pinned_seqs(vault: Vault, stream: str, now_ms: int) -> set[int]:
    """Return the seqs of a stream that pins keep readable."""
    return {pin.seq for _, pin in all_pins(vault) if pin.stream == stream and pin.lasts(now_ms)}


def _decoded(value: bytes, kind: type[Value], what: str) -> Value:
    try:
        return msgspec.msgpack.decode(value, type=kind)
    except msgspec.MsgspecError:
        raise Integrity(f"The {what} of the vault is not of a form this program knows.") from None
