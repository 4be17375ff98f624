"""RSS, Atom, JSON Feed and iCal. All dates come from the data, so that an unchanged feed is byte for byte the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from icalendar import Calendar, Event, vText
from lxml import etree

from statuspage.domain.texts import Text, pick
from statuspage.i18n import Catalogs
from statuspage.pages.markdown import Markdown
from statuspage.pages.words import EVENT_WORDS
from statuspage.view.values import ComponentView, IncidentView, PageView, UpdateView

NAMESPACE = "urn:backupd:status:1"
ITEMS = 50


class _WindowFeed(BaseExtension):  # type: ignore[misc]
    """Declares the namespace of a maintenance's window at the feed's root."""

    def extend_ns(self) -> dict[str, str]:
        return {"status": NAMESPACE}


class _Window(BaseEntryExtension):  # type: ignore[misc]
    """A maintenance's window. It cannot be the entry's date: readers drop entries of the future."""

    def __init__(self) -> None:
        self._window: tuple[str, str] | None = None

    def between(self, start: datetime, end: datetime) -> None:
        self._window = (start.isoformat(), end.isoformat())

    def extend_atom(self, entry: Any) -> Any:
        if self._window:
            element = etree.SubElement(entry, f"{{{NAMESPACE}}}window")
            element.set("from", self._window[0])
            element.set("until", self._window[1])
        return entry

    extend_rss = extend_atom


class Feeds:
    """All feeds of one page in one language, as served below `prefix`."""

    def __init__(
        self, view: PageView, language: str, prefix: str, catalogs: Catalogs, markdown: Markdown
    ) -> None:
        self._view, self._language, self._catalogs, self._markdown = view, language, catalogs, markdown
        self._base, self._home = view.url + prefix, f"{view.url}{prefix}/"

    def _t(self, text: str, **values: object) -> str:
        return self._catalogs.translate(self._language, text, **values)

    def _text(self, texts: Any) -> Text:
        return pick(texts, self._language, self._view.region.languages)

    def title(self, component: ComponentView | None) -> str:
        """The feed's title."""
        region = self._text(self._view.region.titles).text
        name = f"backupd {region}"
        return f"{name} – {self._text(component.texts.names).text}" if component else name

    def events(self, component: ComponentView | None) -> list[IncidentView]:
        """The events a feed holds, newest change first."""
        chosen = [
            event
            for event in self._view.events
            if component is None or event.page_wide or component.id in event.component_ids
        ]
        return sorted(chosen, key=lambda event: (changed(event), event.id), reverse=True)[:ITEMS]

    def _feed(self, path: str, component: ComponentView | None, updated: datetime) -> FeedGenerator:
        feed = FeedGenerator()
        feed.register_extension("window", _WindowFeed, _Window)
        place = f"component/{component.id}" if component else "page"
        feed.id(f"tag:{self._view.region.host},2026:{self._view.region.name}/{place}")
        feed.title(self.title(component))
        feed.description(self._t("Incidents and scheduled maintenance"))
        feed.subtitle(self._t("Incidents and scheduled maintenance"))
        feed.author(name="backupd")
        feed.link(href=self._home, rel="alternate")
        feed.link(href=f"{self._base}{path}", rel="self")
        feed.language(self._language)
        feed.updated(updated)
        feed.lastBuildDate(updated)
        feed.pubDate(updated)
        feed.generator("backupd status")
        return feed

    def _dress(self, entry: FeedEntry, event: IncidentView) -> None:
        entry.title(self._text(event.names).text)
        entry.link(href=self._permalink(event))
        for component in self._view.components:
            if event.page_wide or component.id in event.component_ids:
                entry.category(term=component.key, label=self._text(component.texts.names).text)
        if event.scheduled_for and event.scheduled_until:
            entry.window.between(
                event.scheduled_for.astimezone(self._view.region.zone),
                event.scheduled_until.astimezone(self._view.region.zone),
            )

    def _permalink(self, event: IncidentView) -> str:
        return f"{self._base}/incidents/{event.id}"

    def atom(self, path: str, component: ComponentView | None) -> bytes:
        """Atom: one entry per event; its id never changes, its date is that of its last change."""
        events = self.events(component)
        feed = self._feed(path, component, max(map(changed, events), default=self._view.updated_at))
        for event in events:
            entry = feed.add_entry(order="append")
            self._dress(entry, event)
            entry.id(f"tag:{self._view.region.host},2026:incident/{event.id}")
            entry.published(event.created_at)
            entry.updated(changed(event))
            entry.content("".join(self.paragraph(update) for update in event.updates), type="html")
        return bytes(feed.atom_str(pretty=True))

    def rss(self, path: str, component: ComponentView | None) -> bytes:
        """RSS: one item per update, its guid the update's id."""
        items = [(update, event) for event in self.events(component) for update in event.updates]
        items.sort(key=lambda pair: (pair[0].display_at, pair[0].id), reverse=True)
        newest = max((update.updated_at for update, _ in items), default=self._view.updated_at)
        feed = self._feed(path, component, newest)
        for update, event in items[:ITEMS]:
            entry = feed.add_entry(order="append")
            self._dress(entry, event)
            entry.guid(update.id, permalink=False)
            entry.pubDate(update.display_at)
            entry.description(self.paragraph(update))
        return bytes(feed.rss_str(pretty=True))

    def json_feed(self, path: str, component: ComponentView | None) -> bytes:
        """JSON Feed 1.1: one item per event."""
        items = []
        for event in self.events(component):
            tags = [
                one.key for one in self._view.components if event.page_wide or one.id in event.component_ids
            ]
            item: dict[str, Any] = {
                "id": event.id,
                "url": self._permalink(event),
                "title": self._text(event.names).text,
                "content_html": "".join(self.paragraph(update) for update in event.updates),
                "date_published": event.created_at.isoformat(),
                "date_modified": changed(event).isoformat(),
                "tags": tags,
                "language": self._text(event.names).language,
            }
            if event.scheduled_for and event.scheduled_until:
                item["_status"] = {
                    "about": NAMESPACE,
                    "scheduled_for": event.scheduled_for.isoformat(),
                    "scheduled_until": event.scheduled_until.isoformat(),
                }
            items.append(item)
        body = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": self.title(component),
            "home_page_url": self._home,
            "feed_url": f"{self._base}{path}",
            "language": self._language,
            "authors": [{"name": "backupd"}],
            "items": items,
        }
        return json.dumps(body, ensure_ascii=False, indent=1).encode()

    def calendar(self) -> bytes:
        """Scheduled maintenance as iCal; a cancelled one stays, as cancelled."""
        calendar = Calendar()
        calendar.add("prodid", "-//backupd//status//EN")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        calendar.add("x-wr-calname", vText(self.title(None)))
        for event in self._view.maintenances:
            assert event.scheduled_for and event.scheduled_until
            entry = Event()
            entry.add("uid", f"{event.id}@{self._view.region.host}")
            entry.add("dtstamp", changed(event).astimezone(UTC))
            entry.add("last-modified", changed(event).astimezone(UTC))
            entry.add("sequence", len(event.updates) - 1)
            entry.add("dtstart", event.scheduled_for.astimezone(UTC))
            entry.add("dtend", event.scheduled_until.astimezone(UTC))
            entry.add("summary", self._text(event.names).text)
            entry.add("description", self._text(event.updates[0].bodies).text)
            entry.add("url", self._permalink(event))
            entry.add("status", "CANCELLED" if event.cancelled else "CONFIRMED")
            entry.add("transp", "TRANSPARENT")
            calendar.add_component(entry)
        return bytes(calendar.to_ical())

    def paragraph(self, update: UpdateView) -> str:
        """An update as HTML: when, what, and the text."""
        said = self._text(update.bodies)
        when = update.display_at.astimezone(self._view.region.zone)
        status = self._t(EVENT_WORDS[update.status])
        lang = f' lang="{said.language}"' if said.language != self._language else ""
        return (
            f"<p><small>{when.strftime('%Y-%m-%d %H:%M')} {when.tzname()}</small><br>"
            f"<strong>{status}</strong></p><div{lang}>{self._markdown.html(said.text)}</div>"
        )


def changed(event: IncidentView) -> datetime:
    """When an event last changed; never in the future, for maintenance too."""
    return max(event.updated_at, max(update.display_at for update in event.updates))
