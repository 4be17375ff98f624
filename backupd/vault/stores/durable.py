"""Making files appear whole and durable: temporary file, fsync, one naming step, fsync of the folder.

A crash at any moment leaves either no file of the wanted name (and perhaps a leftover temporary file)
or the complete one. All functions raise OSError; callers translate. `step` is told the name of every
stage just after it was reached, so that tests can stop a process between any two of them.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

Step = Callable[[str], None]

COPY_BYTES = 1 << 20
_KERNEL_COPY_BYTES = 1 << 30
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


def no_step(_stage: str) -> None:
    """Do nothing: the `step` of every process that is not being tested."""


def publish(
    target: str,
    data: bytes | BinaryIO,
    *,
    temp: str,
    replace: bool,
    step: Step = no_step,
    modified_s: float | None = None,
) -> None:
    """Make `target` hold `data`, durably, mode 0600; `temp` must be on the same file system and not exist.

    Without `replace` the naming step is a hard link, which fails with FileExistsError if `target` exists
    already. `modified_s` overrides the file's time. Nothing is left behind when an exception is raised.
    """
    _write_temp(temp, data, step, modified_s)
    try:
        step("synced")
        if replace:
            os.replace(temp, target)
            step("named")
        else:
            os.link(temp, target)
            step("named")
            with suppress(OSError):  # The object is complete; a leftover is swept later.
                os.unlink(temp)
    except BaseException:
        _remove(temp)
        raise
    step("released")
    sync_folder(os.path.dirname(target))
    step("durable")


def sync_folder(folder: str) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: str) -> None:
    """Make `folder` and its missing parents, mode 0700, each durable before the next is made."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        make_folders(parent)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    sync_folder(parent)


def _write_temp(temp: str, data: bytes | BinaryIO, step: Step, modified_s: float | None) -> None:
    descriptor = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            step("opened")
            _fill(descriptor, data)
            if modified_s is not None:
                os.utime(descriptor, (modified_s, modified_s))
            step("written")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        _remove(temp)
        raise


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _fill(descriptor: int, data: bytes | BinaryIO) -> None:
    if isinstance(data, bytes | bytearray | memoryview):
        _write_all(descriptor, data)
        return
    _copy_in_kernel(descriptor, data)
    while chunk := data.read(COPY_BYTES):
        _write_all(descriptor, chunk)


def _copy_in_kernel(descriptor: int, data: BinaryIO) -> None:
    """Let the kernel copy a real file (shared extents cost nothing); the caller copies what is left."""
    if type(data) not in (io.FileIO, io.BufferedReader, io.BufferedRandom):
        return  # A wrapper's descriptor may hold other bytes than the wrapper yields.
    source = data.fileno()
    if not stat.S_ISREG(os.fstat(source).st_mode):
        return
    position = data.tell()
    try:
        while copied := os.copy_file_range(source, descriptor, _KERNEL_COPY_BYTES, position):
            position += copied
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    data.seek(position)


def _write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        # In steps: one write of a whole pack was seen to take several times as long.
        rest = rest[os.write(descriptor, rest[:COPY_BYTES]) :]
