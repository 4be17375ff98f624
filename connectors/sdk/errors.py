"""Connector errors, named by what the caller must do."""

from __future__ import annotations


class ConnectorError(Exception):
    """Root of the errors a connector may raise. The message is one clear sentence."""


class Retriable(ConnectorError):
    """A passing fault: ask again, not before `after_s` seconds."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class AuthExpired(ConnectorError):
    """The credential is no longer accepted; a person has to sign in again."""


class Permanent(ConnectorError):
    """The source as a whole cannot be read or written; asking again changes nothing."""


class Skippable(ConnectorError):
    """This one item cannot be had; go on with the next. `reason` is a stable code, the message tells people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Integrity(ConnectorError):
    """The source delivered bytes that contradict what it said of them (length, digest)."""
