"""What every command gets: settings, output, and the workspace, which is opened only when it is asked for."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from backupd.cli.terminal import clean
from backupd.settings import Settings, load

if TYPE_CHECKING:
    from backupd.cli.wiring import Workspace


class Context:
    """One call of the command line. Imports nothing heavy, so that help and errors come at once."""

    def __init__(self, home: str | None, as_json: bool) -> None:
        self.settings: Settings = load(home)
        self.as_json = as_json
        self._workspace: Workspace | None = None

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._workspace is not None:
            self._workspace.close()

    @property
    def workspace(self) -> Workspace:
        """Catalog, vaults and connections under the home folder; raises `NotFound` while nothing was imported."""
        if self._workspace is None:
            from backupd.cli.wiring import Workspace

            self._workspace = Workspace.open(self.settings)
        return self._workspace

    def create_workspace(self, *, rebuild: bool = False) -> Workspace:
        """Like `workspace`, and makes the home folder where there is none; `rebuild`: also a lost catalog."""
        if self._workspace is None:
            from backupd.cli.wiring import Workspace

            self._workspace = Workspace.open(self.settings, create=True, rebuild=rebuild)
        return self._workspace

    @staticmethod
    def now_ms() -> int:
        """Return the time in Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def say(self, line: str) -> None:
        """Tell something in passing, on standard error; silent with `--json`."""
        if not self.as_json:
            sys.stderr.write(clean(line) + "\n")

    def report(self, document: dict[str, Any], lines: Iterable[str]) -> None:
        """Write the command's result: the document with `--json`, else the lines."""
        if self.as_json:
            json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
            sys.stdout.write("\n")
        else:
            for line in lines:
                sys.stdout.write(clean(line) + "\n")
