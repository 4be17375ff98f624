"""`python -m bench`: measure backupd beside restic and borg; print a table, write `.bench/results.json`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.corpora import Corpus, company_mail, office_folder
from bench.duel import Duel, NotTheSame
from bench.footprint import memory
from bench.opening import opening
from bench.processes import CommandFailed
from bench.report import render
from bench.results import Bar, Results
from bench.startup import startup
from bench.tools import Backupd, Borg, Restic, Tool

RESULTS = Path(__file__).resolve().parents[1] / ".bench" / "results.json"
MAIL_BARS = {
    "first backup": Bar(1.5, "restic", inverse=True),
    "stored": Bar(0.25, "restic"),
    "unchanged run": Bar(1.0, "borg"),
    "full restore": Bar(1.0, "restic"),
    "peak memory": Bar(300.0),
}
OFFICE_BARS = {
    "first backup": Bar(1.0, "restic", inverse=True),
    "stored": Bar(1.0, "restic"),
    "peak memory": Bar(300.0),
}


class Size(NamedTuple):
    """How much is measured."""

    messages: int
    rounds: int
    small_items: int
    samples: int


FULL = Size(12_000, 3, 30_000, 400)
QUICK = Size(1_200, 1, 2_000, 60)


class Bench:
    """One run: the tools that are here, a folder for the data, another for the repositories."""

    def __init__(self, folder: Path, size: Size) -> None:
        self._corpora = folder / "data"
        self._scratch = folder / "work"
        self._size = size
        known: tuple[Tool, ...] = (Backupd(), Restic(), Borg())
        self._tools = [tool for tool in known if not tool.missing()]
        Backupd.compile()
        self.results = Results(machine.describe(folder), {tool.name: tool.version() for tool in self._tools})
        self.results.remarks += [f"{tool.missing()}: not compared" for tool in known if tool.missing()]
        self.failed = False

    def run(self, names: list[str]) -> None:
        """Measure the named sections; one that fails is reported and does not stop the others."""
        self._say(f"load before: {machine.load()}")
        for name in names:
            try:
                self.sections()[name]()
            except (CommandFailed, NotTheSame) as error:
                self.failed = True
                self.results.remarks.append(f"{name} FAILED: {error}")
        self.results.remarks.append(f"load averages at the end: {machine.load()}")

    def sections(self) -> dict[str, Callable[[], None]]:
        """Return what can be measured, by name."""
        return {
            "startup": self._startup,
            "mail": self._mail,
            "documents": self._documents,
            "opening": self._opening,
            "memory": self._memory,
        }

    def _startup(self) -> None:
        self.results.lines += startup(self._scratch / "startup")

    def _mail(self) -> None:
        self._duel("company mail", self._company_mail(), MAIL_BARS)

    def _documents(self) -> None:
        corpus = office_folder(self._corpora)
        self._duel("office documents", corpus, OFFICE_BARS)

    def _opening(self) -> None:
        corpus = self._company_mail()
        self.results.lines += opening(corpus, self._scratch, self._size.samples, self._say)

    def _memory(self) -> None:
        self.results.lines += memory(
            self._corpora, self._scratch / "memory", self._size.small_items, self._say
        )

    def _company_mail(self) -> Corpus:
        self._say("company mail: making the data")
        return company_mail(self._corpora, self._size.messages)

    def _duel(self, section: str, corpus: Corpus, bars: dict[str, Bar]) -> None:
        duel = Duel(section, corpus, self._tools, self._scratch, self._say)
        duel.run(self._size.rounds)
        self.results.lines += duel.lines(bars)
        self.results.corpora.append(
            f"{section}: {corpus.text}; {corpus.files:,} files, {corpus.size_bytes / 1e6:.0f} MB, in the page cache"
        )

    @staticmethod
    def _say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the data, one round: does it work, not how fast"
    )
    names = ["startup", "mail", "documents", "opening", "memory"]
    parser.add_argument(
        "--only", action="append", choices=names, help="measure only this; may be given again"
    )
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 51), metavar="N", help="rounds of each comparison"
    )
    parser.add_argument("--dir", type=Path, help="work below this folder instead of the temporary one")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data, so that the next run with --dir finds it"
    )
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = size._replace(rounds=options.rounds)
    if options.dir is not None:
        options.dir.mkdir(parents=True, exist_ok=True)
    folder = (
        Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir)) if not options.keep else _kept(options.dir)
    )
    try:
        bench = Bench(folder, size)
        bench.run(options.only or names)
    finally:
        shutil.rmtree(folder / "work" if options.keep else folder, ignore_errors=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(bench.results.as_json(), indent=2) + "\n", encoding="utf-8")
    print(render(bench.results), end="")
    if options.keep:
        print(f"The data is kept in {folder}.", file=sys.stderr)
    return 1 if bench.failed else 0


def _kept(parent: Path | None) -> Path:
    """Return the folder whose data outlives the run."""
    folder = (parent or Path(tempfile.gettempdir())) / "backupd-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


if __name__ == "__main__":
    sys.exit(main())
