"""The lock files pin every requirement of setup.cfg by version and by hash."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import ROOT, lines, setup_cfg

NAME = re.compile(r"^[A-Za-z0-9._-]+")
PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==[^\s\\]+ \\$")


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirements: list[str]) -> set[str]:
    """Return the distributions that these requirement lines ask for."""
    return {normal(match[0]) for line in requirements if (match := NAME.match(line))}


def locked(name: str) -> dict[str, int]:
    """Return a lock file's distributions, each with the number of its hashes."""
    counts: dict[str, int] = {}
    current = ""
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("    --hash=sha256:"):
            counts[current] += 1
        elif line and not line.lstrip().startswith("#"):
            match = PINNED.match(line)
            assert match, f"{name}: not a pinned requirement: {line}"
            current = normal(match[1])
            counts[current] = 0
    return counts


def extras() -> dict[str, list[str]]:
    return {extra: lines("options.extras_require", extra) for extra in setup_cfg()["options.extras_require"]}


@pytest.mark.parametrize("name", ["build.txt", "dev.txt", "runtime.txt"])
def test_everything_is_pinned_by_hash(name: str) -> None:
    counts = locked(name)
    assert counts
    assert all(counts.values())


def test_dev_lock_holds_all_that_setup_cfg_names() -> None:
    asked = named(lines("options", "install_requires")).union(*map(named, extras().values()))
    assert not asked - locked("dev.txt").keys()


def test_runtime_lock_holds_what_runs_and_no_test_tool() -> None:
    asked = named(lines("options", "install_requires")) | named(extras()["status"])
    assert not asked - locked("runtime.txt").keys()
    assert not (named(extras()["dev"]) - asked) & locked("runtime.txt").keys()
