"""Everything one web process holds, built once by the factory."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import regions.loader
from regions.loader import Region
from statuspage.desk.fleet import Fleet
from statuspage.errors import DatabaseLost
from statuspage.pages.kit import Kit
from statuspage.pages.site import Document
from statuspage.settings import Settings
from statuspage.store.database import Database
from statuspage.subscriptions.tokens import Links
from statuspage.web.publication import Copies, Publication


@dataclass(frozen=True, slots=True)
class Site:
    """The objects that requests are answered with."""

    settings: Settings
    region: Region
    database: Database
    kit: Kit
    publication: Publication
    links: Links
    fleet: Fleet
    clock: Callable[[], datetime]

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return self.clock()

    def copies(self, path: str, language: str, prefix: str) -> Copies | None:
        """A public document; from the published copy when the database was lost before anything was read."""
        try:
            return self.publication.copies(path, language, prefix)
        except DatabaseLost:
            return self._published(f"{prefix}{path}")

    def _published(self, path: str) -> Copies | None:
        root = (self.settings.published / "current").resolve()
        for candidate in (path.strip("/"), f"{path.strip('/')}/index.html".lstrip("/")):
            file = (root / candidate).resolve()
            if file.is_relative_to(root) and file.is_file():
                kind = (
                    {
                        ".json": "application/json; charset=utf-8",
                        ".rss": "application/rss+xml; charset=utf-8",
                        ".atom": "application/atom+xml; charset=utf-8",
                        ".html": "text/html; charset=utf-8",
                    }.get(file.suffix)
                    or mimetypes.guess_type(file.name)[0]
                    or "application/octet-stream"
                )
                return Copies(Document(file.read_bytes(), kind, cors=not kind.startswith("text/html")), None)
        if not root.is_dir():
            raise DatabaseLost("The database cannot be read and there is no published copy.")
        return None


def build_kit(settings: Settings) -> Kit:
    """The kit of a region's documents, with links to its sister sites."""
    sites = {}
    for name in regions.loader.names(settings.regions_folder):
        try:
            titles = regions.loader.load(name, settings.regions_folder).titles
        except regions.loader.RegionError:
            continue  # another region's broken file is that region's matter
        address = settings.base_url if name == settings.region else settings.address_of(name)
        sites[name] = (address, titles)
    return Kit.build(imprint_url=settings.imprint_url, privacy_url=settings.privacy_url, sites=sites)
