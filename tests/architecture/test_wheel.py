"""backupd can be built into a wheel and runs from it: nothing leans on the source tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import PRODUCT, ROOT, files

SHIPPED = (*PRODUCT, "templates")
METADATA = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def shipped() -> set[str]:
    """Return the files that an installation needs: code, migrations, templates, region files, markers."""
    return {name for name in files() if name.split("/")[0] in SHIPPED}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the tree, without network and with the build tools that are installed."""
    copy = tmp_path_factory.mktemp("source")
    for name in (*METADATA, *shipped()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    target = copy / "dist"
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(target), str(copy))
    (built,) = target.glob("backupd-*.whl")
    return built


def pip(*arguments: str) -> None:
    """Run pip quietly; what it says on failure is part of the failure."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert not shipped() - packed
    assert not {name for name in packed - shipped() if not name.endswith(".py")}


def test_it_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Install it alone into a fresh venv that borrows this one's libraries, and ask for its version."""
    fresh = tmp_path / "venv"
    venv.create(fresh, symlinks=True, with_pip=False)
    (site,) = fresh.glob("lib/python*/site-packages")
    pip("--python", str(fresh / "bin/python"), "install", "--no-deps", "--no-index", str(wheel))
    # A path in a .pth file is searched after the fresh packages, and its own .pth files (our editable
    # install) are not followed: what is imported is the wheel.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    version = subprocess.run(
        [fresh / "bin/backupd", "--version"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert wheel.name.split("-")[1] in version.stdout
    where = subprocess.run(
        [fresh / "bin/python", "-I", "-c", "import backupd; print(backupd.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(site)
