"""Modules and functions stay small enough to be read at once, and are named by a noun of the field."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.architecture.tree import ROOT, files, product_modules

MODULE_LINES = 400
FUNCTION_LINES = 70
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}


def measured() -> list[str]:
    return product_modules() + [
        name for name in files() if name.startswith("bench/") and name.endswith(".py")
    ]


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {name: (ROOT / name).read_text(encoding="utf-8").count("\n") for name in measured()}
    assert not {name: length for name, length in lengths.items() if length > MODULE_LINES}


def test_no_function_is_longer_than_70_lines() -> None:
    long = []
    for name in measured():
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    long.append(f"{name}:{node.lineno} {node.name}: {length} lines")
    assert not long


def test_no_module_is_a_drawer() -> None:
    python = (PurePosixPath(name) for name in files() if name.endswith(".py"))
    assert not [str(path) for path in python if DRAWERS & {*path.parent.parts, path.stem}]
