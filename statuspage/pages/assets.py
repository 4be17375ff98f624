"""Scripts, styles and pictures: named by their content, so that they may be cached for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "assets"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file to serve."""

    path: str
    body: bytes
    content_type: str


class Assets:
    """All assets of a folder, by name and by public path."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._by_name: dict[str, Asset] = {}
        for file in sorted(folder.rglob("*")):
            if file.suffix in TYPES and file.is_file():
                body = file.read_bytes()
                digest = hashlib.sha256(body).hexdigest()[:12]
                self._by_name[file.name] = Asset(f"/assets/{digest}/{file.name}", body, TYPES[file.suffix])
        self.by_path = {asset.path: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """The public path of an asset."""
        return self._by_name[name].path
