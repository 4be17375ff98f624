"""A full disk and a disk mounted read-only, for real: each in a mount namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]

FULL = """
import os, subprocess, sys, tempfile
from backupd.errors import StoreFull
from backupd.vault.stores.local import INCOMING, LocalStore
disk = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
store = LocalStore(disk)
store.put("kept", b"k" * 100_000)
file = tempfile.TemporaryFile()
file.write(b"x" * 300_000)
for write in (store.create, store.put):
    file.seek(0)
    for name, data in (("big", b"x" * 300_000), ("folder/big", file)):
        try:
            write(name, data)
            sys.exit("the disk was to be full")
        except StoreFull as error:
            assert disk in error.message, error.message
try:
    store.put("kept", b"n" * 300_000)
    sys.exit("the disk was to be full")
except StoreFull:
    pass
assert [row.name for row in store.list()] == ["kept"]
assert store.get("kept") == b"k" * 100_000
assert os.listdir(f"{disk}/{INCOMING}") == []
store.delete("kept")
store.create("fits", b"f" * 100_000)
assert store.get("fits") == b"f" * 100_000
print("seen")
"""

READ_ONLY = """
import subprocess, sys
from backupd.errors import StoreDenied
from backupd.vault.stores.local import LocalStore
disk = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
LocalStore(disk).create("a/b", b"kept")
subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
store = LocalStore(disk)
for change in (
    lambda: store.create("a/c", b"x"), lambda: store.create("d/e", b"x"), lambda: store.put("a/b", b"x"),
    lambda: store.delete("a/b"),
):
    try:
        change()
        sys.exit("the disk was to be read-only")
    except StoreDenied as error:
        assert disk in error.message, error.message
assert store.get("a/b") == b"kept" and store.read("a/b", 1, 2) == b"ep" and store.now() > 0
assert [row.name for row in store.list()] == ["a/b"]
print("seen")
"""

FORBIDDEN = """
import os, sys
from backupd.errors import StoreDenied
from backupd.vault.stores.local import LocalStore
disk = sys.argv[1]
LocalStore(disk).create("a/b", b"kept")
os.chmod(f"{disk}/a/b", 0o644)
for folder in (f"{disk}/incoming~", f"{disk}/a", disk):
    os.chmod(folder, 0o555)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
store = LocalStore(disk)
for change in (
    lambda: store.create("a/c", b"x"), lambda: store.create("d/e", b"x"), lambda: store.put("a/b", b"x"),
    lambda: store.delete("a/b"),
):
    try:
        change()
        sys.exit("the folder was to be read-only")
    except StoreDenied:
        pass
assert store.get("a/b") == b"kept" and [row.name for row in store.list()] == ["a/b"]
print("seen")
"""


def run(command: list[str], script: str, disk: Path) -> None:
    done = subprocess.run(
        [*command, sys.executable, "-c", script, str(disk)], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.returncode) == ("seen", 0), done.stderr


@pytest.fixture
def namespace(tmp_path: Path) -> list[str]:
    """The command that gives a program mounts of its own, which end with it."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("no unshare or mount program here (both are in util-linux)")
    reasons = []
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        trial = [*command, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
        done = subprocess.run(trial, capture_output=True, text=True)
        if not done.returncode:
            return command
        reasons.append(done.stderr.strip())
    pytest.skip(f"this user may mount nothing, not even in a namespace: {reasons}")


@pytest.mark.parametrize("script", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_a_disk_that_takes_nothing_more(namespace: list[str], tmp_path: Path, script: str) -> None:
    run(namespace, script, tmp_path)


def test_a_folder_that_forbids_writing(tmp_path: Path) -> None:
    disk = tmp_path / "store"
    disk.mkdir()
    for parent in disk.parents:
        if (
            parent.owner() == tmp_path.owner()
            and parent != Path("/")
            and parent.stat().st_mode & 0o777 == 0o700
        ):
            parent.chmod(0o711)  # The test's own temporary folders: another user has to reach the store.
    run([], FORBIDDEN, disk)
