"""The archive connector: an import folder as accounts and streams. See `docs/connectors.md`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from threading import Lock

from connectors.archive import accounts, layout
from connectors.archive.changes import Comparison
from connectors.archive.names import encode_native
from connectors.archive.restore import Restorer
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

    def __init__(
        self, root: Callable[[], int], mode: str, account_id: str, service: Service, restorer: Restorer
    ) -> None:
        self._root = root
        self._mode = mode
        self._account_id = account_id
        self._service = service
        self._restorer = restorer

    def changes(self, cursor: bytes | None, known: Known) -> Iterator[Change]:
        """Yield what differs from `known`, ascending by id. Raises `Permanent`."""
        root_fd = self._root()
        scope = accounts.scope(root_fd, self._mode, self._account_id)
        return Comparison(root_fd, scope, self._service.value, cursor, known).changes()

    def restore(
        self, item: Item, content: StoredContent | None, target: Target, on_conflict: OnConflict
    ) -> Restored:
        """Write one item back below the directory `target.location` ("": the import folder itself).

        Raises `Skippable`, `Permanent`, `Retriable` (an mbox is locked).
        """
        return self._restorer.restore(item, content, target, on_conflict)


class ArchiveConnection:
    """An import folder. It is opened when it is first read: what is lost can still be restored elsewhere."""

    def __init__(self, path: str, mode: str) -> None:
        self._path = path
        self._mode = mode
        self._root_fd = -1
        self._opening = Lock()
        self._restorer = Restorer(path)

    def _root(self) -> int:
        with self._opening:
            if self._root_fd < 0:
                try:
                    self._root_fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                except OSError as exc:
                    message = f"The import folder {self._path!r} cannot be opened: {exc.strerror}."
                    raise Permanent(message) from exc
            return self._root_fd

    def discover(self) -> Iterator[Account]:
        """Yield the accounts the folder has now. Raises `Permanent`."""
        name = os.path.basename(os.path.normpath(self._path)) or "import folder"
        return accounts.discover(self._root(), self._mode, encode_native(name))

    def stream(self, account_id: str, service: Service) -> ArchiveStream:
        """Return a stream; reading it raises `Permanent` when the folder has no such account any more.

        A stream may be read although `discover` does not offer it now: it then says what was deleted.
        """
        if service not in (Service.MAIL, Service.DRIVE):
            raise Permanent(f"An import folder has no {service.value} stream.")
        return ArchiveStream(self._root, self._mode, account_id, service, self._restorer)

    def close(self) -> None:
        """Give back all descriptors."""
        self._restorer.close()
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
        """Return the connection to an import folder; raises `Permanent` for settings that cannot be right."""
        path = settings.get("path", "")
        mode = settings.get("accounts", "folders")
        if not os.path.isabs(path):
            raise Permanent(f"The import folder must be given as an absolute path, not {path!r}.")
        if mode not in _MODES:
            raise Permanent(f"The setting `accounts` is {mode!r}; it must be one of: {', '.join(_MODES)}.")
        return ArchiveConnection(path, mode)


CONNECTOR = ArchiveConnector()
