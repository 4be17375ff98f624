"""Kinds and states of runs, and which state may follow which."""

from __future__ import annotations

import enum


class RunKind(enum.StrEnum):
    """What a run does."""

    BACKUP = "backup"
    RESTORE = "restore"
    EXPORT = "export"
    VERIFY = "verify"
    PRUNE = "prune"


class RunState(enum.StrEnum):
    """Where a run stands.

    `partial`: it ended, and single items were skipped. `stopped`: a person ended it; what was committed stays.
    `interrupted`: its process died; found by the next run of the same stream.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    STOPPED = "stopped"
    AUTH_EXPIRED = "auth-expired"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """True when nothing more will happen in this run."""
        return self is not RunState.RUNNING

    @property
    def succeeded(self) -> bool:
        """True when the run read its stream to the end, single skipped items aside."""
        return self in (RunState.COMPLETED, RunState.PARTIAL)
