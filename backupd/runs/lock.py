"""One process per stream: an advisory lock that the system drops when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backupd.errors import Busy


@contextmanager
def stream_lock(folder: Path, stream: str, label: str) -> Iterator[None]:
    """Hold the stream's lock; raises `Busy` at once while another process holds it. `label` names it to people."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The file stays: removing it would let a third process lock a new file beside the holder of the old one.
    name = hashlib.blake2b(stream.encode(), digest_size=16).hexdigest()
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"{label} is being backed up by another process.", hint="Wait for it to end, then try again."
            ) from None
        yield
    finally:
        os.close(descriptor)
