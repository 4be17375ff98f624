"""Progress on a terminal: a bar on standard error with items, bytes, rate and time left. Elsewhere: silence."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from backupd.cli.terminal import clean, fit
from backupd.cli.wording import size
from backupd.runs.surroundings import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_FOLDER_COLUMNS = 28


class Display:
    """Shows progress while it is open. `update` may be called from the run at any time."""

    def __init__(self, title: str, *, shown: bool, total_bytes: int | None = None) -> None:
        self._title = title
        self._shown = shown
        self._total = total_bytes
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._done_items = 0
        self._done_bytes = 0

    def __enter__(self) -> Display:
        if self._shown:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(clean(self._title), total=self._total, items="", place="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show where the current part stands; parts that ended before it are added."""
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                completed=self._done_bytes + progress.bytes,
                items=f"{self._done_items + progress.items:,} items",
                place=fit(clean(progress.folder), _FOLDER_COLUMNS),
            )

    def expect(self, total_bytes: int) -> None:
        """Learn the total, in bytes, from which the time left is told."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total_bytes)

    def begin_part(self, title: str) -> None:
        """Show what is worked on now."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=clean(title))

    def end_part(self, items: int, size_bytes: int) -> None:
        """Add a finished part's numbers; the next part's progress begins at nothing again."""
        self._done_items += items
        self._done_bytes += size_bytes


def wanted(as_json: bool) -> bool:
    """Say whether there is a terminal to show progress on."""
    return not as_json and sys.stderr.isatty()


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Rate(ProgressColumn):
        """Bytes done, of how many, and how many a second."""

        def render(self, task: Task) -> Text:
            done = size(task.completed)
            of = f" of {size(task.total)}" if task.total else ""
            return Text(f"{done}{of}  {size(task.finished_speed or task.speed or 0)}/s")

    class Plain(TextColumn):
        """Text of strangers: no markup of theirs is obeyed."""

        def render(self, task: Task) -> Text:
            return Text(self.text_format.format(task=task))

    return Bar(
        Plain("{task.description}"),
        BarColumn(bar_width=24),
        Plain("{task.fields[items]}"),
        Rate(),
        TimeRemainingColumn(compact=True),
        Plain("{task.fields[place]}"),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=8,
    )
