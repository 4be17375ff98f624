"""Makes the files of the copy. What cannot have changed since the last copy is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from statuspage.pages.kit import Kit
from statuspage.pages.site import PublicSite

HEARTBEAT = "heartbeat.json"


@dataclass(frozen=True, slots=True)
class Piece:
    """One file: where, what it depends on ("" when that is not known beforehand), and how it is made."""

    file: str
    depends: str
    content_type: str
    make: Callable[[], bytes]


class Target(Protocol):
    """Somewhere to publish to. A reader sees the old copy or the new one, never half of each file."""

    def publish(self, pieces: Iterator[Piece]) -> int:
        """Publishes a whole copy; how many files were new or changed."""

    def beat(self, body: bytes) -> None:
        """Replaces the heartbeat file alone."""


def pieces(site: PublicSite, kit: Kit, heartbeat: bytes) -> Iterator[Piece]:
    """All files of a copy, those that link to others after them."""
    digest = kit.digest
    for asset in kit.assets.by_path.values():
        yield Piece(asset.path.lstrip("/"), "asset", asset.content_type, _constant(asset.body))
    yield Piece(HEARTBEAT, "", "application/json", _constant(heartbeat))
    languages = site.view.region.languages
    known = _stamps(site)
    for path in site.paths():
        machine = path.startswith("/api/")
        for prefix, language in [("", languages[0])] + (
            [] if machine else [(f"/{one}", one) for one in languages]
        ):
            depends = f"{digest}:{known[path]}" if path in known else ""
            yield Piece(
                file_of(prefix + path), depends, kind_of(path), _document(site, path, language, prefix)
            )


def heartbeat_body(region: str, proofs: Mapping[str, datetime | None], now: datetime) -> bytes:
    """The heartbeat file: when each component was last proven, and when this was written."""
    return json.dumps(
        {
            "region": region,
            "written_at": now.isoformat(timespec="seconds"),
            "components": {key: at.isoformat() if at else None for key, at in sorted(proofs.items())},
        }
    ).encode()


def file_of(path: str) -> str:
    """The file of a public path; pages become folders with an index."""
    inside = path.strip("/")
    last = inside.rpartition("/")[2]
    return inside if "." in last else f"{inside}/index.html".lstrip("/")


def kind_of(path: str) -> str:
    """The content type of a public path."""
    kinds = {
        "json": "application/json; charset=utf-8",
        "rss": "application/rss+xml; charset=utf-8",
        "atom": "application/atom+xml; charset=utf-8",
        "svg": "image/svg+xml",
        "ics": "text/calendar; charset=utf-8",
    }
    suffix = path.rpartition("/")[2].rpartition(".")[2]
    return (
        "application/feed+json; charset=utf-8"
        if path.endswith("/feed.json")
        else kinds.get(suffix, "text/html; charset=utf-8")
    )


def _stamps(site: PublicSite) -> dict[str, str]:
    """What permalinks and months depend on; the rest is few and made every time."""
    found: dict[str, str] = {}
    months: dict[str, list[str]] = {}
    zone = site.view.region.zone
    everything = site.titles()
    navigation = hashlib.sha256(repr(site.view.months).encode()).hexdigest()[:12]
    for event in everything:
        stamp = event.stamp
        found[f"/incidents/{event.id}"] = stamp
        months.setdefault(f"/history/{event.started_at.astimezone(zone):%Y-%m}", []).append(
            f"{event.id}{stamp}"
        )
    for path, stamps in months.items():
        found[path] = navigation + hashlib.sha256("".join(stamps).encode()).hexdigest()[:16]
    return found


def _constant(body: bytes) -> Callable[[], bytes]:
    return lambda: body


def _document(site: PublicSite, path: str, language: str, prefix: str) -> Callable[[], bytes]:
    def make() -> bytes:
        document = site.document(path, language, prefix)
        assert document is not None, f"{path} is listed but cannot be made"
        return document.body

    return make
