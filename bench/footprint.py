"""Peak memory: it must stay small, and must not grow with the mailbox or with one message."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.corpora import Corpus, huge_message, small_items
from bench.duel import Say, compare
from bench.results import OURS, Bar, Line
from bench.tools import Backupd

LIMIT_MB = 300.0
GROWTH_LIMIT = 1.25
HUGE_BYTES = 100_000_000
_STEPS = ("first backup", "unchanged run", "full restore")


def memory(corpora: Path, scratch: Path, items: int, say: Say) -> list[Line]:
    """Measure a mailbox of `items` and one of ten times as many short messages, and two huge messages."""
    section = "peak memory"
    few = _peaks(small_items(corpora, items), scratch, say)
    many = _peaks(small_items(corpora, items * 10), scratch, say)
    lines = []
    for step in _STEPS:
        lines.append(_line(section, f"{items:,} items, {step}", few[step]))
        lines.append(_line(section, f"{items * 10:,} items, {step}", many[step]))
        growth = {OURS: [many[step] / few[step]]}
        lines.append(
            Line(section, f"growth from ten times the items, {step}", "x", growth, Bar(GROWTH_LIMIT))
        )
    for encoded in (False, True):
        corpus = huge_message(corpora, HUGE_BYTES, encoded=encoded)
        peaks = _peaks(corpus, scratch, say)
        lines += [_line(section, f"{corpus.text}, {step}", peaks[step]) for step in _STEPS]
    return lines


def _line(section: str, measure: str, peak_mb: float) -> Line:
    return Line(section, measure, "MB", {OURS: [peak_mb]}, Bar(LIMIT_MB))


def _peaks(corpus: Corpus, scratch: Path, say: Say) -> dict[str, float]:
    """Return the peak of each step in MB, after proving that the bytes came back."""
    say(f"peak memory: {corpus.text}")
    tool = Backupd()
    folder = scratch / "footprint"
    target = folder / "restored"
    target.mkdir(parents=True)
    try:
        tool.begin(folder)
        first = tool.first(corpus.root)
        unchanged = tool.unchanged(corpus.root)
        restored, root = tool.restore(corpus.root, target)
        compare(corpus.root, root)
        return {
            step: usage.peak_bytes / 1e6
            for step, usage in zip(_STEPS, (first, unchanged, restored), strict=True)
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
