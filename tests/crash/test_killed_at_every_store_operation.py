"""A process that dies before, in the middle of, or after any of its store operations loses nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backupd.vault.stores.faulty import Crash, FaultyStore, Moment
from backupd.vault.stores.memory import MemoryStore
from tests.crash.jobs import JOBS, Job
from tests.crash.survivors import assert_survived
from tests.vault_model.place import Place
from tests.vault_model.reference import assert_between
from tests.vault_model.reporting import Counts
from tests.vault_model.stores import copied

WRITES = ("create", "put", "delete")


@pytest.mark.parametrize("moment", list(Moment), ids=lambda moment: moment.value)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name.replace(",", "").replace(" ", "-"))
def test_nothing_is_lost(place: Place, job: Job, moment: Moment, counts: Counts, soak: bool) -> None:
    before = job.prepare(place)
    assert isinstance(place.store, MemoryStore)
    template, started_s = place.store, place.clock.now_s
    cache = place.cache_path()
    kept_cache = cache.with_name("template")
    shutil.copy(cache, kept_cache)
    recorded = FaultyStore(copied(template, place.clock))
    job.act(place.open(recorded))
    place.close()
    verified: set[int] = set()
    writes = 0
    for operation in recorded.log:
        writes += operation.method in WRITES
        if moment is Moment.TORN and operation.method not in ("create", "put", "list"):
            continue
        place.store = copied(template, place.clock)
        place.clock.now_s = started_s
        place.forget_cache()
        shutil.copy(kept_cache, cache)
        killed = f"{job.name}: kills {moment.value} an operation"
        try:
            job.act(place.open(FaultyStore.crashing(place.store, operation.number, moment)))
            killed = f"{job.name}: ended before it was killed"  # Random names may save it a few operations.
        except Crash:
            pass
        place.close()
        assert_between(place.open(), before, job.after(before))
        if soak or writes not in verified:
            # The store looks alike after every kill between the same two writes; once at length is enough.
            assert_survived(place, job, before)
            verified.add(writes)
        place.close()
        counts.add(killed)
    assert counts[f"{job.name}: ended before it was killed"] < len(recorded.log) / 10
    assert leftovers(place.spool_dir) == []


def leftovers(folder: Path) -> list[str]:
    """Return what is left in the spool folder (all of it was open files without a name)."""
    return [path.name for path in folder.iterdir()]
