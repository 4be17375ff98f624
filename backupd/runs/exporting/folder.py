"""Writing an export into a folder."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from backupd.errors import StoreDenied, UsageError
from backupd.runs.exporting.target import Place, target_error

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o666
_OPEN_FOLDERS = 64
_TEMPORARY = ".backupd-partial~"


class FolderTarget:
    """Files appear under their names by rename, whole or not at all; folders are walked without following links."""

    def __init__(self, root: Path, *, force: bool = False) -> None:
        """Begin an export into `root`, made if it is absent. `force` allows a folder that holds something already:
        files of the same path are replaced, others left alone. Raises `UsageError`, `StoreDenied`, `StoreFull`."""
        self._root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not force and any(root.iterdir()):
                raise UsageError(
                    f"{root} is not empty.",
                    hint="Export into a new folder, or add --force: files of the same name are replaced then.",
                )
            self._root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileExistsError:
            raise UsageError(f"{root} is a file.", hint="Name a folder, or a file that ends in .zip.") from None
        except OSError as error:
            raise target_error(error, str(root)) from error
        self._open: OrderedDict[str, int] = OrderedDict()
        self._folders: dict[str, Place] = {}

    def write(self, place: Place, pieces: Iterable[bytes]) -> None:
        """Write one file whole, then give it its name."""
        folder, _, name = place.path.rpartition("/")
        _check(name)
        folder_fd = self._folder_fd(folder)
        file_fd = -1
        try:
            file_fd = self._create(folder_fd)
            for piece in pieces:
                _write_all(file_fd, piece)
            if place.mode is not None:
                os.fchmod(file_fd, place.mode & 0o777)
            os.utime(file_fd, ns=(place.mtime_ns, place.mtime_ns))
            os.rename(_TEMPORARY, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        except BaseException as error:
            if file_fd >= 0:
                _remove(folder_fd, _TEMPORARY)
            if isinstance(error, OSError):
                raise target_error(error, str(self._root / os.fsdecode(os.fsencode(place.path)))) from error
            raise
        finally:
            if file_fd >= 0:
                os.close(file_fd)

    def folder(self, place: Place) -> None:
        """Make the folder; its time and mode are set at the end, when nothing is written into it any more."""
        self._folder_fd(place.path)
        self._folders[place.path] = place

    def finish(self) -> None:
        """Set the folders' times and modes, the deepest first."""
        try:
            for path in sorted(self._folders, key=lambda path: path.count("/"), reverse=True):
                place = self._folders[path]
                folder_fd = self._folder_fd(path)
                os.utime(folder_fd, ns=(place.mtime_ns, place.mtime_ns))
                if place.mode is not None:
                    os.fchmod(folder_fd, place.mode & 0o777)
        except OSError as error:
            raise target_error(error, str(self._root)) from error
        finally:
            self._close()

    def abandon(self) -> None:
        """Close what is open. What was exported so far stays: every file of it is whole."""
        self._close()

    def _create(self, folder_fd: int) -> int:
        try:
            return os.open(_TEMPORARY, _FILE_FLAGS, _MODE, dir_fd=folder_fd)
        except FileExistsError:  # left by an export that was killed
            _remove(folder_fd, _TEMPORARY)
            return os.open(_TEMPORARY, _FILE_FLAGS, _MODE, dir_fd=folder_fd)

    def _folder_fd(self, path: str) -> int:
        """Return a descriptor of the folder, made if it is absent."""
        if not path:
            return self._root_fd
        found = self._open.get(path)
        if found is not None:
            self._open.move_to_end(path)
            return found
        above, _, name = path.rpartition("/")
        _check(name)
        above_fd = self._folder_fd(above)
        try:
            try:
                fd = os.open(name, _FOLDER_FLAGS, dir_fd=above_fd)
            except FileNotFoundError:
                os.mkdir(name, dir_fd=above_fd)
                fd = os.open(name, _FOLDER_FLAGS, dir_fd=above_fd)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise StoreDenied(
                    f"{self._root}/{path} is a link or a file where a folder has to be.",
                    hint="Export into a new folder.",
                ) from error
            raise target_error(error, f"{self._root}/{path}") from error
        self._open[path] = fd
        if len(self._open) > _OPEN_FOLDERS:
            os.close(self._open.popitem(last=False)[1])
        return fd

    def _close(self) -> None:
        for fd in (*self._open.values(), self._root_fd):
            os.close(fd)
        self._open.clear()
        self._root_fd = -1


def _check(name: str) -> None:
    """Refuse a part that is no plain name; the last line of defence, as paths are made safe before they come here."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise UsageError(f"{name!r} is not a file name.")


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _remove(folder_fd: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder_fd)
    except FileNotFoundError:
        pass
