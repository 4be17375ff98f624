"""What is imported is declared, and what the base install declares is used: it stays as small as it can be."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

from tests.architecture.tree import PRODUCT, ROOT, lines, product_modules

BASE = ("backupd", "connectors")
"""The packages that run on `install_requires` alone."""


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(source: str) -> set[str]:
    """Return the top-level names of the modules that a source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def libraries_used() -> dict[str, str]:
    """Return the distributions that the base packages import: name -> a file that does."""
    owners = packages_distributions()
    own = {*PRODUCT, *sys.stdlib_module_names}
    return {
        normal(owners.get(module, [module])[0]): name
        for name in product_modules()
        if name.split("/")[0] in BASE
        for module in imported((ROOT / name).read_text(encoding="utf-8")) - own
    }


def declared() -> set[str]:
    return {normal(re.split(r"[\s<>=!~\[;]", line)[0]) for line in lines("options", "install_requires")}


def test_every_library_that_is_imported_is_declared() -> None:
    used = libraries_used()
    assert not {library: used[library] for library in used.keys() - declared()}


def test_every_library_that_is_declared_is_imported() -> None:
    assert not declared() - libraries_used().keys()
