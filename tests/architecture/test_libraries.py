"""What is imported is declared, and what the base install declares is used: it stays as small as it can be."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

from tests.architecture.tree import PRODUCT, ROOT, lines, product_modules, setup_cfg

SERVICE = ("backupd", "connectors")
"""The packages that run on `install_requires`, and load what an extra brings only where it is asked for."""


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
    """Return the distributions that the service imports: name -> a file that does."""
    owners = packages_distributions()
    own = {*PRODUCT, *sys.stdlib_module_names}
    return {
        normal(owners.get(module, [module])[0]): name
        for name in product_modules()
        if name.split("/")[0] in SERVICE
        for module in imported((ROOT / name).read_text(encoding="utf-8")) - own
    }


def declared(*, extras: bool) -> set[str]:
    """Return the distributions that the base install asks for, with or without what its extras add."""
    asked = lines("options", "install_requires")
    if extras:
        others = set(setup_cfg()["options.extras_require"]) - {"dev", "status"}
        asked += [line for extra in others for line in lines("options.extras_require", extra)]
    return {normal(re.split(r"[\s<>=!~\[;]", line)[0]) for line in asked}


def test_every_library_that_is_imported_is_declared() -> None:
    used = libraries_used()
    assert not {library: used[library] for library in used.keys() - declared(extras=True)}


def test_every_library_of_the_base_install_is_imported() -> None:
    unused = declared(extras=False) - libraries_used().keys()
    assert not unused
