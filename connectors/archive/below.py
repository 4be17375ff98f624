"""Opening what lies below the import folder, whatever is planted there meanwhile.

Paths are relative to an open directory. Links are never followed: a plain open by path refuses a link only as
its last part, so callers compare device and inode with what the listing saw, and on a difference ask for the
`stepwise` open, which refuses links in every part. It also serves paths longer than the system takes at once.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_MAX_PATH_CHARS = 1_000  # at most 4 bytes a character: below PATH_MAX


def open_below(root_fd: int, path: str, flags: int, *, stepwise: bool = False) -> int:
    """Open `path` ("" : the root itself) below `root_fd` and return the descriptor; raises `OSError`."""
    if not stepwise and len(path) <= _MAX_PATH_CHARS:
        return os.open(path or ".", flags, dir_fd=root_fd)
    *folders, last = path.split("/") if stepwise else _stretches(path)
    at = os.dup(root_fd)
    try:
        for folder in folders:
            below = os.open(folder, FOLDER_FLAGS, dir_fd=at)
            os.close(at)
            at = below
        return os.open(last or ".", flags, dir_fd=at)
    finally:
        os.close(at)


def _stretches(path: str) -> list[str]:
    """Split a path into pieces that are short enough to be opened one below the other."""
    stretches = [""]
    for part in path.split("/"):
        if stretches[-1] and len(stretches[-1]) + len(part) >= _MAX_PATH_CHARS:
            stretches.append(part)
        else:
            stretches[-1] = f"{stretches[-1]}/{part}" if stretches[-1] else part
    return stretches


def open_regular(root_fd: int, path: str, inode: int) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; `inode` is what the listing saw there.

    Another inode is fine (programs save by replacing), but then no part of the path may be a link. Raises
    `OSError`; `ELOOP` stands for a link, `EINVAL` for anything else that is not a regular file.
    """
    fd = open_below(root_fd, path, FILE_FLAGS)
    try:
        now = os.fstat(fd)
        if now.st_ino != inode:
            os.close(fd)
            fd = -1
            fd = open_below(root_fd, path, FILE_FLAGS, stepwise=True)
            now = os.fstat(fd)
        if not stat.S_ISREG(now.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
    except BaseException:
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
        raise
    return fd, now


def reason(error: OSError) -> tuple[str, str]:
    """Return the stable reason code of a failed read, and the end of a sentence that tells people."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission-denied", "may not be read by this user"
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
        return "vanished", "was gone when it was to be read"
    if error.errno == errno.ELOOP:
        return "symlink", "is a symbolic link, which is never followed"
    if error.errno in (errno.EINVAL, errno.ENXIO):
        return "not-a-regular-file", "is not a regular file"
    return "unreadable", f"cannot be read ({error.strerror or error})"
