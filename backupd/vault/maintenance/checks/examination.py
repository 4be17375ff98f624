"""An examination: what the parts of one check share. It never trusts the vault's own index cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar, cast

import apsw
import msgspec

from backupd.errors import Integrity, KeyDenied, NotFound, UnsupportedFormat
from backupd.vault.cache import IndexCache
from backupd.vault.maintenance.reports import CheckReport, Finding, FindingKind, Progress
from backupd.vault.reader import Reader
from backupd.vault.stores.base import ObjectNotFound
from backupd.vault.vault import Vault

BAD = (Integrity, KeyDenied, UnsupportedFormat, NotFound, ObjectNotFound, msgspec.MsgspecError)
"""What one bad object may raise. A store that does not answer is none of them: then the check ends."""

THREADS = 2
IN_FLIGHT = 8
_SCHEMA = """
CREATE TABLE needed(id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE contents(id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE packs(id BLOB PRIMARY KEY, stored INTEGER, described BLOB, size INTEGER, read INTEGER NOT NULL DEFAULT 0)
    WITHOUT ROWID;
CREATE TABLE bad(id BLOB NOT NULL, pack BLOB NOT NULL, PRIMARY KEY(id, pack)) WITHOUT ROWID;
"""

Given = TypeVar("Given")
Answer = TypeVar("Answer")


class Examination:
    """Vault, report and two temporary files: a ledger of what was seen, and an index of where every blob lies."""

    def __init__(self, vault: Vault, report: CheckReport, progress: Progress) -> None:
        self.vault = vault
        self.report = report
        self.progress = progress
        self._folder = vault.spool_dir / f"check-{vault.random(16).hex()}"
        self._folder.mkdir(mode=0o700)
        self.ledger = self._open_ledger(self._folder / "ledger")
        self.index = IndexCache(self._folder / "index", vault.random(32))
        self.reader = Reader(vault.store, vault.keys, vault.names, self.index, _nothing_newer)
        self.pack_faults: dict[bytes, Finding] = {}
        """What is wrong with packs from the outside."""
        self.bad_packs: dict[bytes, Finding] = {}
        """The packs in which blobs were read and found bad (the ledger says which)."""

    def __enter__(self) -> Examination:
        """Return the examination; its files are removed at the end of the block."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close and remove the temporary files."""
        self.ledger.close()
        self.index.close()
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)
        self._folder.rmdir()

    def found(self, kind: FindingKind, name: str, sentence: str) -> Finding:
        """Add a finding to the report and return it."""
        finding = Finding(kind, name, sentence)
        self.report.findings.append(finding)
        return finding

    def attempt(self, name: str, job: Callable[..., Answer], *given: object) -> Answer | None:
        """Return what the job gives for `given`; if the object `name` is bad, add a finding and return None."""
        try:
            return job(*given)
        except BAD as error:
            self.found(FindingKind.DAMAGED, name, sentence_of(error, name))
            return None

    def spread(
        self, job: Callable[[Given], Answer], given: Iterable[Given]
    ) -> Iterator[tuple[Given, Answer]]:
        """Yield (input, answer) in order, worked out by two threads, few at a time. The job handles bad objects."""
        waiting: deque[tuple[Given, Future[Answer]]] = deque()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="check") as pool:
            for each in given:
                waiting.append((each, pool.submit(job, each)))
                if len(waiting) >= IN_FLIGHT:
                    done, future = waiting.popleft()
                    yield done, future.result()
            for done, future in waiting:
                yield done, future.result()

    def count(self, table: str) -> int:
        """Return how many rows a table of the ledger has."""
        return cast(int, self.ledger.execute(f"SELECT count(*) FROM {table}").get)

    def _open_ledger(self, path: Path) -> apsw.Connection:
        db = apsw.Connection(str(path))
        db.pragma("key", "raw:" + self.vault.random(32).hex())
        db.pragma("journal_mode", "off")
        db.pragma("synchronous", "off")
        db.pragma("locking_mode", "exclusive")
        db.pragma("cache_size", -16384)
        db.execute(_SCHEMA)
        return db


def sentence_of(error: BaseException, name: str) -> str:
    """Return one sentence for people about a bad object."""
    if isinstance(error, msgspec.MsgspecError):
        return f"The object {name} holds something else than its kind should."
    return getattr(error, "message", str(error))


def _nothing_newer() -> None:
    """Do nothing: the examination's index holds all there is."""
