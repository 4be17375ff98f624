"""The archive connector: an import folder as accounts and streams. See `docs/connectors.md`."""

from __future__ import annotations

import os
from collections.abc import Iterator

from connectors.archive import accounts, layout
from connectors.archive.changes import Comparison
from connectors.archive.tree import Scope
from connectors.sdk.contract import Known
from connectors.sdk.errors import Permanent
from connectors.sdk.records import (
    Account,
    Change,
    Item,
    OnConflict,
    Placement,
    Restored,
    Service,
    StoredContent,
    Target,
)

_MODES = ("folders", "one")


class ArchiveStream:
    """The mail or the other files of one account."""

    def __init__(self, root_fd: int, scope: Scope, service: Service) -> None:
        self._root_fd = root_fd
        self._scope = scope
        self._service = service

    def changes(self, cursor: bytes | None, known: Known) -> Iterator[Change]:
        """Yield what differs from `known`, ascending by id. Raises `Permanent`."""
        return Comparison(self._root_fd, self._scope, self._service.value, cursor, known).changes()

    def restore(self, item: Item, content: StoredContent | None, target: Target, on_conflict: OnConflict) -> Restored:
        """Write one item back below the directory `target.location`. Raises `Skippable`, `Permanent`."""
        raise NotImplementedError


class ArchiveConnection:
    """An opened import folder."""

    def __init__(self, path: str, mode: str) -> None:
        self._path = path
        self._mode = mode
        try:
            self._root_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            raise Permanent(f"The import folder {path!r} cannot be opened: {exc.strerror}.") from exc

    def discover(self) -> Iterator[Account]:
        """Yield the accounts the folder has now. Raises `Permanent`."""
        name = os.path.basename(os.path.normpath(self._path)) or "import folder"
        return accounts.discover(self._root_fd, self._mode, accounts.encode_native(name))

    def stream(self, account_id: str, service: Service) -> ArchiveStream:
        """Return a stream; it may be asked for although it has nothing in it now. Raises `Permanent`."""
        if service not in (Service.MAIL, Service.DRIVE):
            raise Permanent(f"An import folder has no {service.value} stream.")
        return ArchiveStream(self._root_fd, accounts.scope(self._root_fd, self._mode, account_id), service)

    def close(self) -> None:
        """Give back the folder's descriptor."""
        fd, self._root_fd = self._root_fd, -1
        if fd >= 0:
            os.close(fd)


class ArchiveConnector:
    """The kind `archive`. Settings: `path` (absolute), `accounts` (`folders`, the default, or `one`)."""

    kind = "archive"

    def original(self, item: Item) -> Placement | None:
        """Return where the item's bytes stood below the import folder."""
        return layout.placement(item)

    def connect(self, settings: dict[str, str], secret: bytes) -> ArchiveConnection:
        """Open the import folder. Raises `Permanent`."""
        path = settings.get("path", "")
        mode = settings.get("accounts", "folders")
        if not os.path.isabs(path):
            raise Permanent(f"The import folder must be given as an absolute path, not {path!r}.")
        if mode not in _MODES:
            raise Permanent(f"The setting `accounts` is {mode!r}; it must be one of: {', '.join(_MODES)}.")
        return ArchiveConnection(path, mode)


CONNECTOR = ArchiveConnector()
