"""The project's files as the tests of its shape see them: what git tracks or would track."""

from __future__ import annotations

import subprocess
from configparser import ConfigParser
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PRODUCT = ("backupd", "connectors", "portal", "regions", "simulators", "statuspage")
"""The packages that are installed (those of them that exist)."""


@cache
def files() -> tuple[str, ...]:
    """Return every file of the project, relative to ROOT; ignored files are none of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return tuple(sorted({name for name in listed if name and (ROOT / name).is_file()}))


def product_modules() -> list[str]:
    """Return the Python files of the packages that are installed."""
    return [name for name in files() if name.endswith(".py") and name.split("/")[0] in PRODUCT]


def product_packages() -> list[str]:
    """Return the top-level packages of PRODUCT that exist in this tree."""
    return sorted({name.split("/")[0] for name in product_modules()})


@cache
def setup_cfg() -> ConfigParser:
    """Return setup.cfg, parsed."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def lines(section: str, option: str) -> list[str]:
    """Return the non-empty, non-comment lines of a multi-line option of setup.cfg."""
    raw = (line.strip() for line in setup_cfg().get(section, option).splitlines())
    return [line for line in raw if line and not line.startswith("#")]
