"""Every public document of a page, by path. The web server and the static publisher both make them here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from statuspage.domain.texts import pick
from statuspage.pages import badges, sparkline
from statuspage.pages.api import Api, encode
from statuspage.pages.feeds import Feeds
from statuspage.pages.kit import Kit
from statuspage.pages.words import COMPONENT_WORDS, IMPACT_WORDS, OVERALL_WORDS
from statuspage.view.values import ComponentView, IncidentView, PageView, Title

HTML, JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"
MONTHS_SHOWN = 3
_MONTH = re.compile(r"/history/(\d{4})-(\d{2})")
_INCIDENT = re.compile(r"/incidents/([a-z0-9]{12})")
_FEED = re.compile(r"/components/([a-z0-9]{12})/(history\.rss|history\.atom|feed\.json)")
_BADGE = re.compile(r"/badge/([a-z]+)\.svg")


@dataclass(frozen=True, slots=True)
class Document:
    """One finished document."""

    body: bytes
    content_type: str
    cors: bool = False
    framed: bool = False
    etag: str = field(default="")

    def __post_init__(self) -> None:
        # The ETag is of the bytes: equal documents made by different processes validate each other.
        object.__setattr__(self, "etag", f'"{hashlib.blake2b(self.body, digest_size=12).hexdigest()}"')


class History(Protocol):
    """What lies outside the reading a page is made of."""

    def months(self, month: date, months: int) -> tuple[IncidentView, ...]:
        """Events that began in ``months`` months ending with ``month``."""

    def titles(self) -> tuple[Title, ...]:
        """All published events, newest first, without their updates."""

    def event(self, incident_id: str) -> IncidentView | None:
        """One published event."""


class PublicSite:
    """The documents of one reading. ``static`` makes the copy that has no server behind it."""

    def __init__(self, view: PageView, history: History, kit: Kit, *, static: bool = False) -> None:
        self.view, self._history, self._kit, self._static = view, history, kit, static
        self._pages: dict[str, Callable[[str, str], bytes]] = {
            "/": self._page("index.html"),
            "/uptime": self._page("uptime.html"),
            "/performance": self._page("performance.html"),
            "/subscribe": self._page("subscribe.html"),
            "/widget": self._page("widget.html"),
            "/history": self._months_page,
            "/history/all": self._all_page,
        }

    def document(self, path: str, language: str, prefix: str = "") -> Document | None:
        """The document at ``path`` (without its language prefix), or None where there is none."""
        if page := self._pages.get(path):
            return Document(page(language, prefix), HTML, framed=path == "/widget")
        if found := _INCIDENT.fullmatch(path):
            event = self._event(found[1])
            if event is None:
                return None
            return Document(self._html("incident.html", language, prefix, path, event=event), HTML)
        if found := _MONTH.fullmatch(path):
            return self._month(path, int(found[1]), int(found[2]), language, prefix)
        if path.startswith("/api/v2/"):
            body = Api(self.view, language).bodies().get(path)
            return None if body is None else Document(encode(body), JSON, cors=True)
        return self._feed(path, language, prefix) or self._picture(path, language)

    def paths(self) -> Iterator[str]:
        """Every path of the site, entry pages last: a copy in progress never links to what is not there yet."""
        components = self.view.components
        for event in self._history.titles():
            yield f"/incidents/{event.id}"
        for month, _ in self.view.months:
            yield f"/history/{month:%Y-%m}"
        for component in components:
            yield f"/badge/{component.key}.svg"
            for name in ("history.rss", "history.atom", "feed.json"):
                yield f"/components/{component.id}/{name}"
        yield from ("/badge.svg", "/history.rss", "/history.atom", "/feed.json", "/maintenance.ics")
        yield from Api(self.view, "en").bodies()
        yield from reversed(self._pages)

    def titles(self) -> tuple[Title, ...]:
        """All published events, newest first."""
        return self._history.titles()

    def _event(self, incident_id: str) -> IncidentView | None:
        known = next((event for event in self.view.events if event.id == incident_id), None)
        return known or self._history.event(incident_id)

    def _page(self, template: str) -> Callable[[str, str], bytes]:
        path = {"index.html": "/"}.get(template, "/" + template.removesuffix(".html"))
        return lambda language, prefix: self._html(template, language, prefix, path)

    def _months_page(self, language: str, prefix: str) -> bytes:
        today = self.view.now.astimezone(self.view.region.zone).date()
        events = self._history.months(today.replace(day=1), MONTHS_SHOWN)
        return self._html(
            "history.html", language, prefix, "/history", groups=self._by_month(events), month=None
        )

    def _all_page(self, language: str, prefix: str) -> bytes:
        # Thousands of lines: what each shows is worked out here, the template only puts it down.
        languages, zone = self.view.region.languages, self.view.region.zone
        months: dict[date, list[tuple[str, str, str, str | None, str]]] = {}
        words = {key: self._kit.catalogs.translate(language, word) for key, word in IMPACT_WORDS.items()}
        for title in self._history.titles():
            day = title.started_at.astimezone(zone).date()
            name = pick(title.names, language, languages)
            foreign = name.language if name.language != language else None
            row = (day.isoformat(), title.id, name.text, foreign, words[title.impact])
            months.setdefault(day.replace(day=1), []).append(row)
        return self._html(
            "all.html", language, prefix, "/history/all", groups=sorted(months.items(), reverse=True)
        )

    def _month(self, path: str, year: int, month: int, language: str, prefix: str) -> Document | None:
        if not 1 <= month <= 12 or not 1970 <= year <= 9000:
            return None
        first = date(year, month, 1)
        if first not in dict(self.view.months):
            return None
        groups = self._by_month(self._history.months(first, 1))
        return Document(self._html("history.html", language, prefix, path, groups=groups, month=first), HTML)

    def _by_month(self, events: tuple[IncidentView, ...]) -> list[tuple[date, list[IncidentView]]]:
        groups: dict[date, list[IncidentView]] = {}
        zone = self.view.region.zone
        for event in events:
            groups.setdefault(event.started_at.astimezone(zone).date().replace(day=1), []).append(event)
        return sorted(groups.items(), reverse=True)

    def _html(self, template: str, language: str, prefix: str, path: str, **values: object) -> bytes:
        region = self.view.region
        return self._kit.render(
            template,
            language,
            region.languages,
            region.zone,
            view=self.view,
            region=region,
            prefix=prefix,
            path=path,
            static=self._static,
            sparkline=sparkline.path,
            **values,
        )

    def _feed(self, path: str, language: str, prefix: str) -> Document | None:
        component: ComponentView | None = None
        name = path
        if found := _FEED.fullmatch(path):
            component = self.view.component(found[1])
            if component is None:
                return None
            name = f"/{found[2]}"
        feeds = Feeds(self.view, language, prefix, self._kit.catalogs, self._kit.markdown)
        match name:
            case "/history.rss":
                return Document(feeds.rss(path, component), "application/rss+xml; charset=utf-8", cors=True)
            case "/history.atom":
                return Document(feeds.atom(path, component), "application/atom+xml; charset=utf-8", cors=True)
            case "/feed.json":
                return Document(
                    feeds.json_feed(path, component), "application/feed+json; charset=utf-8", cors=True
                )
            case "/maintenance.ics":
                return Document(feeds.calendar(), "text/calendar; charset=utf-8", cors=True)
        return None

    def _picture(self, path: str, language: str) -> Document | None:
        def t(text: str) -> str:
            return self._kit.catalogs.translate(language, text)

        view = self.view
        if path == "/badge.svg":
            state = "unverified" if view.unverified and view.indicator == "none" else str(view.indicator)
            svg = badges.badge("backupd", state, t(OVERALL_WORDS[state]))
        elif found := _BADGE.fullmatch(path):
            component = view.component(found[1])
            if component is None:
                return None
            verified = component.verified or component.status != "operational"
            state = str(component.status) if verified else "unverified"
            names = component.texts.names
            svg = badges.badge(
                names.get(language, names[view.region.languages[0]]), state, t(COMPONENT_WORDS[state])
            )
        else:
            return None
        return Document(svg, "image/svg+xml", cors=True)
