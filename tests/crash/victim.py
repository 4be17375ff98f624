"""The process that is really killed: it forks once per kill, and the child kills itself with SIGKILL.

Started as `python -m tests.crash.victim`; reads one JSON request a line and answers each with one line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from backupd.vault.stores.faulty import Fault, FaultyStore, Moment
from backupd.vault.stores.local import LocalStore
from backupd.vault.stores.memory import ManualClock
from tests.crash.jobs import JOBS
from tests.vault_model.place import Place


class DeadlyStore(FaultyStore):
    """Kills the whole process where a FaultyStore would raise."""

    def _struck(self, fault: Fault) -> BaseException:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


class DeadlySteps:
    """Kills the process at the n-th stage of the writes to the disk."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._seen = 0

    def __call__(self, stage: str) -> None:
        self._seen += 1
        if self._seen == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def open_place(folder: Path, now_s: float, *, at: int = 0, moment: str = "", seed: int = 2) -> Place:
    """Return the place of a vault on disk; with `at`, one that kills the process there."""
    clock = ManualClock(now_s)
    if moment == "step":
        return Place(
            folder, LocalStore(folder / "store", clock=clock, step=DeadlySteps(at)), seed=seed, clock=clock
        )
    local = LocalStore(folder / "store", clock=clock)
    if not moment:
        return Place(folder, local, seed=seed, clock=clock)
    fault = Fault(at, Moment(moment), BaseException("not reached"))
    return Place(folder, DeadlyStore(local, [fault]), seed=seed, clock=clock)


def run(request: dict[str, Any]) -> None:
    """Do the job of one request; end by the kill, or normally when there are fewer operations."""
    job = next(job for job in JOBS if job.name == request["job"])
    place = open_place(
        Path(request["folder"]),
        request["now_s"],
        at=request["at"],
        moment=request["moment"],
        seed=request["seed"],
    )
    job.act(place.open())
    place.close()


def main() -> None:
    """Answer each request with the child's fate: killed, ended or failed."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            fate = "killed" if os.WTERMSIG(status) == signal.SIGKILL else "crashed"
        else:
            fate = "ended" if os.WEXITSTATUS(status) == 0 else "failed"
        print(fate, flush=True)


if __name__ == "__main__":
    main()
