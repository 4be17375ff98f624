"""Work done at once instead of on threads, so that the order of store operations is the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class InlineExecutor:
    """Stands in for a ThreadPoolExecutor; does each piece of work when it is submitted."""

    def __init__(self, *_given: Any, **_named: Any) -> None:
        pass

    def submit(self, work: Callable[..., Any], /, *given: Any) -> Future[Any]:
        """Do the work; return its outcome, exceptions of every kind included, as a thread pool does."""
        done: Future[Any] = Future()
        try:
            done.set_result(work(*given))
        except BaseException as error:
            done.set_exception(error)
        return done

    def shutdown(self) -> None:
        """Do nothing: everything is done."""
