"""What every change shares: finding, checking the editor's revision, deriving, telling, recording."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.desk.commands import Actor
from statuspage.domain.statuses import (
    CLOSED,
    ComponentStatus,
    Impact,
    IncidentStatus,
    Kind,
    MaintenanceStatus,
    impact_of,
    may_follow,
)
from statuspage.domain.texts import BODY_LIMIT, NAME_LIMIT, clean_all
from statuspage.errors import EditConflict, Invalid, NotFound
from statuspage.store.base import new_id
from statuspage.store.incidents import Incident, Update
from statuspage.store.operators import AuditEntry
from statuspage.store.outbox import COMPONENT_EVENT, Notification
from statuspage.store.page import ComponentRow, bump


class Bench:
    """The tools a desk works with, bound to one transaction, one actor and one instant."""

    def __init__(self, session: Session, region: Region, actor: Actor, now: datetime) -> None:
        self.session, self.region, self.actor, self.now = session, region, actor, now

    def incident(self, incident_id: str, version: int | None = None) -> Incident:
        """The incident, if it still has the revision the editor saw."""
        found = self.session.get(Incident, incident_id)
        if found is None or found.discarded_at is not None:
            raise NotFound(f"There is no incident {incident_id!r}.")
        if version is not None and version != found.version:
            raise EditConflict(version, found.version)
        return found

    def component_ids(self, names: Mapping[str, ComponentStatus]) -> dict[str, ComponentStatus]:
        """Statuses by component id, from statuses by id or key."""
        rows = self.session.execute(select(ComponentRow.id, ComponentRow.key)).all()
        ids = {**{row.key: row.id for row in rows}, **{row.id: row.id for row in rows}}
        for name in names:
            if name not in ids:
                raise Invalid(
                    f"There is no component {name!r}; known are {', '.join(row.key for row in rows)}.",
                    {"components": "unknown component"},
                )
        return {ids[name]: ComponentStatus(status) for name, status in names.items()}

    def names(self, texts: Mapping[str, str]) -> dict[str, str]:
        """An incident's name, cleaned, in the region's languages."""
        return clean_all(texts, NAME_LIMIT, self.region.languages, single_line=True, field="name")

    def bodies(self, texts: Mapping[str, str]) -> dict[str, str]:
        """An update's text, cleaned, in the region's languages."""
        return clean_all(texts, BODY_LIMIT, self.region.languages, single_line=False, field="text")

    def say(
        self,
        incident: Incident,
        status: str,
        bodies: Mapping[str, str],
        components: Mapping[str, ComponentStatus],
        *,
        at: datetime,
        deliver: bool,
        action_id: str | None = None,
    ) -> Update:
        """Adds an update, derives the incident from all of them and tells whom it concerns."""
        if at > self.now:
            raise Invalid("An update cannot be dated in the future.", {"display_at": "is in the future"})
        update = Update(
            id=new_id(),
            status=status,
            bodies=self.bodies(bodies),
            deliver=deliver,
            action_id=action_id,
            components={id_: ["", status_] for id_, status_ in components.items()},
            created_at=self.now,
            updated_at=self.now,
            display_at=at,
            author=self.actor.name,
            sequence=len(incident.updates),
        )
        incident.updates.append(update)
        incident.updates.sort(key=in_order)
        derive(incident)
        incident.updated_at = self.now
        if incident.published_at is not None:
            self.publish(incident, update if deliver else None, event_of(incident, update))
        return update

    def publish(self, incident: Incident, update: Update | None, event: str) -> None:
        """Raises the page's version and, for an update that is delivered, leaves a notification with the change."""
        self.session.flush()
        bump(self.session, self.now)
        if update is not None:
            self.session.add(
                Notification(
                    id=new_id(),
                    incident_id=incident.id,
                    update_id=update.id,
                    event=event,
                    component_ids=sorted(affected(incident)),
                    page_wide=incident.page_wide,
                    created_at=self.now,
                )
            )
            for component, (old, new) in update.components.items():
                if old != new:  # webhooks are told of each component's change too, as Statuspage does
                    self.session.add(
                        Notification(
                            id=new_id(),
                            incident_id=incident.id,
                            update_id=update.id,
                            event=COMPONENT_EVENT,
                            component_ids=[component],
                            page_wide=False,
                            created_at=self.now,
                        )
                    )

    def record(self, action: str, target: str, **detail: Any) -> None:
        """Writes what was done to the audit, in the same transaction."""
        self.session.add(
            AuditEntry(at=self.now, actor=self.actor.name, action=action, target=target, detail=detail)
        )


def in_order(update: Update) -> tuple[datetime, datetime, int]:
    """What updates are sorted by: when they were shown, then made, then said."""
    return update.display_at, update.created_at, update.sequence


def affected(incident: Incident) -> set[str]:
    """All components an incident ever touched: who was told of the start is told of the end."""
    return {component for update in incident.updates for component in update.components}


def event_of(incident: Incident, update: Update) -> str:
    """What a notification is about, in one word."""
    first = len(incident.updates) == 1
    if incident.kind == Kind.MAINTENANCE:
        return "maintenance_scheduled" if first else "maintenance_updated"
    return "incident_opened" if first else "incident_updated"


def derive(incident: Incident) -> None:
    """Recomputes everything an incident has from its updates, oldest first; refuses an impossible order.

    Nothing is kept by hand, so a correction or a backfilled update cannot leave the incident contradicting itself.
    """
    current: dict[str, str] = {}
    previous: Update | None = None
    incident.monitoring_at = incident.resolved_at = None
    seen: list[ComponentStatus] = []
    for update in incident.updates:
        if previous is not None and not may_follow(previous.status, update.status):
            raise Invalid(
                f"An update cannot move this from {previous.status} to {update.status}.",
                {"status": "cannot follow"},
            )
        said = {component: pair[1] for component, pair in update.components.items()}
        if update.status in CLOSED and update.status != IncidentStatus.POSTMORTEM:
            said = dict.fromkeys({*current, *said}, ComponentStatus.OPERATIONAL.value)
        update.components = {
            component: [current.get(component, ComponentStatus.OPERATIONAL.value), str(status)]
            for component, status in sorted(said.items())
        }
        current.update(said)
        seen += [ComponentStatus(status) for status in said.values()]
        if update.status == IncidentStatus.MONITORING and incident.monitoring_at is None:
            incident.monitoring_at = update.display_at
        if update.status in (IncidentStatus.RESOLVED, MaintenanceStatus.COMPLETED):
            incident.resolved_at = incident.resolved_at or update.display_at
        elif update.status != IncidentStatus.POSTMORTEM:
            incident.resolved_at = None
        previous = update
    assert previous is not None, "an incident has at least one update"
    incident.status = previous.status
    if not incident.impact_fixed:
        incident.impact = Impact.MAINTENANCE if incident.kind == Kind.MAINTENANCE else impact_of(seen)
