"""Writing an export into a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from backupd.errors import UsageError
from backupd.runs.exporting.target import Place, target_error
from connectors.sdk.directory_writer import DirectoryWriter
from connectors.sdk.errors import Permanent
from connectors.sdk.records import OnConflict


class FolderTarget:
    """Files appear under their names whole or not at all, never outside the folder, never through a link."""

    takes_back = True

    def __init__(self, root: Path, *, force: bool = False) -> None:
        """Begin an export into `root`, made if it is absent.

        `force` allows a folder that holds something already: files of the same path are replaced, others left alone.
        Raises `UsageError`, `StoreDenied`, `StoreFull`.
        """
        self._root = root
        # In a folder of our own nothing can be in the way; if something appears meanwhile, nothing of either is lost.
        self._on_conflict = OnConflict.REPLACE if force else OnConflict.COPY
        try:
            if root.exists() and not root.is_dir():
                raise UsageError(f"{root} is a file.", hint="Name a folder, or a file that ends in .zip.")
            if not force and root.is_dir() and next(root.iterdir(), None) is not None:
                raise UsageError(
                    f"{root} is not empty.",
                    hint="Export into a new folder, or add --force: files of the same name are replaced then.",
                )
            self._writer = DirectoryWriter(root)
        except Permanent as error:
            raise target_error(error, str(root)) from error
        except OSError as error:
            raise target_error(error, str(root)) from error

    def write(self, place: Place, pieces: Iterable[bytes]) -> None:
        """Write one file whole, then give it its name."""
        try:
            self._writer.write(place.parts, pieces, place.mtime_ns, place.mode, self._on_conflict)
        except Permanent as error:
            raise target_error(error, str(self._root)) from error

    def folder(self, place: Place) -> None:
        """Make the folder; its time and mode are set at the end, when nothing is written into it any more."""
        try:
            self._writer.make_folder(place.parts, place.mode, place.mtime_ns)
        except Permanent as error:
            raise target_error(error, str(self._root)) from error

    def finish(self) -> None:
        """Set the folders' times and modes."""
        try:
            self._writer.finish()
        except Permanent as error:
            raise target_error(error, str(self._root)) from error
        finally:
            self._writer.close()

    def abandon(self) -> None:
        """Close what is open. What was exported so far stays: every file of it is whole."""
        self._writer.close()
