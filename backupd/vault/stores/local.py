"""A store on a local (or mounted) file system: one file per object.

Durability: `create` and `put` write a temporary file, fsync it, give it its name in one step (a hard
link, respectively a rename) and fsync the folder; folders made on the way are fsynced in their parents
first. `delete` fsyncs the folder too, so that deletions survive in the order they were made. Temporary
files live in `incoming~`, a folder whose name no object can have.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from backupd.errors import BackupdError, StoreUnavailable
from backupd.vault.stores.base import ObjectExists, ObjectInfo, ObjectNotFound, ObjectTruncated
from backupd.vault.stores.durable import Step, make_folders, no_step, publish, sync_folder
from backupd.vault.stores.names import check_name, check_prefix, is_part
from backupd.vault.stores.os_errors import store_error

INCOMING = "incoming~"
LEFTOVER_AGE_S = 86_400.0
_KNOWN_FOLDERS_LIMIT = 4_096


class LocalStore:
    """Objects as files under `root`.

    Reading never makes a folder: while `root` is absent (an unmounted disk) reads raise `StoreUnavailable`
    rather than claim that objects are absent. The first write makes `root`, unless this store saw it before.

    Without `clock` the store's clock is the file system's own, measured by making a file, which is right
    even where a file server stamps the times. A given `clock` also stamps the objects.
    `random` names temporary files; `step` is told each stage of a write (see `durable`).
    """

    def __init__(
        self,
        root: Path | str,
        *,
        clock: Callable[[], float] | None = None,
        random: Callable[[int], bytes] = os.urandom,
        step: Step = no_step,
    ) -> None:
        self._root = os.path.abspath(root)
        self._incoming = os.path.join(self._root, INCOMING)
        self._clock = clock
        self._random = random
        self._step = step
        self._known_folders: set[str] = set()
        self._root_seen = os.path.isdir(self._root)
        self._swept = False

    def create(self, name: str, data: bytes | BinaryIO) -> None:
        """Make `name` with `data`, only if absent."""
        target = self._path(name)
        try:
            if os.path.lexists(target):
                raise _exists(name)
            self._write(name, target, data, replace=False)
        except FileExistsError:
            raise _exists(name) from None
        except OSError as error:
            raise self._write_error(error, target) from error

    def put(self, name: str, data: bytes | BinaryIO) -> None:
        """Make or atomically replace `name`."""
        target = self._path(name)
        try:
            self._write(name, target, data, replace=True)
        except OSError as error:
            raise self._write_error(error, target) from error

    def get(self, name: str) -> bytes:
        """Return the whole object."""
        path = self._path(name)
        try:
            with open(path, "rb", buffering=0, opener=_open_plain) as file:
                return file.readall()
        except OSError as error:
            raise self._read_error(error, name) from error

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        if offset < 0 or length < 0:
            raise ValueError("offset and length are never negative")
        try:
            # No cache of open descriptors: the check that a path still names the open file cost more than opening it.
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                data = _read_exactly(descriptor, offset, length)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._read_error(error, name) from error
        if data is None:
            raise ObjectTruncated(f"The object {name} ends before byte {offset + length}.")
        return data

    def size(self, name: str) -> int:
        """Return the object's size in bytes."""
        path = self._path(name)
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError as error:
            raise self._read_error(error, name) from error
        if not stat.S_ISREG(status.st_mode):
            raise self._absent(name)
        return status.st_size

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under `prefix`, by ascending name; holds the names of one folder per level."""
        check_prefix(prefix)
        folder, slash, stem = prefix.rpartition("/")
        return self._walk(folder + slash, stem)

    def delete(self, name: str) -> None:
        """Remove `name` if it is there."""
        path = self._path(name)
        try:
            os.unlink(path)
            sync_folder(os.path.dirname(path))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._absent(name)
        except OSError as error:
            raise store_error(error, path) from error

    def now(self) -> float:
        """Return the store's clock in Unix seconds (the machine's, where nothing may be written)."""
        if self._clock is not None:
            return self._clock()
        path = self._temp_path()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            return time.time()
        try:
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(path)

    def retain_until(self, name: str, until_s: float) -> None:
        """Do nothing: a local file system has no locks that its administrator could not lift."""
        check_name(name)

    def retained_until(self, name: str) -> float:
        """Return 0.0: nothing is locked."""
        check_name(name)
        return 0.0

    def close(self) -> None:
        """Do nothing: no descriptor outlives a call."""

    def _path(self, name: str) -> str:
        check_name(name)
        return f"{self._root}/{name}"

    def _temp_path(self) -> str:
        return f"{self._incoming}/{self._random(16).hex()}"

    def _write(self, name: str, target: str, data: bytes | BinaryIO, *, replace: bool) -> None:
        self._prepare(name.rpartition("/")[0])
        publish(
            target,
            data,
            temp=self._temp_path(),
            replace=replace,
            step=self._step,
            modified_s=None if self._clock is None else self._clock(),
        )

    def _prepare(self, folder: str) -> None:
        """Make `folder` (relative) and `incoming~` durable, once in this store's life."""
        if folder in self._known_folders:
            return
        if not os.path.isdir(self._root):
            if self._root_seen:
                raise self._root_missing()
            make_folders(self._root)
        self._root_seen = True
        with suppress(FileExistsError):
            os.mkdir(self._incoming, 0o700)
        if not self._swept:
            self._swept = True
            self._sweep()
        parent = self._root
        for part in folder.split("/") if folder else ():
            path = f"{parent}/{part}"
            with suppress(FileExistsError):
                os.mkdir(path, 0o700)
            # Also where the folder exists: whoever made it may not have lived to make it durable.
            sync_folder(parent)
            parent = path
        if len(self._known_folders) >= _KNOWN_FOLDERS_LIMIT:
            self._known_folders.clear()
        self._known_folders.add(folder)

    def _sweep(self) -> None:
        """Remove temporary files that crashed writers left behind more than a day ago."""
        oldest_s = self.now() - LEFTOVER_AGE_S
        with os.scandir(self._incoming) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest_s:
                        os.unlink(entry.path)

    def _walk(self, folder: str, stem: str) -> Iterator[ObjectInfo]:
        """Yield what lies in `folder` (relative; empty or ending in a slash) and begins with `stem`."""
        try:
            names = self._folder_names(folder, stem)
        except (FileNotFoundError, NotADirectoryError):
            self._absent(folder)
            return
        except OSError as error:
            raise store_error(error, f"{self._root}/{folder}") from error
        for name in names:
            if name.endswith("/"):
                yield from self._walk(folder + name, "")
                continue
            try:
                status = os.stat(f"{self._root}/{folder}{name}", follow_symlinks=False)
            except FileNotFoundError:
                continue  # Deleted since the folder was read.
            except OSError as error:
                raise store_error(error, f"{self._root}/{folder}{name}") from error
            yield ObjectInfo(folder + name, status.st_size, status.st_mtime)

    def _folder_names(self, folder: str, stem: str) -> Sequence[str]:
        """Return the names of objects and of folders (with a slash: so they sort in whole names), ascending."""
        names = []
        with os.scandir(f"{self._root}/{folder}") as entries:
            for entry in entries:
                if not entry.name.startswith(stem) or not is_part(entry.name):
                    continue
                if entry.is_file(follow_symlinks=False):
                    names.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    names.append(entry.name + "/")
        names.sort()
        return names

    def _read_error(self, error: OSError, name: str) -> BackupdError:
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            return self._absent(name)
        return store_error(error, f"{self._root}/{name}")

    def _absent(self, name: str) -> ObjectNotFound:
        """Return the error for an absent object, unless it is the store itself that is absent."""
        if not os.path.isdir(self._root):
            raise self._root_missing()
        return ObjectNotFound(f"There is no object {name}.")

    def _write_error(self, error: OSError, target: str) -> BackupdError:
        if isinstance(error, NotADirectoryError | IsADirectoryError | FileExistsError):
            raise ValueError(f"{target} would be an object and a folder at once") from error
        if isinstance(error, FileNotFoundError):
            self._known_folders.clear()  # Somebody removed a folder; the next write makes it again.
        return store_error(error, target)

    def _root_missing(self) -> StoreUnavailable:
        return StoreUnavailable(f"The folder {self._root} does not exist.", hint="Is its disk mounted?")


def _read_exactly(descriptor: int, offset: int, length: int) -> bytes | None:
    """Return `length` bytes from `offset` of an open file, None if it ends before that."""
    data = os.pread(descriptor, length, offset)
    if not length:
        return data if offset <= os.fstat(descriptor).st_size else None
    if len(data) == length:
        return data
    parts, missing = [data], length - len(data)
    while missing and parts[-1]:
        parts.append(os.pread(descriptor, missing, offset + length - missing))
        missing -= len(parts[-1])
    return None if missing else b"".join(parts)


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _exists(name: str) -> ObjectExists:
    return ObjectExists(f"There is already an object {name}.")
