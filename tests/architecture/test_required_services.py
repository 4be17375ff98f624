"""Where services are required, a skipped test fails the run: nothing goes unproven by staying silent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

SKIPPING = {
    "in_the_test.py": "import pytest\ndef test_it(): pytest.skip('no server')\n",
    "by_a_mark.py": "import pytest\n@pytest.mark.skip(reason='no server')\ndef test_it(): pass\n",
    "as_a_module.py": "import pytest\npytest.skip('no server', allow_module_level=True)\n",
}


def run(folder: Path, name: str, required: str) -> subprocess.CompletedProcess[str]:
    """Run one skipping test under the project's conftest, with or without the requirement."""
    shutil.copyfile(ROOT / "tests/conftest.py", folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    soak: long\n", encoding="utf-8")
    (folder / name).write_text(SKIPPING[name], encoding="utf-8")
    environment = {**os.environ, "BACKUPD_TEST_REQUIRE_SERVICES": required}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", SKIPPING)
def test_a_skip_fails_where_services_are_required(name: str, tmp_path: Path) -> None:
    done = run(tmp_path, name, "1")
    assert done.returncode != 0
    assert "no server" in done.stdout


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    done = run(tmp_path, "in_the_test.py", "0")
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
