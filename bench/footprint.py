"""Peak memory: it must stay small, and must not grow with the mailbox or with one message."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.corpora import Corpus, huge_message, small_items
from bench.duel import Say, compare
from bench.processes import Usage
from bench.results import OURS, Bar, Line
from bench.tools import Backupd

LIMIT_MB = 300.0
TENFOLD_LIMIT = 2.0
"""Ten times the items may fill bounded caches; they may not cost anything near ten times the memory."""
DRIFT_LIMIT = 1.1
"""Once the caches are full memory stays level: the last quarter of a long run against its second."""
LONG_ITEMS = 200_000
"""From so many items on a run is long; in a shorter one the first slice is still growing."""
HUGE_BYTES = 100_000_000
_SECTION = "peak memory"
_STEPS = ("first backup", "unchanged run", "full restore")


def memory(corpora: Path, scratch: Path, items: int, say: Say) -> list[Line]:
    """Measure a mailbox of `items` and one of ten times as many short messages, and two huge messages."""
    few = _usages(small_items(corpora, items), scratch / "few", say)
    many = _usages(small_items(corpora, items * 10), scratch / "many", say)
    lines = []
    for step in _STEPS:
        lines.append(_line(f"{items:,} items, {step}", few[step]))
        lines.append(_line(f"{items * 10:,} items, {step}", many[step]))
        tenfold = {OURS: [many[step].peak_bytes / few[step].peak_bytes]}
        lines.append(Line(_SECTION, f"{step}, ten times the items", "x", tenfold, Bar(TENFOLD_LIMIT)))
        if items * 10 >= LONG_ITEMS and (peaks := many[step].quarter_peaks_bytes):
            drift = {OURS: [peaks[3] / peaks[1]]}
            text = f"{items * 10:,} items, {step}, last quarter over second"
            lines.append(Line(_SECTION, text, "x", drift, Bar(DRIFT_LIMIT)))
    for encoded in (False, True):
        corpus = huge_message(corpora, HUGE_BYTES, encoded=encoded)
        usages = _usages(corpus, scratch / ("encoded" if encoded else "text"), say)
        lines += [_line(f"{corpus.text}, {step}", usages[step]) for step in _STEPS]
    shutil.rmtree(scratch, ignore_errors=True)
    return lines


def _line(measure: str, usage: Usage) -> Line:
    return Line(_SECTION, measure, "MB", {OURS: [usage.peak_bytes / 1e6]}, Bar(LIMIT_MB))


def _usages(corpus: Corpus, folder: Path, say: Say) -> dict[str, Usage]:
    """Return what each step took, after proving that the bytes came back."""
    say(f"{_SECTION}: {corpus.text}")
    tool = Backupd()
    target = folder / "restored"
    target.mkdir(parents=True)
    tool.begin(folder)
    first = tool.first(corpus.root)
    unchanged = tool.unchanged(corpus.root)
    restored, root = tool.restore(corpus.root, target)
    compare(corpus.root, root)
    return dict(zip(_STEPS, (first, unchanged, restored), strict=True))
