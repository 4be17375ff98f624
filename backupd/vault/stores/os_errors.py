"""Operating system errors, translated into what the caller must do about them."""

from __future__ import annotations

import errno

from backupd.errors import BackupdError, StoreDenied, StoreFull, StoreUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EFBIG})


def store_error(error: OSError, place: str) -> BackupdError:
    """Return the store error that `error`, met while working on `place`, stands for."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return StoreFull(f"No room left to write {place}.", hint="Make room, then run again.")
    if error.errno in _DENIED:
        return StoreDenied(f"Access to {place} is refused: {reason}.", hint="Check mount, owner and mode.")
    return StoreUnavailable(f"{place} cannot be used right now: {reason}.", hint="Check the disk.")
