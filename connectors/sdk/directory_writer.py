"""Writing files strictly below one directory, whatever is planted in it.

Every component of a path is opened relative to the one above it and never through a link, so a symbolic link inside
the target cannot lead a write out of it. A file appears under its name only when it is whole: it is written
without a name (or under a temporary one where the file system knows no nameless files) and then linked.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TypeVar

from connectors.sdk.errors import ConnectorError, Permanent, Skippable
from connectors.sdk.records import OnConflict, Restored, RestoreOutcome
from connectors.sdk.safe_paths import with_suffix

SAFE_MODE = 0o777
"""Permission bits that are given back; never set-user-id, set-group-id or sticky."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMELESS_FLAGS = os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC
_MAX_OPEN_FOLDERS = 64
_MAX_COPIES = 10_000
_COMPARE_BYTES = 1024 * 1024
_MAX_TIME_NS = 2**63 - 1
_WHOLE_TARGET = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO))

Result = TypeVar("Result")


def copy_name(name: str, number: int) -> str:
    """Return the name of the `number`-th copy beside an existing file: `x (restored).eml`, `x (restored 2).eml`."""
    return with_suffix(name, " (restored)" if number == 1 else f" (restored {number})")


class DirectoryWriter:
    """Creates files and folders below `root`, which is made if it is missing. One thread at a time.

    Paths are sequences of names as `connectors.sdk.safe_paths` returns them; a part that is not one plain name is
    refused. Faults of one path are raised as `Skippable`, those of the whole target (disk full, read-only,
    permission) as `Permanent`; what the chunks raise passes through. None of them leaves half a file.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.fspath(root)
        try:
            os.makedirs(self._root, exist_ok=True)
            self._root_fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            raise Permanent(f"The target {self._root!r} cannot be used as a folder: {exc.strerror}.") from exc
        self._fds: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._made: set[tuple[str, ...]] = set()
        self._wanted: dict[tuple[str, ...], tuple[int | None, int | None]] = {}
        self._nameless = True

    def __enter__(self) -> DirectoryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

    def write(
        self,
        parts: Sequence[str],
        chunks: Iterable[bytes],
        mtime_ns: int | None = None,
        mode: int | None = None,
        on_conflict: OnConflict = OnConflict.SKIP,
        *,
        copy_name: Callable[[str, int], str] = copy_name,
    ) -> Restored:
        """Write one file and return what became of it and where it lies.

        A file with the same bytes that stands there already (or as one of the copies) is left:
        `ALREADY_RESTORED`. Another one is left (`SKIP`), written beside (`COPY`) or, whole and synced to
        disk, put in its place (`REPLACE`). `mtime_ns` None: now; `mode` None: 0o666 less the umask.
        """
        path = _checked(parts)

        def attempt() -> Restored:
            fd = self._folder(path[:-1])
            if on_conflict is OnConflict.SKIP and self._exists(fd, path[-1]):
                is_same = self._holds(fd, path[-1], chunks)
                outcome = RestoreOutcome.ALREADY_RESTORED if is_same else RestoreOutcome.SKIPPED_EXISTING
                return Restored(outcome, "/".join(path))
            return self._write_new(fd, path, chunks, mtime_ns, mode, on_conflict, copy_name)

        return self._guarded(path, attempt)

    def make_folder(
        self, parts: Sequence[str], mode: int | None = None, mtime_ns: int | None = None
    ) -> Restored:
        """Make a folder and those above it. `mode` and time of one that this writer made are set by `finish`."""
        path = _checked(parts)

        def attempt() -> Restored:
            self._folder(path)
            if path not in self._made:
                return Restored(RestoreOutcome.ALREADY_RESTORED, "/".join(path))
            self._made.discard(path)
            self._wanted[path] = (mode, mtime_ns)
            return Restored(RestoreOutcome.WRITTEN, "/".join(path))

        return self._guarded(path, attempt)

    def open_for_update(self, parts: Sequence[str], mode: int = 0o600) -> int:
        """Open a regular file for reading and writing, made empty if it is missing; the caller closes."""
        path = _checked(parts)

        def attempt() -> int:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(path[-1], flags, mode & SAFE_MODE, dir_fd=self._folder(path[:-1]))
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise OSError(errno.EINVAL, "is not a regular file")
            return fd

        return self._guarded(path, attempt)

    def names(self, parts: Sequence[str]) -> list[str]:
        """Return the names in a folder; none if there is no such folder."""
        path = _checked(parts, allow_root=True)

        def attempt() -> list[str]:
            try:
                return os.listdir(self._folder(path, create=False))
            except FileNotFoundError:
                return []

        return self._guarded(path, attempt)

    def finish(self) -> None:
        """Give the folders made by this writer their modes and times, the deepest first."""
        for path in sorted(self._wanted, key=len, reverse=True):
            self._guarded(path, partial(self._settle, path, *self._wanted[path]))
        self._wanted.clear()

    def close(self) -> None:
        """Give back all descriptors."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()
        fd, self._root_fd = self._root_fd, -1
        if fd >= 0:
            os.close(fd)

    def _settle(self, path: tuple[str, ...], mode: int | None, mtime_ns: int | None) -> None:
        fd = self._folder(path)
        if mode is not None:
            os.fchmod(fd, mode & SAFE_MODE)
        if mtime_ns is not None:
            set_time(fd, mtime_ns)

    def _guarded(self, path: tuple[str, ...], attempt: Callable[[], Result]) -> Result:
        """Run `attempt`, naming what a failed system call means for the caller."""
        try:
            return attempt()
        except ConnectorError:
            raise
        except OSError as exc:
            place = "/".join(path)
            if exc.errno in _WHOLE_TARGET:
                raise Permanent(f"{place!r} cannot be written below {self._root!r}: {exc.strerror}.") from exc
            if exc.errno in (errno.ELOOP, errno.ENOTDIR):
                message = (
                    f"{place!r} was not written: a link stands there, or a file where a folder is needed."
                )
                raise Skippable("target-in-the-way", message) from exc
            raise Skippable("not-writable", f"{place!r} was not written: {exc.strerror}.") from exc

    def _folder(self, path: tuple[str, ...], *, create: bool = True) -> int:
        """Return the (kept) descriptor of a folder, made with those above it if missing."""
        fds = self._fds
        fd = fds.get(path)
        if fd is not None:
            fds.move_to_end(path)
            return fd
        depth = len(path) - 1
        while depth > 0 and path[:depth] not in fds:
            depth -= 1
        fd = fds[path[:depth]] if depth > 0 else self._root_fd
        for at in range(max(depth, 0), len(path)):
            fd = self._step(fd, path[: at + 1], create)
            fds[path[: at + 1]] = fd
            if len(fds) > _MAX_OPEN_FOLDERS:
                os.close(fds.popitem(last=False)[1])
        return fd

    def _step(self, above: int, path: tuple[str, ...], create: bool) -> int:
        try:
            return os.open(path[-1], _FOLDER_FLAGS, dir_fd=above)
        except FileNotFoundError:
            if not create:
                raise
        try:
            os.mkdir(path[-1], dir_fd=above)
            self._made.add(path)
        except FileExistsError:
            pass
        return os.open(path[-1], _FOLDER_FLAGS, dir_fd=above)

    def _exists(self, folder: int, name: str) -> bool:
        try:
            os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _write_new(
        self,
        folder: int,
        path: tuple[str, ...],
        chunks: Iterable[bytes],
        mtime_ns: int | None,
        mode: int | None,
        on_conflict: OnConflict,
        name_of_copy: Callable[[str, int], str],
    ) -> Restored:
        fd, temporary = self._new_file(folder)
        try:
            for chunk in chunks:
                _write_all(fd, chunk)
            if mode is not None:
                os.fchmod(fd, mode & SAFE_MODE)
            if mtime_ns is not None:
                set_time(fd, mtime_ns)
            name, number = path[-1], 0
            while not self._link(fd, temporary, folder, name):
                if self._is_same(fd, folder, name):
                    return Restored(RestoreOutcome.ALREADY_RESTORED, "/".join((*path[:-1], name)))
                if on_conflict is OnConflict.REPLACE:
                    temporary = self._replace(fd, temporary, folder, name)
                    break
                number += 1
                if on_conflict is OnConflict.SKIP or number > _MAX_COPIES:
                    return Restored(RestoreOutcome.SKIPPED_EXISTING, "/".join(path))
                name = name_of_copy(path[-1], number)
            return Restored(RestoreOutcome.WRITTEN, "/".join((*path[:-1], name)))
        finally:
            os.close(fd)
            if temporary:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)

    def _new_file(self, folder: int) -> tuple[int, str]:
        """Return a new file's descriptor and its temporary name, empty if it has none. Readable by its owner only."""
        if self._nameless:
            try:
                return os.open(".", _NAMELESS_FLAGS, 0o600, dir_fd=folder), ""
            except OSError as exc:
                if exc.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                    raise
                self._nameless = False
        temporary = _temporary_name()
        return os.open(temporary, _NEW_FLAGS, 0o600, dir_fd=folder), temporary

    def _link(self, fd: int, temporary: str, folder: int, name: str) -> bool:
        """Give the written file its name; False if the name is taken."""
        try:
            if temporary:
                os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            else:
                os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=folder, follow_symlinks=True)
        except FileExistsError:
            return False
        except OSError as exc:
            if exc.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK) or not temporary:
                raise
            # A file system without links: the name is looked at first, then taken by a rename.
            if self._exists(folder, name):
                return False
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return True

    def _replace(self, fd: int, temporary: str, folder: int, name: str) -> str:
        """Put the written file in the place of another, which is lost only when the new one is on disk."""
        os.fsync(fd)
        if not temporary:
            temporary = _temporary_name()
            os.link(f"/proc/self/fd/{fd}", temporary, dst_dir_fd=folder, follow_symlinks=True)
        try:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
        os.fsync(folder)
        return ""

    def _is_same(self, fd: int, folder: int, name: str) -> bool:
        size = os.fstat(fd).st_size
        pieces = (os.pread(fd, _COMPARE_BYTES, at) for at in range(0, size, _COMPARE_BYTES))
        return self._holds(folder, name, pieces, size)

    def _holds(self, folder: int, name: str, chunks: Iterable[bytes], size: int | None = None) -> bool:
        """Tell whether a regular file of that name holds exactly these bytes."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(name, flags, dir_fd=folder)
        except OSError:
            return False
        try:
            now = os.fstat(fd)
            if not stat.S_ISREG(now.st_mode) or size not in (None, now.st_size):
                return False
            at = 0
            for chunk in chunks:
                if os.pread(fd, len(chunk), at) != chunk:
                    return False
                at += len(chunk)
            return at == now.st_size
        finally:
            os.close(fd)


def _checked(parts: Sequence[str], *, allow_root: bool = False) -> tuple[str, ...]:
    path = tuple(parts)
    if not path and not allow_root:
        raise Skippable("unsafe-name", "An item without a name was not written.")
    for name in path:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise Skippable(
                "unsafe-name", f"{'/'.join(path)!r} was not written: {name!r} is not a file name."
            )
    return path


def _temporary_name() -> str:
    return f".backupd-{secrets.token_hex(8)}.tmp"


def _write_all(fd: int, chunk: bytes) -> None:
    written = os.write(fd, chunk)
    while written < len(chunk):
        written += os.write(fd, memoryview(chunk)[written:])


def set_time(fd: int, mtime_ns: int) -> None:
    """Set an open file's times to `mtime_ns` (Unix nanoseconds), as far as its file system knows such a time."""
    mtime_ns = max(-_MAX_TIME_NS, min(mtime_ns, _MAX_TIME_NS))
    with suppress(OSError, OverflowError):  # not a reason to lose the file
        os.utime(fd, ns=(mtime_ns, mtime_ns))
