"""What goes wrong in the demonstration, and the comparison that proves it was undone."""

from __future__ import annotations

import hashlib
import random
import shutil
from pathlib import Path
from typing import NamedTuple

from backupd.cli.demo.company import PEOPLE


class Damage(NamedTuple):
    """How many files were overwritten, truncated and deleted, and which folder is gone altogether."""

    overwritten: int
    truncated: int
    deleted: int
    folder: str


class Difference(NamedTuple):
    """Files that are missing, other than they were, or there although they were not, by path."""

    missing: list[str]
    changed: list[str]
    extra: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.extra)


def fingerprints(root: Path) -> dict[str, str]:
    """Return path -> SHA-256 of every file below `root`; folders stand with an empty one."""
    found = {}
    for path in sorted(root.rglob("*")):
        data = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = "" if data is None else hashlib.sha256(data).hexdigest()
    return found


def compare(before: dict[str, str], after: dict[str, str]) -> Difference:
    """Return what is not as it was."""
    return Difference(
        sorted(before.keys() - after.keys()),
        sorted(path for path in before.keys() & after.keys() if before[path] != after[path]),
        sorted(after.keys() - before.keys()),
    )


def strike(root: Path, seed: int) -> Damage:
    """Encrypt, cut and delete a part of the originals, and a whole person's folder."""
    chance = random.Random(seed)
    lost = PEOPLE[3][0]
    shutil.rmtree(root / lost)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    mboxes = [path for path in files if path.suffix == ".mbox"]
    single = [path for path in files if path.suffix != ".mbox"]
    victims = chance.sample(single, len(single) // 5)
    third = len(victims) // 3
    for path in victims[:third]:
        path.write_bytes(chance.randbytes(path.stat().st_size))
    for path in victims[third : 2 * third]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    deleted = victims[2 * third :] + mboxes[::2]
    for path in deleted:
        path.unlink()
    return Damage(third, third, len(deleted), lost)
