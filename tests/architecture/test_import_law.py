"""The import law of setup.cfg covers every package and bites: each contract turns red when it is broken.

That the tree itself keeps the law is checked by `lint-imports`, in `make lint`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, lines, product_packages, setup_cfg

# contract -> (module that breaks it, what it imports)
BREACHES = {
    "rooms": [
        ("backupd.domain.intruder", "backupd.vault"),
        ("backupd.vault.intruder", "backupd.catalog"),
        ("backupd.catalog.intruder", "backupd.vault"),
        ("backupd.vault.intruder", "backupd.runs"),
        ("backupd.runs.intruder", "backupd.cli"),
    ],
    "storage-knows-no-vendor": [
        ("backupd.vault.intruder", "connectors.registry"),
        ("backupd.catalog.intruder", "connectors.sdk.records"),
        ("backupd.domain.intruder", "connectors.sdk.records"),
    ],
    "vendors-by-registry": [("backupd.runs.intruder", "connectors.archive")],
    "connectors-stand-alone": [
        ("connectors.sdk.intruder", "backupd.errors"),
        ("connectors.archive.intruder", "backupd.vault"),
        ("connectors.archive.intruder", "simulators"),
    ],
    "vendors-are-blind": [
        ("connectors.archive.intruder", "connectors.other"),
        ("connectors.archive.intruder", "connectors.registry"),
        ("connectors.sdk.intruder", "connectors.archive"),
    ],
    "demo-only": [("backupd.runs.intruder", "simulators"), ("backupd.cli.intruder", "tests")],
    "surfaces-apart": [("backupd.runs.intruder", "statuspage"), ("backupd.cli.intruder", "portal")],
    "status-stands-alone": [
        ("statuspage.intruder", "backupd.errors"),
        ("statuspage.web.intruder", "connectors.sdk.records"),
        ("regions.intruder", "backupd.errors"),
    ],
    "regions-are-values": [("regions.intruder", "statuspage")],
    "status-rooms": [
        ("statuspage.store.intruder", "statuspage.view"),
        ("statuspage.pages.intruder", "statuspage.desk"),
        ("statuspage.outbox.intruder", "statuspage.web"),
    ],
}


def contracts() -> dict[str, str]:
    """Return the contracts of setup.cfg: id -> name."""
    prefix = "importlinter:contract:"
    config = setup_cfg()
    return {s.removeprefix(prefix): config.get(s, "name") for s in config.sections() if s.startswith(prefix)}


@pytest.fixture(scope="module")
def broken_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tree in which every contract is broken."""
    copy = tmp_path_factory.mktemp("law")
    roots = tuple(f"{package}/" for package in product_packages())
    for name in ["setup.cfg", *(name for name in files() if name.startswith(roots) and name.endswith(".py"))]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "connectors/other").mkdir()
    (copy / "connectors/other/__init__.py").touch()
    for importer, imported in chain.from_iterable(BREACHES.values()):
        with (copy / f"{importer.replace('.', '/')}.py").open("a", encoding="utf-8") as module:
            module.write(f"import {imported}\n")
    (copy / "backupd/drawer.py").touch()
    return copy


def report(tree: Path, contract: str) -> str:
    """Return what lint-imports says of one contract, which has to be broken."""
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [program, "--no-cache", "--contract", contract]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_every_package_is_under_the_law() -> None:
    assert sorted(lines("importlinter", "root_packages")) == product_packages()


def test_every_contract_is_tried() -> None:
    assert BREACHES.keys() == contracts().keys()


@pytest.mark.parametrize("contract", BREACHES)
def test_a_broken_contract_is_reported(contract: str, broken_tree: Path) -> None:
    told = report(broken_tree, contract)
    for importer, imported in BREACHES[contract]:
        assert f"{importer} -> {imported} (l." in told


def test_a_module_without_a_place_in_the_law_is_reported(broken_tree: Path) -> None:
    assert "backupd.drawer" in report(broken_tree, "rooms")
