"""Reading and writing the small files that hold keys: mode 0600, atomic, durable, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backupd.errors import Busy, KeyDenied, KeyUnavailable
from backupd.vault.stores.durable import Step, make_folders, no_step, publish, sync_folder
from backupd.vault.stores.os_errors import store_error

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP})


def read_key_file(path: Path, what: str) -> bytes:
    """Return the file's bytes; `what` names it in messages.

    Raises KeyUnavailable where it is absent or cannot be read now, KeyDenied where reading is refused.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise KeyUnavailable(
            f"{what} {path} is not there.", hint="Is its disk mounted? Else bring it back."
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _DENIED:
            raise KeyDenied(
                f"{what} {path} may not be read: {reason}.", hint="Check its owner and mode."
            ) from error
        raise KeyUnavailable(f"{what} {path} cannot be read right now: {reason}.") from error


def write_key_file(
    path: Path, data: bytes, *, replace: bool, random: Callable[[int], bytes], step: Step = no_step
) -> None:
    """Make `path` hold `data`. Raises FileExistsError where it exists and is not to be replaced, else store errors."""
    temp = path.with_name(f".{path.name}.{random(8).hex()}~")
    try:
        make_folders(os.path.abspath(path.parent))
        publish(os.path.abspath(path), data, temp=os.path.abspath(temp), replace=replace, step=step)
    except FileExistsError:
        raise
    except OSError as error:
        raise store_error(error, str(path)) from error


def destroy_key_file(path: Path, *, random: Callable[[int], bytes]) -> bytes:
    """Overwrite, fsync and remove the file; return what it held. Raises FileNotFoundError or store errors.

    Best effort: a journal, a copy-on-write file system or a flash disk may keep older blocks.
    """
    try:
        with open(path, "r+b", buffering=0) as file:
            held = file.readall()
            file.seek(0)
            file.write(random(len(held)))
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(os.path.abspath(path.parent))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise store_error(error, str(path)) from error
    return held


def leftovers(path: Path) -> Iterator[Path]:
    """Yield the temporary files that crashed writers of `path` left behind."""
    with suppress(FileNotFoundError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(f".{path.name}.") and entry.name.endswith("~"):
                yield path.parent / entry.name


@contextmanager
def locked(
    path: Path,
    what: str,
    *,
    shared: bool = False,
    timeout_s: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock file `path`, alone or `shared`; raises Busy when others hold it for `timeout_s`.

    The lock is the kernel's (flock): it ends with its process, so nothing stale ever has to be broken.
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        make_folders(os.path.abspath(path.parent))
        descriptor = _lock(path, mode, what, timeout_s, sleep)
    except OSError as error:
        raise store_error(error, str(path)) from error
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, mode: int, what: str, timeout_s: float, sleep: Callable[[float], None]) -> int:
    waited_s, pause_s = 0.0, 0.005
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            if _still_named(descriptor, path):
                return descriptor
        except BlockingIOError:
            if waited_s >= timeout_s:
                os.close(descriptor)
                raise Busy(
                    f"{what} is being changed by somebody else.", hint="Try again in a moment."
                ) from None
            sleep(pause_s)
            waited_s, pause_s = waited_s + pause_s, min(pause_s * 2, 0.1)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _still_named(descriptor: int, path: Path) -> bool:
    """Say whether the locked file is still the one at `path` (its holder before us may have removed it)."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
