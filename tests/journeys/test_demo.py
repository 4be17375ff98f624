"""The demonstration ends by itself, says what it did, and fails when anything differs."""

import subprocess
import sys
from pathlib import Path

from backupd.cli.demo.company import make_company
from backupd.cli.demo.disaster import compare, fingerprints, strike


def test_the_demonstration_ends_well(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "backupd.cli",
        "demo",
        "--messages",
        "60",
        "--dir",
        str(tmp_path / "demo"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "byte for byte" in done.stdout and "ratio" in done.stdout
    assert done.stderr.count("every file is as it was") == 2
    assert not (tmp_path / "demo").exists()


def test_the_company_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_company(tmp_path / name, 60, 1, lambda done, total: None)
    assert fingerprints(tmp_path / "a") == fingerprints(tmp_path / "b")


def test_the_comparison_sees_every_damage(tmp_path: Path) -> None:
    make_company(tmp_path, 60, 1, lambda done, total: None)
    before = fingerprints(tmp_path)
    damage = strike(tmp_path, 1)
    (tmp_path / "extra").write_text("x")
    found = compare(before, fingerprints(tmp_path))
    assert len(found.changed) == damage.overwritten + damage.truncated
    assert len(found.missing) > damage.deleted
    assert found.extra == ["extra"]
