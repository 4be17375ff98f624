"""A folder as the target: each copy is a release of its own, and one rename of a link makes it the current one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from statuspage.publishing.copying import HEARTBEAT, Piece

RELEASES_KEPT = 3
MANIFEST = ".manifest.json"


class Folder:
    """``<root>/current`` is what a web server serves; ``<root>/releases`` holds the last few copies."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(self, pieces: Iterator[Piece]) -> int:
        """Builds a release beside the current one and switches to it; on any failure the current one stays."""
        releases = self._root / "releases"
        releases.mkdir(parents=True, exist_ok=True)
        previous = self._current()
        number = max((int(one.name) for one in releases.iterdir() if one.name.isdigit()), default=0) + 1
        fresh = releases / f"{number:08d}"
        fresh.mkdir()
        try:
            changed = self._build(fresh, previous, pieces)
            self._switch(fresh)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        self._drop_old(releases, fresh)
        return changed

    def beat(self, body: bytes) -> None:
        """Replaces the heartbeat in the current copy."""
        current = self._current()
        if current is not None:
            _write(current / HEARTBEAT, body)

    def _current(self) -> Path | None:
        link = self._root / "current"
        return link.resolve() if link.is_symlink() and link.exists() else None

    def _build(self, fresh: Path, previous: Path | None, pieces: Iterator[Piece]) -> int:
        before: dict[str, str] = {}
        if previous is not None and (previous / MANIFEST).is_file():
            before = json.loads((previous / MANIFEST).read_text())
        manifest, changed, made = {}, 0, set()
        for piece in pieces:
            target = fresh / piece.file
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            manifest[piece.file] = piece.depends
            old = previous / piece.file if previous is not None else None
            if (
                piece.depends
                and old is not None
                and before.get(piece.file) == piece.depends
                and old.is_file()
            ):
                os.link(old, target)
                continue
            body = piece.make()
            if old is not None and piece.file != HEARTBEAT and old.is_file() and old.read_bytes() == body:
                os.link(old, target)  # keeps its date, so that a web server's validators hold
                continue
            _write(target, body)
            changed += 1
        _write(fresh / MANIFEST, json.dumps(manifest).encode())
        return changed

    def _switch(self, fresh: Path) -> None:
        link = self._root / ".current-next"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("releases") / fresh.name)
        os.replace(link, self._root / "current")
        descriptor = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _drop_old(self, releases: Path, current: Path) -> None:
        old = sorted(
            (one for one in releases.iterdir() if one.name.isdigit() and one != current), reverse=True
        )
        for one in old[RELEASES_KEPT - 1 :]:
            shutil.rmtree(one, ignore_errors=True)


def _write(path: Path, body: bytes) -> None:
    """Writes a file under another name, to the disk, and renames it: nobody reads half of it."""
    fresh = path.with_name(f".{path.name}.next")
    try:
        with fresh.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
