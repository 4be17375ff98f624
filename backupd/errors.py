"""Every error a person or a caller may meet, named by what it means and what must be done.

One root, `BackupdError`; each subclass is a fact. `exit_code` is what the command line ends
with when the error reaches it (documented in docs/cli.md). The message is one clear sentence;
`hint` says what to do about it.
"""

from __future__ import annotations


class BackupdError(Exception):
    """Root of all expected errors. A traceback of one never reaches a user."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BackupdError):
    """The request itself is wrong: an unknown name, a bad value, a missing option."""

    exit_code = 2


class NotFound(BackupdError):
    """The named organization, account, snapshot, item or point in time does not exist."""

    exit_code = 3


class Busy(BackupdError):
    """Somebody else holds what is needed (another process writes, a stream is being run)."""

    exit_code = 4


class Integrity(BackupdError):
    """Stored bytes are not what was written: changed, swapped, truncated or missing."""

    exit_code = 5


class RolledBack(Integrity):
    """The vault shows an older or another history than the one that was committed."""


class KeyUnavailable(BackupdError):
    """The key cannot be had right now (file absent, service down). Try again later."""

    exit_code = 6


class KeyDenied(BackupdError):
    """The key is refused or is not the vault's key. Trying again will not help."""

    exit_code = 7


class StoreUnavailable(BackupdError):
    """The store does not answer, or answers with a passing fault. Try again later."""

    exit_code = 8


class StoreFull(BackupdError):
    """The store has no room left. Nothing half-written remains; make room and run again."""

    exit_code = 9


class StoreDenied(BackupdError):
    """The store refuses the operation: read-only, or permissions are missing."""

    exit_code = 10


class UnsupportedFormat(BackupdError):
    """The vault or catalog is of a newer (or unknown) format than this program reads."""

    exit_code = 11


class SourceFailed(BackupdError):
    """The source could not be read as a whole (single bad items never raise this)."""

    exit_code = 12


class Partial(BackupdError):
    """The command did its work, but some items were skipped; they are listed and will be retried."""

    exit_code = 20
