"""What an export writes to: a folder or a ZIP file.

Duties of a target: nothing appears under its final name before it is whole; no path leaves the target, whatever it
says (`..`, absolute, through a symbolic link); a full disk is `StoreFull` and leaves no half-written file behind.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from backupd.errors import BackupdError, StoreDenied, StoreFull, StoreUnavailable


class Place(NamedTuple):
    """Where one file or folder goes: the names of a relative path, undecodable bytes as surrogates.

    `mtime_ns` is the time of last change in Unix nanoseconds, `mode` the permission bits (None: the target's default).
    """

    parts: tuple[str, ...]
    mtime_ns: int
    mode: int | None = None


class ExportTarget(Protocol):
    """A folder or ZIP file being written by one thread; ended by `finish` or `abandon`.

    `takes_back`: an error from the pieces of a file leaves nothing of it; else only verified pieces may be written.
    """

    takes_back: bool

    def write(self, place: Place, pieces: Iterable[bytes]) -> None:
        """Write one file. An error from `pieces` passes through; `Skippable` if only this file cannot be written."""

    def folder(self, place: Place) -> None:
        """Make a folder, with its time and mode as they are to be at the end."""

    def finish(self) -> None:
        """Make everything final."""

    def abandon(self) -> None:
        """Give up: remove what is not final yet."""


def target_error(error: Exception, place: str) -> BackupdError:
    """Return what an operating system's refusal to write, or an error caused by one, means for who exports."""
    cause = error if isinstance(error, OSError) else error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    reason = (cause.strerror if isinstance(cause, OSError) else None) or str(error)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"There is no room left for {place}.", hint="Make room and run the export again.")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreDenied(f"{place} cannot be written: {reason}.", hint="Check its permissions.")
    return StoreUnavailable(f"{place} cannot be written: {reason}.")
