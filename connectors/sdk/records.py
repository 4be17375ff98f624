"""What flows between a connector and a run: accounts, items, changes, content.

Plain values. Times are Unix milliseconds in UTC, sizes are bytes. Item ids are unique within a stream,
stable while the item lives, and compare by code point; a connector that can, yields in ascending id order.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO


class Service(enum.StrEnum):
    """The kinds of stream an account may have."""

    MAIL = "mail"
    CALENDAR = "calendar"
    CONTACTS = "contacts"
    TASKS = "tasks"
    DRIVE = "drive"
    SITE = "site"
    CHANNEL = "channel"
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class Account:
    """One protected principal of a connection, with the services that can be backed up for it.

    `id` is what the source calls it and never changes; `name` is shown to people.
    """

    id: str
    name: str
    kind: str
    services: tuple[Service, ...]


class ItemKind(enum.StrEnum):
    """What an item is; decides how it is shown, split, exported and restored."""

    MESSAGE = "message"
    FILE = "file"
    FOLDER = "folder"
    EVENT = "event"
    CONTACT = "contact"
    TASK = "task"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Item:
    """What the source says of one item version, without its content.

    `tag` is the source's version mark (etag, change key, stat): equal tags mean equal content and metadata.
    `folder` is the container's path for people, parts joined by `/`; `name` the subject or file name.
    `modified_ms` is when the item was received or last changed. `meta` is the source's own JSON (or a
    connector's own encoding), kept unaltered and given back on restore.
    """

    id: str
    kind: ItemKind
    tag: bytes
    folder: str
    name: str
    modified_ms: int
    size_bytes: int
    meta: bytes = b""


OpenContent = Callable[[], BinaryIO]
"""Opens an item's content for reading, once per call. It and the reads on what it returns raise `Skippable`,
`Retriable`... when they cannot; bytes that were read before a raise are void. The caller closes."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """The item is new or changed. `open` is None for items without content (folders)."""

    item: Item
    open: OpenContent | None


@dataclass(frozen=True, slots=True)
class Delete:
    """The item is gone from `folder` (None: from the whole stream). Void if it now lives elsewhere."""

    id: str
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The item exists but cannot be had now; a pending failure until a later Upsert or Delete of the same id."""

    id: str
    reason: str
    message: str
    folder: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All changes before this one are said; `cursor` goes on from here.

    `complete` is true when the stream has been read to its present end: only then is the snapshot
    offered as a point in time.
    """

    cursor: bytes
    complete: bool = False


Change = Upsert | Delete | Skipped | Checkpoint


class OnConflict(enum.StrEnum):
    """What a restore does when the target already has the item."""

    SKIP = "skip"
    COPY = "copy"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a restore writes: the original place (`folder` None) or below another folder.

    `location` is connector-specific: for the archive connector the directory restored into.
    """

    location: str
    folder: str | None = None


class RestoreOutcome(enum.StrEnum):
    """What became of one restored item."""

    WRITTEN = "written"
    SKIPPED_EXISTING = "skipped-existing"
    ALREADY_RESTORED = "already-restored"


@dataclass(frozen=True, slots=True)
class Restored:
    """The outcome of one restore write and where the item now lives."""

    outcome: RestoreOutcome
    place: str = ""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """An item's content as the vault gives it back: its size and a way to stream it, digest-checked at the end."""

    size_bytes: int
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an item's bytes stood in the source's own files: what is needed to write those files again.

    `parts` is the path relative to the source's root, one name each, as `os` takes names (undecodable bytes as
    surrogates). `offset` is None when the item is the whole file or folder. Otherwise it is a piece: all pieces
    with the same `parts`, written in order of `offset`, are the file, and the piece at offset 0 has the say
    about `mode` (permission bits) and `mtime_ns` (Unix nanoseconds). To make a message file of a piece, leave
    out its first `envelope_length` bytes and, if `unescape_from`, one `>` of each line `>From `, `>>From `...
    """

    parts: tuple[str, ...]
    offset: int | None
    mode: int
    mtime_ns: int
    envelope_length: int = 0
    unescape_from: bool = False
