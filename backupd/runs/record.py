"""The row of a run that is not a backup: written at the start, ended whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backupd.catalog import runs
from backupd.catalog.database import Catalog
from backupd.domain.runs import RunKind, RunState
from backupd.errors import BackupdError
from backupd.runs.surroundings import Surroundings


class Record:
    """What is to be written into the row at the end; the run fills it in."""

    def __init__(self) -> None:
        self.outcome = runs.Outcome(RunState.COMPLETED)


@contextmanager
def recorded(
    catalog: Catalog, kind: RunKind, run_id: str, organization_id: str, surroundings: Surroundings
) -> Iterator[Record]:
    """Keep the run's row; an exception ends it as failed (Ctrl-C: stopped) and passes on."""
    started_ms = surroundings.now_ms()
    with catalog.writing() as tx:
        runs.start(tx, runs.Run(run_id, kind, organization_id, None, RunState.RUNNING, started_ms))
    record = Record()
    try:
        yield record
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        message = error.message if isinstance(error, BackupdError) else type(error).__name__
        record.outcome = runs.Outcome(RunState.STOPPED if stopped else RunState.FAILED, message=message)
        raise
    finally:
        with catalog.writing() as tx:
            runs.finish(tx, run_id, record.outcome, surroundings.now_ms())
