"""The tools that are compared, each as whole processes: begin a repository, back up, back up again, restore."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from bench.processes import Usage, run


class Tool(Protocol):
    """One backup program working on one repository at a time, all of its files below the folder it was given."""

    name: str

    def missing(self) -> str:
        """Return why the tool cannot be measured here ("": it can)."""

    def version(self) -> str:
        """Return the tool's own words for its version."""

    def begin(self, folder: Path) -> None:
        """Make an empty repository below `folder`; not measured."""

    def first(self, source: Path) -> Usage:
        """Back up the tree into the empty repository."""

    def unchanged(self, source: Path) -> Usage:
        """Back up the same tree, of which nothing changed, again."""

    def restore(self, source: Path, target: Path) -> tuple[Usage, Path]:
        """Write everything into the empty folder `target`; return also where the tree's root lies in it."""

    def stored_bytes(self) -> int:
        """Return the size of the repository, local caches and keys left out."""


class Restic:
    """restic with a local repository of version 2, automatic compression, and its cache in the benchmark's folder."""

    name = "restic"

    def __init__(self) -> None:
        self._repository = Path()
        self._environment: dict[str, str] = {}

    def missing(self) -> str:
        return "" if shutil.which("restic") else "restic is not installed"

    def version(self) -> str:
        return _first_line(["restic", "version"])

    def begin(self, folder: Path) -> None:
        self._repository = folder / "repository"
        self._environment = _environment(
            folder, RESTIC_PASSWORD="benchmark", RESTIC_CACHE_DIR=str(folder / "cache")
        )
        run(["restic", "init", "--repository-version", "2", "-r", self._repository], self._environment)

    def first(self, source: Path) -> Usage:
        return run(
            ["restic", "-r", self._repository, "backup", "--quiet", "."], self._environment, folder=source
        )

    def unchanged(self, source: Path) -> Usage:
        return self.first(source)

    def restore(self, source: Path, target: Path) -> tuple[Usage, Path]:
        command: list[str | Path] = [
            "restic",
            "-r",
            self._repository,
            "restore",
            "--quiet",
            "latest",
            "--target",
            target,
        ]
        return run(command, self._environment), target

    def stored_bytes(self) -> int:
        return tree_bytes(self._repository)


class Borg:
    """borg with encryption and authentication (repokey) and zstd,3, its own cache in the benchmark's folder."""

    name = "borg"

    def __init__(self) -> None:
        self._repository = Path()
        self._environment: dict[str, str] = {}
        self._archives = 0

    def missing(self) -> str:
        return "" if shutil.which("borg") else "borg is not installed"

    def version(self) -> str:
        return _first_line(["borg", "--version"])

    def begin(self, folder: Path) -> None:
        self._repository = folder / "repository"
        self._archives = 0
        self._environment = _environment(
            folder, BORG_PASSPHRASE="benchmark", BORG_BASE_DIR=str(folder / "borg")
        )
        run(["borg", "init", "-e", "repokey", self._repository], self._environment)

    def first(self, source: Path) -> Usage:
        self._archives += 1
        archive = f"{self._repository}::run-{self._archives}"
        return run(
            ["borg", "create", "--compression", "zstd,3", archive, "."], self._environment, folder=source
        )

    def unchanged(self, source: Path) -> Usage:
        return self.first(source)

    def restore(self, source: Path, target: Path) -> tuple[Usage, Path]:
        command = ["borg", "extract", f"{self._repository}::run-{self._archives}"]
        return run(command, self._environment, folder=target), target

    def stored_bytes(self) -> int:
        return tree_bytes(self._repository)


class Backupd:
    """backupd through its command line, with a home folder of its own and a local vault."""

    name = "backupd"

    def __init__(self) -> None:
        self.home = Path()
        self._environment: dict[str, str] = {}

    def missing(self) -> str:
        return "" if _program().is_file() else f"{_program()} is not there: run make setup"

    def version(self) -> str:
        return _first_line([str(_program()), "--version"])

    @staticmethod
    def compile() -> None:
        """Compile our modules, as an installer does; from a fresh clone the first run would be charged with it."""
        root = Path(__file__).resolve().parents[1]
        for package in ("backupd", "connectors"):
            compileall.compile_dir(root / package, quiet=1)

    def begin(self, folder: Path) -> None:
        self.home = folder / "home"
        self._environment = _environment(folder)

    def first(self, source: Path) -> Usage:
        return self._run("import", source, "--organization", "Bench")

    def unchanged(self, source: Path) -> Usage:
        return self._run("backup")

    def restore(self, source: Path, target: Path) -> tuple[Usage, Path]:
        return self._run("export", "--all", "--format", "original", "--to", target), target

    def check(self) -> Usage:
        """Verify the vault, reading all data."""
        return self._run("check", "--read-data")

    def help(self) -> Usage:
        """Start and show the overview of commands."""
        return run([_program(), "--help"], self._environment)

    def stored_bytes(self) -> int:
        return tree_bytes(self.home / "vaults")

    def _run(self, *words: str | Path) -> Usage:
        return run([_program(), "--home", self.home, *words], self._environment)


def tree_bytes(root: Path) -> int:
    """Return the sizes of all files below `root`, in bytes."""
    return sum(
        os.stat(os.path.join(folder, name), follow_symlinks=False).st_size
        for folder, _, names in os.walk(root)
        for name in names
    )


def _program() -> Path:
    return Path(sys.executable).with_name("backupd")


def _environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return this process's environment without the tools' own settings; temporary files are kept below `folder`.

    Whoever forbids Python to keep compiled modules makes each start of backupd, and of borg, compile them again.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BACKUPD_", "BORG_", "RESTIC_", "PYTHONDONTWRITE"))
    }
    scratch = folder / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {**kept, "TMPDIR": str(scratch), **variables}


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError as error:
        return f"unknown ({error.strerror})"
    return (done.stdout or done.stderr).strip().partition("\n")[0]
