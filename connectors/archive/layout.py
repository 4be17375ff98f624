"""From an item back to its place in the original tree."""

from __future__ import annotations

from connectors.archive import meta
from connectors.archive.names import decode_native
from connectors.sdk.records import Item, Placement


def original_path(item_id: str, details: meta.Meta) -> str:
    """Return the path an item had, relative to the import folder, in the spelling of ids."""
    if details.container == meta.MAILDIR:
        folder = item_id.partition("//")[0]
        path = f"{details.subfolder}/{details.name}"
        return f"{folder}/{path}" if folder else path
    if details.container == meta.MBOX:
        return item_id.partition("//")[0]
    return item_id.rstrip("/")


def ordinal(item_id: str) -> int:
    """Return the number of a piece of an mbox among the equal ones before it."""
    number = item_id.rpartition("//")[2].partition("~")[2]
    try:
        return int(number, 16) if number else 0
    except ValueError:
        return 0


def placement(item: Item) -> Placement | None:
    """Return where the item's bytes stood; None when its id or meta was not made by this connector."""
    try:
        details = meta.load(item.meta)
        parts = tuple(decode_native(part) for part in original_path(item.id, details).split("/"))
    except ValueError:
        return None
    is_piece = details.container == meta.MBOX
    return Placement(
        parts,
        details.offset if is_piece else None,
        details.mode,
        details.mtime_ns,
        details.envelope_length,
        unescape_from=is_piece and details.envelope_length > 0,
    )
