"""The public API v2, shape for shape as Statuspage clients read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from statuspage.domain.texts import pick
from statuspage.view.values import ComponentView, IncidentView, PageView, UpdateView

LATEST = 50
Body = dict[str, Any]


def stamp(at: datetime | None, zone: ZoneInfo) -> str | None:
    """An instant as ISO 8601 with milliseconds and the zone's offset."""
    return None if at is None else at.astimezone(zone).isoformat(timespec="milliseconds")


class Api:
    """All v2 bodies of one page in one language."""

    def __init__(self, view: PageView, language: str) -> None:
        self._view, self._language, self._zone = view, language, view.region.zone

    def bodies(self) -> Mapping[str, Body]:
        """Every v2 path with its body."""
        view = self._view
        incidents, maintenances = view.incidents[:LATEST], view.maintenances[:LATEST]
        unresolved = [event for event in view.incidents if event.open]
        active = [event for event in view.maintenances if event.active]
        return {
            "/api/v2/status.json": {**self.page(), **self.status()},
            "/api/v2/components.json": {**self.page(), "components": self.components()},
            "/api/v2/incidents.json": {**self.page(), "incidents": self.events(incidents)},
            "/api/v2/incidents/unresolved.json": {**self.page(), "incidents": self.events(unresolved)},
            "/api/v2/scheduled-maintenances.json": {
                **self.page(),
                "scheduled_maintenances": self.events(maintenances),
            },
            "/api/v2/scheduled-maintenances/upcoming.json": {
                **self.page(),
                "scheduled_maintenances": self.events(view.upcoming),
            },
            "/api/v2/scheduled-maintenances/active.json": {
                **self.page(),
                "scheduled_maintenances": self.events(active),
            },
            "/api/v2/summary.json": {
                **self.page(),
                "components": self.components(),
                "incidents": self.events(unresolved),
                "scheduled_maintenances": self.events((*active, *view.upcoming)),
                **self.status(),
            },
        }

    def page(self) -> Body:
        """The page's identity, which every body begins with."""
        view = self._view
        title = pick(view.region.titles, self._language, view.region.languages).text
        return {
            "page": {
                "id": view.id,
                "name": f"backupd {title}",
                "url": view.url,
                "time_zone": view.region.time_zone,
                "updated_at": stamp(view.updated_at, self._zone),
            }
        }

    def status(self) -> Body:
        """The overall indicator and its description."""
        return {"status": {"indicator": str(self._view.indicator), "description": self._view.description}}

    def components(self, only: Iterable[str] | None = None) -> list[Body]:
        """The components, all or some by id, in their order."""
        chosen = None if only is None else set(only)
        return [self.component(one) for one in self._view.components if chosen is None or one.id in chosen]

    def component(self, one: ComponentView) -> Body:
        """One component."""
        region = self._view.region
        start = one.start_date.astimezone(self._zone).date().isoformat() if one.start_date else None
        return {
            "id": one.id,
            "name": self.component_name(one),
            "status": str(one.status),
            "created_at": stamp(one.created_at, self._zone),
            "updated_at": stamp(one.updated_at, self._zone),
            "position": one.position,
            "description": pick(one.texts.descriptions, self._language, region.languages).text or None,
            "showcase": True,
            "start_date": start,
            "group_id": None,
            "page_id": self._view.id,
            "group": False,
            "only_show_if_degraded": False,
        }

    def component_name(self, one: ComponentView) -> str:
        """A component's name in this API's language."""
        return pick(one.texts.names, self._language, self._view.region.languages).text

    def events(self, events: Iterable[IncidentView]) -> list[Body]:
        """Incidents or maintenances."""
        return [self.event(event) for event in events]

    def event(self, event: IncidentView) -> Body:
        """One incident, or one maintenance with its window."""
        zone = self._zone
        body = {
            "id": event.id,
            "name": pick(event.names, self._language, self._view.region.languages).text,
            "status": event.status,
            "created_at": stamp(event.created_at, zone),
            "updated_at": stamp(event.updated_at, zone),
            "monitoring_at": stamp(event.monitoring_at, zone),
            "resolved_at": stamp(event.resolved_at, zone),
            "impact": str(event.impact),
            "shortlink": f"{self._view.url}/incidents/{event.id}",
            "started_at": stamp(event.started_at, zone),
            "page_id": self._view.id,
            "incident_updates": [self.update(event, update) for update in event.updates],
            "components": self.components(event.component_ids),
        }
        if event.maintenance:
            body["scheduled_for"] = stamp(event.scheduled_for, zone)
            body["scheduled_until"] = stamp(event.scheduled_until, zone)
        return body

    def update(self, event: IncidentView, update: UpdateView) -> Body:
        """One update of an incident."""
        affected = [
            {
                "code": component.id,
                "name": self.component_name(component),
                "old_status": old,
                "new_status": new,
            }
            for component in self._view.components
            for old, new in [update.components.get(component.id, ("", ""))]
            if new
        ]
        return {
            "id": update.id,
            "status": update.status,
            "body": pick(update.bodies, self._language, self._view.region.languages).text,
            "incident_id": event.id,
            "created_at": stamp(update.created_at, self._zone),
            "updated_at": stamp(update.updated_at, self._zone),
            "display_at": stamp(update.display_at, self._zone),
            "affected_components": affected or None,
            "deliver_notifications": update.deliver,
        }


def encode(body: Body) -> bytes:
    """A body as compact UTF-8 JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
