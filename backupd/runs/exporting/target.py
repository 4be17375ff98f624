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
    """Where one file or folder goes: a relative path, its parts joined by `/`, undecodable bytes as surrogates.

    `mtime_ns` is the time of last change in Unix nanoseconds, `mode` the permission bits (None: the target's default).
    """

    path: str
    mtime_ns: int
    mode: int | None = None


class ExportTarget(Protocol):
    """A folder or ZIP file being written by one thread; ended by `finish` or `abandon`."""

    def write(self, place: Place, pieces: Iterable[bytes]) -> None:
        """Write one file. An error from `pieces` passes through and leaves nothing of the file."""

    def folder(self, place: Place) -> None:
        """Make a folder, with its time and mode as they are to be at the end."""

    def finish(self) -> None:
        """Make everything final."""

    def abandon(self) -> None:
        """Give up: remove what is not final yet."""


def target_error(error: OSError, place: str) -> BackupdError:
    """Return what an operating system's refusal to write means for the person who exports."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"There is no room left for {place}.", hint="Make room and run the export again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreDenied(f"{place} cannot be written: {error.strerror}.", hint="Check its permissions.")
    return StoreUnavailable(f"{place} cannot be written: {error.strerror or error}.")
