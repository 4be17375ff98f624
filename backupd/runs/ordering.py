"""Items in the order their original files need: the pieces of one file (an mbox) together, by their offsets.

A view comes in id order, which keeps the pieces of a file together but not in the order they stand in it. Pieces wait
encoded: a hundred thousand messages of one mbox take some 30 MB then, as objects they would take three times that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from backupd.vault.entries import Version
from connectors.sdk.records import Item, ItemKind, Placement


class Whole(NamedTuple):
    """An item that is a file or folder of its own, or has no original place."""

    version: Version
    place: Placement | None


class Pieces:
    """All items that together are one file, by offset; `place` is the first one's, which speaks for the file."""

    def __init__(self, place: Placement) -> None:
        self._waiting: list[tuple[int, bytes]] = []
        self._place = place

    @property
    def place(self) -> Placement:
        """The place of the piece with the lowest offset."""
        return self._place

    def add(self, version: Version, place: Placement) -> None:
        """Take one more piece, in any order."""
        assert place.offset is not None and self._place.offset is not None
        if place.offset < self._place.offset:
            self._place = place
        self._waiting.append((place.offset, msgspec.msgpack.encode(version)))

    def __iter__(self) -> Iterator[Version]:
        self._waiting.sort()
        return (msgspec.msgpack.decode(data, type=Version) for _, data in self._waiting)


Original = Callable[[Item], Placement | None]
"""A connector's way from an item to its original place; None where it had none."""


def by_file(versions: Iterable[Version], original: Original) -> Iterator[Whole | Pieces]:
    """Yield versions that come in id order, those that are pieces of one file together."""
    pieces: Pieces | None = None
    for version in versions:
        place = original(as_item(version))
        if pieces is not None and (place is None or place.parts != pieces.place.parts):
            yield pieces
            pieces = None
        if place is None or place.offset is None:
            yield Whole(version, place)
            continue
        if pieces is None:
            pieces = Pieces(place)
        pieces.add(version, place)
    if pieces is not None:
        yield pieces


def as_item(version: Version) -> Item:
    """Return the connector's item that a stored version was made of."""
    return Item(
        version.id,
        ItemKind(version.kind),
        version.tag,
        version.folder,
        version.name,
        version.modified_ms,
        version.size,
        version.meta,
    )
