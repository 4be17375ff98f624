"""Writing an export into one ZIP file, streaming."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from backupd.errors import UsageError
from backupd.runs.exporting.target import Place, target_error

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LATEST = (2107, 12, 31, 23, 59, 58)
_FAST = 1
_UNIX = 3
_FOLDER_FLAG = 0x10


class ZipTarget:
    """One ZIP file (ZIP64 where needed), whose bytes depend on what is exported and on nothing else.

    Names are UTF-8. Times are UTC; ZIP holds them to two seconds, from 1980 on. The file has another name until it is
    whole. An item that fails while it is written cannot be taken back out of a stream.
    """

    takes_back = False

    def __init__(self, path: Path, *, force: bool = False) -> None:
        """Begin the file; `force` allows an existing one to be replaced at the end.

        Raises `UsageError`, `StoreDenied`, `StoreFull`.
        """
        self._path = path
        self._partial = path.with_name(path.name + ".partial~")
        if not force and os.path.lexists(path):
            raise UsageError(
                f"{path} exists already.", hint="Name another file, or add --force to replace it."
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self._partial.open("wb")  # closed by finish or abandon
        except OSError as error:
            raise target_error(error, str(path)) from error
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST)

    def write(self, place: Place, pieces: Iterable[bytes]) -> None:
        """Add one file."""
        remaining = iter(pieces)
        first = next(remaining, b"")  # before the entry begins: verified pieces fail here or not at all
        entry = self._entry(place, 0o100000 | (place.mode if place.mode is not None else 0o644) & 0o777)
        entry.compress_type = zipfile.ZIP_DEFLATED
        try:
            with self._zip.open(entry, "w", force_zip64=True) as out:
                out.write(first)
                for piece in remaining:
                    out.write(piece)
        except OSError as error:
            raise target_error(error, str(self._path)) from error

    def folder(self, place: Place) -> None:
        """Add a folder."""
        mode = (place.mode if place.mode is not None else 0o755) & 0o777
        entry = self._entry(place, 0o040000 | mode, "/")
        entry.external_attr |= _FOLDER_FLAG
        try:
            self._zip.writestr(entry, b"")
        except OSError as error:
            raise target_error(error, str(self._path)) from error

    def finish(self) -> None:
        """Write the directory and give the file its name."""
        try:
            self._zip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self._path)
        except OSError as error:
            raise target_error(error, str(self._path)) from error

    def abandon(self) -> None:
        """Remove the unfinished file."""
        self._zip.fp = None  # closing it would write a directory to a disk that may be full
        try:
            self._file.close()
        except OSError:
            pass
        self._partial.unlink(missing_ok=True)

    def _entry(self, place: Place, mode: int, ending: str = "") -> zipfile.ZipInfo:
        name = "/".join(map(_zip_name, place.parts))
        number, free = 1, name + ending
        while free in self._zip.NameToInfo:  # names that differ in what a ZIP file cannot say
            number += 1
            free = f"{name} ({number}){ending}"
        entry = zipfile.ZipInfo(free, _dos_time(place.mtime_ns))
        entry.create_system = _UNIX
        entry.external_attr = mode << 16
        return entry


def _zip_name(name: str) -> str:
    """Return one part of a path as it stands in the file.

    What is not UTF-8 cannot be said there, and a backslash is a separator to some: both are written as %XX.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise UsageError(f"{name!r} is not a file name.")
    if name.isascii() and "\\" not in name:
        return name
    return "".join(
        f"%{ord(char) & 0xFF:02X}" if char == "\\" or 0xDC80 <= ord(char) <= 0xDCFF else char for char in name
    )


def _dos_time(mtime_ns: int) -> tuple[int, int, int, int, int, int]:
    try:
        moment = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return _EARLIEST
    return max(_EARLIEST, min(_LATEST, moment.timetuple()[:6]))
