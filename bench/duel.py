"""One tree, every tool, in turns: first backup, unchanged runs, restore, comparison of the bytes."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.corpora import Corpus, warm
from bench.processes import Usage
from bench.results import Bar, Line
from bench.tools import Tool

Say = Callable[[str], None]
UNCHANGED_RUNS = 2


class NotTheSame(Exception):
    """What a tool gave back is not what it was given."""


class Duel:
    """Runs all tools over one corpus, interleaved, and keeps every value."""

    def __init__(self, section: str, corpus: Corpus, tools: Sequence[Tool], scratch: Path, say: Say) -> None:
        self._section = section
        self._corpus = corpus
        self._tools = tools
        self._scratch = scratch
        self._say = say
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def run(self, rounds: int) -> None:
        """Let each tool do everything once per round; each round begins with another tool."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        warm(self._corpus)
        for number in range(rounds):
            shift = number % len(self._tools)
            for tool in (*self._tools[shift:], *self._tools[:shift]):
                self._say(f"{self._section}: round {number + 1} of {rounds}, {tool.name}")
                self._turn(tool, self._scratch / f"{tool.name}-{number}")
        # Not between the turns: for half a minute after files were deleted, ext4 takes up to ten times as long to
        # make new ones, as it searches past each inode that was freed just now.
        shutil.rmtree(self._scratch, ignore_errors=True)

    def lines(self, bars: dict[str, Bar]) -> list[Line]:
        """Return one line per measure; `bars` by measure."""
        units = {"stored": "MB", "memory": "MB"}
        return [
            Line(
                self._section,
                measure,
                next((u for word, u in units.items() if word in measure), "s"),
                values,
                bars.get(measure),
            )
            for measure, values in self._values.items()
        ]

    def _turn(self, tool: Tool, folder: Path) -> None:
        folder.mkdir(parents=True)
        source = self._corpus.root
        tool.begin(folder)
        first = tool.first(source)
        self._note("first backup", tool, first.wall_s)
        self._note("first backup, CPU", tool, first.cpu_s)
        self._note("stored", tool, tool.stored_bytes() / 1e6)
        unchanged = [tool.unchanged(source) for _ in range(UNCHANGED_RUNS)]
        for usage in unchanged:
            self._note("unchanged run", tool, usage.wall_s)
        restored = self._restore(tool, folder)
        self._note("full restore", tool, restored.wall_s)
        self._note("full restore, CPU", tool, restored.cpu_s)
        self._note("peak memory", tool, max(u.peak_bytes for u in (first, *unchanged, restored)) / 1e6)

    def _restore(self, tool: Tool, folder: Path) -> Usage:
        target = folder / "restored"
        target.mkdir()
        usage, root = tool.restore(self._corpus.root, target)
        compare(self._corpus.root, root)
        return usage

    def _note(self, measure: str, tool: Tool, value: float) -> None:
        self._values[measure][tool.name].append(value)


def compare(expected: Path, found: Path) -> None:
    """Raise NotTheSame unless both trees hold the same files with the same bytes."""
    names = _files(expected)
    others = _files(found)
    if names != others:
        missing, extra = len(names - others), len(others - names)
        example = min(names ^ others)
        raise NotTheSame(f"{missing} files are missing and {extra} are new below {found}, such as {example}")
    _, different, failed = filecmp.cmpfiles(expected, found, names, shallow=False)
    if different or failed:
        raise NotTheSame(
            f"{len(different) + len(failed)} files below {found} differ, such as {(different + failed)[0]}"
        )


def _files(root: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    }
