"""The position in an archive stream: a small versioned record.

Which items exist is told by the committed state, not by the cursor. It only saves work: where an interrupted
pass stopped, and which mboxes were read whole, so that an unchanged one is not parsed again.
"""

from __future__ import annotations

import msgspec

_VERSION = 1


class Position(msgspec.Struct, array_like=True):
    """Where a pass stands.

    `after` is the id up to which all changes are said ("" at the start of a pass); `device` the device number
    of the account's folder (0: unknown); `mboxes` maps the id prefix of each mbox to the stat it was read at.
    """

    version: int = _VERSION
    service: str = ""
    after: str = ""
    device: int = 0
    mboxes: dict[str, bytes] = {}


_DECODER = msgspec.msgpack.Decoder(Position)


def load(cursor: bytes | None, service: str) -> Position:
    """Return the position; a missing, damaged, foreign or older cursor gives the start of a pass."""
    if cursor:
        try:
            position = _DECODER.decode(cursor)
        except msgspec.MsgspecError:
            position = Position()
        if position.version == _VERSION and position.service == service:
            return position
    return Position(service=service)


def dump(position: Position) -> bytes:
    """Return the position as cursor bytes; equal positions give equal bytes."""
    return msgspec.msgpack.encode(position, order="sorted")
