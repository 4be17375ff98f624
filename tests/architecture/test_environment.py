"""The environment is read in one place per program, where it is validated at start."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import ROOT, product_modules

READERS = {"backupd/settings.py", "statuspage/settings.py"}
NAMES = {"environ", "environb", "getenv", "getenvb"}


def reads_environment(source: str) -> list[int]:
    """Return the lines on which the source reaches for the process environment through `os`."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules = {alias.asname or alias.name for alias in imported if alias.name == "os"}
    found = []
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.lineno] if node.value.id in modules and node.attr in NAMES else []
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [node.lineno for alias in node.names if alias.name in NAMES]
    return found


def test_only_settings_reads_the_environment() -> None:
    readers = {
        f"{name}:{line}"
        for name in product_modules()
        if name not in READERS
        for line in reads_environment((ROOT / name).read_text(encoding="utf-8"))
    }
    assert not readers


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "from os import getenv", "import os as o\no.getenv('A')"]
)
def test_every_way_to_the_environment_is_seen(source: str) -> None:
    assert reads_environment(source)


def test_a_request_has_an_environ_of_its_own() -> None:
    assert not reads_environment("import os\nrequest.environ['REMOTE_ADDR']")
