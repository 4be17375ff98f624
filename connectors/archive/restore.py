"""Writing items back into a directory: whole files, folders, Maildir messages; see `mbox_restore` for the rest."""

from __future__ import annotations

from threading import Lock

from connectors.archive import layout, mbox_restore, meta
from connectors.archive.roles import unique_part
from connectors.sdk.directory_writer import DirectoryWriter
from connectors.sdk.errors import Skippable
from connectors.sdk.records import (
    Item,
    ItemKind,
    OnConflict,
    Placement,
    Restored,
    StoredContent,
    Target,
)
from connectors.sdk.safe_paths import safe_relative_path

_OWNER_MAY_WRITE = 0o700
_MAILDIR_DEPTH = 2


class Restorer:
    """Writes back below one target directory after the other; keeps the newest open. Safe for several threads."""

    def __init__(self, import_folder: str) -> None:
        self._import_folder = import_folder
        self._lock = Lock()
        self._location = ""
        self._writer: DirectoryWriter | None = None
        self._maildirs = _Maildirs()
        self._mboxes = mbox_restore.Contents()

    def restore(
        self, item: Item, content: StoredContent | None, target: Target, on_conflict: OnConflict
    ) -> Restored:
        """Write one item to its original relative path below the target. Raises `Skippable`, `Permanent`."""
        place = layout.placement(item)
        if place is None:
            raise Skippable(
                "not-an-archive-item", f"The item {item.id!r} does not come from an import folder."
            )
        parts = safe_relative_path(place.parts, portable=False)
        if target.folder:
            below = [part for part in target.folder.split("/") if part]
            parts = (*safe_relative_path(below, portable=False), *parts)
        with self._lock:
            writer = self._open(target.location or self._import_folder)
            if item.kind == ItemKind.FOLDER:
                restored = writer.make_folder(parts, place.mode | _OWNER_MAY_WRITE, place.mtime_ns)
                writer.finish()
                return restored
            if content is None:
                raise Skippable("no-content", f"The item {item.id!r} was stored without content.")
            if place.offset is not None:
                ordinal = layout.ordinal(item.id)
                return mbox_restore.restore(writer, parts, place, ordinal, content, self._mboxes)
            if meta.load(item.meta).container == meta.MAILDIR and len(parts) >= _MAILDIR_DEPTH:
                return self._message(writer, parts, place, content, on_conflict)
            return writer.write(parts, content.chunks(), place.mtime_ns, place.mode, on_conflict)

    def close(self) -> None:
        """Give back all descriptors."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _open(self, location: str) -> DirectoryWriter:
        if self._writer is None or self._location != location:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._writer = DirectoryWriter(location)
            self._location = location
            self._maildirs.forget()
            self._mboxes.forget()
        return self._writer

    def _message(
        self,
        writer: DirectoryWriter,
        parts: tuple[str, ...],
        place: Placement,
        content: StoredContent,
        on_conflict: OnConflict,
    ) -> Restored:
        """Write a Maildir message. It conflicts with the same message under other flags, too."""
        *above, subfolder, name = parts
        messages = self._maildirs.messages(writer, tuple(above))
        present = messages.get(unique_part(name), (subfolder, name))
        restored = writer.write(
            (*above, *present),
            content.chunks(),
            place.mtime_ns,
            place.mode,
            on_conflict,
            copy_name=_message_copy_name,
        )
        messages.setdefault(unique_part(name), (subfolder, name))
        return restored


def _message_copy_name(name: str, number: int) -> str:
    unique = unique_part(name)
    return f"{unique}.restored{number if number > 1 else ''}{name[len(unique) :]}"


class _Maildirs:
    """Which messages the Maildir restored into last has, by the part of their names that flags do not change."""

    def __init__(self) -> None:
        self._folder: tuple[str, ...] | None = None
        self._messages: dict[str, tuple[str, str]] = {}

    def messages(self, writer: DirectoryWriter, folder: tuple[str, ...]) -> dict[str, tuple[str, str]]:
        """Return unique part -> (subfolder, file name), read when the folder is another than the last."""
        if folder != self._folder:
            self._messages = {
                unique_part(name): (subfolder, name)
                for subfolder in ("new", "cur")
                for name in writer.names((*folder, subfolder))
            }
            self._folder = folder
        return self._messages

    def forget(self) -> None:
        """Forget what was read."""
        self._folder = None
        self._messages = {}
