"""A source that says what a test wants it to say, and remembers what was asked of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from connectors.sdk.contract import Known
from connectors.sdk.errors import ConnectorError
from connectors.sdk.records import (
    Change,
    Checkpoint,
    Item,
    ItemKind,
    OnConflict,
    Restored,
    RestoreOutcome,
    StoredContent,
    Target,
    Upsert,
)

Script = list[Change | BaseException | Callable[[], None]]


class ScriptedStream:
    """Each call of `changes` plays the next script; an exception in it is raised, a callable is called."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.cursors: list[bytes | None] = []
        self.restored: list[str] = []
        self.written: dict[str, bytes] = {}
        self.restore_errors: dict[str, list[ConnectorError]] = {}

    def changes(self, cursor: bytes | None, known: Known) -> Iterator[Change]:
        self.cursors.append(cursor)
        for event in self._scripts.pop(0):
            if isinstance(event, BaseException):
                raise event
            if callable(event):
                event()
            else:
                yield event

    def restore(
        self, item: Item, content: StoredContent | None, target: Target, on_conflict: OnConflict
    ) -> Restored:
        errors = self.restore_errors.get(item.id)
        if errors:
            raise errors.pop(0)
        self.restored.append(item.id)
        if item.id in self.written:
            return Restored(RestoreOutcome.ALREADY_RESTORED)
        self.written[item.id] = b"" if content is None else b"".join(content.chunks())
        return Restored(RestoreOutcome.WRITTEN)


def item(
    item_id: str, folder: str = "Inbox", kind: ItemKind = ItemKind.FILE, name: str = "", meta: bytes = b""
) -> Item:
    return Item(item_id, kind, b"tag", folder, name or item_id, 1_700_000_000_000, 0, meta)


def upsert(item_id: str, data: bytes | None = None, folder: str = "Inbox") -> Upsert:
    return Upsert(item(item_id, folder), opener(f"bytes of {item_id}".encode() if data is None else data))


def message(item_id: str, data: bytes, folder: str = "Inbox") -> Upsert:
    return Upsert(item(item_id, folder, ItemKind.MESSAGE), opener(data))


def opener(data: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(data)


def broken(item_id: str, *errors: ConnectorError) -> Upsert:
    """An item that raises each of the errors in turn when it is opened, then opens."""
    waiting = list(errors)

    def open_it() -> BinaryIO:
        if waiting:
            raise waiting.pop(0)
        return io.BytesIO(b"at last")

    return Upsert(item(item_id), open_it)


def checkpoint(cursor: str) -> Checkpoint:
    return Checkpoint(cursor.encode())


def end(cursor: str = "end") -> Checkpoint:
    return Checkpoint(cursor.encode(), complete=True)
