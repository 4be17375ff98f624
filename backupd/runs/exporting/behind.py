"""Writing behind: one thread writes files while the other reads and checks the next items.

System calls and compression release the interpreter's lock, so on two cores an export takes little more than the
longer of the two halves.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

WAITING_LIMIT_BYTES = 32 << 20
WAITING_LIMIT = 256


class WriteBehind:
    """Runs pieces of work in order in one thread; what waits is bounded in number and bytes."""

    def __init__(self) -> None:
        self._work: deque[tuple[Callable[[], None], int]] = deque()
        self._changed = threading.Condition()
        self._waiting_bytes = 0
        self._ending = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="export-writer", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], None], size_bytes: int = 0) -> None:
        """Have `work` done after all before it; waits while too much is waiting. Raises what earlier work raised."""
        with self._changed:
            while self._error is None and self._is_full():
                self._changed.wait()
            if self._error is not None:
                raise self._error
            self._work.append((work, size_bytes))
            self._waiting_bytes += size_bytes
            self._changed.notify()

    def finish(self) -> None:
        """Wait until everything is done; raises what the work raised."""
        self._end()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Drop what waits, and end after the piece that is being done."""
        with self._changed:
            self._work.clear()
        self._end()

    def _is_full(self) -> bool:
        return len(self._work) >= WAITING_LIMIT or (
            self._waiting_bytes >= WAITING_LIMIT_BYTES and bool(self._work)
        )

    def _end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._work and not self._ending:
                    self._changed.wait()
                if not self._work:
                    return
                work, size_bytes = self._work.popleft()
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits for this one
                with self._changed:
                    self._error = error
                    self._work.clear()
                    self._changed.notify()
                return
            with self._changed:
                self._waiting_bytes -= size_bytes
                self._changed.notify()
