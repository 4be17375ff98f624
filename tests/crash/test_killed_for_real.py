"""kill -9 of a real process over a vault on disk: at every store operation, and at every stage of every write."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backupd.vault.stores.faulty import FaultyStore
from backupd.vault.stores.local import LocalStore
from backupd.vault.stores.memory import ManualClock
from tests.crash.jobs import JOBS, Job
from tests.crash.survivors import assert_survived
from tests.crash.victim import open_place
from tests.vault_model.place import Place
from tests.vault_model.reference import assert_between
from tests.vault_model.reporting import Counts

NOW_S = 1_700_000_000.0
QUICK = {"slice with indexes", "expire, compact, condemn", "rescue, sweep"}


class Victim:
    """The process whose children are killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.victim"],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fate(self, **request: Any) -> str:
        """Let a child do a job; return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    made = Victim()
    yield made
    made.close()


@pytest.mark.parametrize("moment", ["before", "torn", "after", "step"])
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name.replace(",", "").replace(" ", "-"))
def test_nothing_is_lost(
    tmp_path: Path, victim: Victim, job: Job, moment: str, counts: Counts, soak: bool
) -> None:
    stride = 1 if soak else 5 if job.name in QUICK and moment == "step" else 11
    template = tmp_path / "template"
    (template / "spool").mkdir(parents=True)
    place = open_place(template, NOW_S, seed=1)
    before = job.prepare(place)
    place.close()
    now_s = place.clock()
    for at in range(1, moments_of(tmp_path / "counted", template, job, moment, now_s) + 1, stride):
        folder = tmp_path / "case"
        shutil.copytree(template, folder)
        fate = victim.fate(
            job=job.name, folder=str(folder), now_s=now_s, at=at, moment=moment, seed=1000 + at
        )
        assert fate in ("killed", "ended")  # A listing that nobody reads to its end has no middle and no end.
        survivor = open_place(folder, now_s, seed=100_000 + at)
        assert_between(survivor.open(), before, job.after(before))
        if soak or at % (stride * 4) == 1:
            assert_survived(survivor, job, before)
        survivor.close()
        shutil.rmtree(folder)
        counts.add(f"{job.name}: kill -9 {moment} (an operation, or a stage of writing): {fate}")


def moments_of(folder: Path, template: Path, job: Job, moment: str, now_s: float) -> int:
    """Do the job once, unkilled; return how many store operations it took, or stages of writing."""
    stages: list[str] = []
    shutil.copytree(template, folder)
    clock = ManualClock(now_s)
    store = FaultyStore(LocalStore(folder / "store", clock=clock, step=stages.append))
    place = Place(folder, store, seed=3, clock=clock)
    job.act(place.open())
    place.close()
    return len(stages) if moment == "step" else len(store.log)
