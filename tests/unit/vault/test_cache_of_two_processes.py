"""Two processes open, fill and ask one cache file at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from backupd.vault.cache import IndexCache
from tests.vault_model.items import noise

KEY = bytes(range(32))
PACKS = 60
WRITER = """
import sys
from pathlib import Path
from backupd.vault.cache import IndexCache
from backupd.vault.pack import PackDirectory, PackFrame, PackRecord
from tests.vault_model.items import noise
first, path = int(sys.argv[1]), Path(sys.argv[2])
for number in range(first, first + int(sys.argv[3])):
    cache = IndexCache(path, bytes(range(32)))
    directory = PackDirectory([PackFrame(44, 10, 1)], noise(number, 32), [1])
    cache.add([PackRecord(noise(-number, 32), 1, bytes(32), 1000, directory)], f"indexes/{number}")
    assert cache.has(noise(number, 32))
    cache.close()
"""


def test_both_fill_it(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    root = Path(__file__).resolve().parents[3]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(first), str(path), str(PACKS)],
            cwd=root,
            stderr=subprocess.PIPE,
        )
        for first in (1, 1 + PACKS)
    ]
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode == 0, said.decode()
    cache = IndexCache(path, KEY)
    assert all(cache.has(noise(number, 32)) for number in range(1, 1 + 2 * PACKS))
    assert len(cache.loaded_indexes()) == 2 * PACKS
    cache.close()
