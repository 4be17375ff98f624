"""What setup.cfg and Procfile promise to start can be started."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.metadata import entry_points
from itertools import dropwhile
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, lines, product_packages

PROCESS = re.compile(r"^([a-z][a-z0-9-]*):\s*(\S.*)$")
APPLICATION = re.compile(r"^[a-z_.]+:[a-z_]+(\(\))?$")


def scripts() -> dict[str, str]:
    """Return the console scripts of setup.cfg whose package is in this tree: name -> module:function."""
    promised = dict(
        re.split(r"\s*=\s*", line, maxsplit=1) for line in lines("options.entry_points", "console_scripts")
    )
    return {name: target for name, target in promised.items() if target.split(".")[0] in product_packages()}


def processes() -> dict[str, list[str]]:
    """Return the Procfile's processes: name -> words of the command."""
    found = {}
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            match = PROCESS.match(line)
            assert match, f"not a process: {line}"
            words = match[2].split()
            # What stands before the program is its environment (REGION=amer ...).
            found[match[1]] = list(dropwhile(lambda word: "=" in word, words))
    return found


def resolve(target: str) -> object:
    """Return what `module:attribute` names."""
    module, _, attribute = target.removesuffix("()").partition(":")
    return getattr(import_module(module), attribute)


@pytest.mark.parametrize("target", scripts().values(), ids=scripts().keys())
def test_a_console_script_resolves(target: str) -> None:
    assert callable(resolve(target))


def test_the_installed_scripts_are_those_of_setup_cfg() -> None:
    installed = {
        point.name: point.value
        for point in entry_points(group="console_scripts")
        if point.dist and point.dist.name == "backupd"
    }
    assert scripts().items() <= installed.items()


def test_every_process_starts_a_program_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands = processes()
    missing = {
        name: words[0]
        for name, words in commands.items()
        if not (Path(sys.prefix) / "bin" / words[0]).exists()
    }
    assert not missing
    monkeypatch.setenv("REGION", "emea")
    monkeypatch.chdir(tmp_path)
    applications = [word for words in commands.values() for word in words[1:] if APPLICATION.match(word)]
    assert all(resolve(application) for application in applications)
