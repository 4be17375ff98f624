"""What a slice needs to know of an item; `connectors.sdk.records.Item` has it, without the vault knowing connectors."""

from __future__ import annotations

from typing import Protocol


class SourceItem(Protocol):
    """One item version as its source describes it."""

    @property
    def id(self) -> str:
        """Unique within the stream, stable while the item lives."""

    @property
    def kind(self) -> str:
        """What the item is; "message" is split as mail."""

    @property
    def tag(self) -> bytes:
        """The source's version mark."""

    @property
    def folder(self) -> str:
        """The container's path for people."""

    @property
    def name(self) -> str:
        """Subject or file name."""

    @property
    def modified_ms(self) -> int:
        """When it was received or changed, Unix milliseconds."""

    @property
    def size_bytes(self) -> int:
        """What the source says of its size."""

    @property
    def meta(self) -> bytes:
        """The source's own metadata, unaltered."""
