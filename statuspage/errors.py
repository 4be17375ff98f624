"""What can go wrong, named by the fact; each message is one sentence that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping


class StatusError(Exception):
    """Root of all errors of the status sites."""


class SettingsError(StatusError):
    """The environment cannot be used; the site does not start."""


class Invalid(StatusError):
    """Input that was refused. ``fields`` maps a field's name to what is wrong with it."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class NotFound(StatusError):
    """What was asked for does not exist."""


class EditConflict(StatusError):
    """Somebody else changed the same incident first; read it again, then repeat the change."""

    def __init__(self, expected: int, current: int) -> None:
        super().__init__(
            f"This was changed by somebody else (you saw revision {expected}, it is now {current}). "
            "Read it again before you repeat your change."
        )
        self.expected, self.current = expected, current


class Forbidden(StatusError):
    """The caller may not do this."""


class Replayed(StatusError):
    """A signed message that was received before; it changed nothing."""


class DatabaseLost(StatusError):
    """The database cannot be read or written at the moment."""


class UnsafeAddress(StatusError):
    """A subscriber's address leads to a network this site does not send to."""
