"""Incidents: open, update, correct, publish or discard a draft, post-mortem, backfill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select

from statuspage.desk.base import Bench, affected, derive, in_order
from statuspage.desk.commands import Correction, NewIncident, NewUpdate
from statuspage.domain.statuses import CLOSED, Impact, IncidentStatus, Kind
from statuspage.errors import Invalid, NotFound
from statuspage.store.base import new_id
from statuspage.store.incidents import Incident, Update
from statuspage.store.page import ComponentRow, bump


class IncidentDesk(Bench):
    """Every change to an incident; the caller commits."""

    def open(self, new: NewIncident) -> Incident:
        """Opens an incident, public or as a draft. The same ``action_id`` again returns the first one unchanged."""
        if new.action_id and (known := self._by_action(new.action_id)):
            return known
        started = new.started_at or self.now
        if started > self.now:
            raise Invalid(
                "An incident cannot begin in the future; announce a maintenance instead.",
                {"started_at": "is in the future"},
            )
        if not new.components and not new.page_wide:
            raise Invalid(
                "Name at least one component, or mark the incident as page-wide.",
                {"components": "none named"},
            )
        incident = Incident(
            id=new_id(),
            kind=Kind.INCIDENT,
            status=new.status,
            impact=new.impact or Impact.NONE,
            impact_fixed=new.impact is not None,
            page_wide=new.page_wide,
            names=self.names(new.names),
            origin=self.actor.origin,
            action_id=new.action_id,
            created_at=self.now,
            updated_at=self.now,
            started_at=started,
            published_at=None if new.draft else self.now,
            evidence={},
        )
        self.session.add(incident)
        self.say(
            incident,
            new.status,
            new.bodies,
            self.component_ids(new.components),
            at=started,
            deliver=new.deliver,
        )
        self.session.flush()
        self.record(
            "incident.draft" if new.draft else "incident.open",
            incident.id,
            names=incident.names,
            components=sorted(affected(incident)),
            deliver=new.deliver,
        )
        return incident

    def update(self, incident_id: str, new: NewUpdate) -> Update:
        """Says something more. An update to a resolved incident that changes components reopens nothing by itself."""
        if new.action_id:
            known = self.session.scalar(select(Update).where(Update.action_id == new.action_id))
            if known is not None:
                return known
        incident = self.incident(incident_id, new.version)
        if incident.kind == Kind.INCIDENT and new.status not in list(IncidentStatus):
            raise Invalid(f"There is no status {new.status!r}.", {"status": "is not one of an incident"})
        if new.status == IncidentStatus.POSTMORTEM:
            return self.postmortem(incident_id, new)
        said = self.say(
            incident,
            new.status,
            new.bodies,
            self.component_ids(new.components),
            at=new.display_at or self.now,
            deliver=new.deliver,
            action_id=new.action_id,
        )
        incident.acknowledged_at = incident.acknowledged_at or self.now
        incident.reminded_at = None
        self.session.flush()
        self.record("incident.update", incident.id, update=said.id, status=said.status, deliver=new.deliver)
        return said

    def postmortem(self, incident_id: str, new: NewUpdate) -> Update:
        """Adds the post-mortem, which stands at the incident's permalink from then on."""
        incident = self.incident(incident_id, new.version)
        said = self.say(
            incident,
            IncidentStatus.POSTMORTEM,
            new.bodies,
            {},
            at=new.display_at or self.now,
            deliver=new.deliver,
            action_id=new.action_id,
        )
        self.session.flush()
        self.record("incident.postmortem", incident.id, update=said.id, deliver=new.deliver)
        return said

    def correct(self, update_id: str, correction: Correction) -> Update:
        """Corrects a public update in place: the audit keeps what it said, the page says that it was corrected."""
        update = self.session.get(Update, update_id)
        if update is None:
            raise NotFound(f"There is no update {update_id!r}.")
        incident = self.incident(update.incident_id, correction.version)
        before = {
            "bodies": update.bodies,
            "components": update.components,
            "display_at": update.display_at.isoformat(),
        }
        if correction.bodies is not None:
            update.bodies = self.bodies(correction.bodies)
        if correction.components is not None:
            update.components = {
                id_: ["", status] for id_, status in self.component_ids(correction.components).items()
            }
        if correction.display_at is not None:
            if correction.display_at > self.now:
                raise Invalid("An update cannot be dated in the future.", {"display_at": "is in the future"})
            if update is incident.updates[0]:
                incident.started_at = correction.display_at
            update.display_at = correction.display_at
        incident.updates.sort(key=in_order)
        derive(incident)
        update.corrected_at = update.updated_at = incident.updated_at = self.now
        if incident.published_at is not None:
            self.publish(incident, None, "")
        self.record("update.correct", update.id, incident=incident.id, before=before)
        return update

    def rename(self, incident_id: str, names: dict[str, str], version: int | None = None) -> Incident:
        """Gives an incident another name; its address and feed ids stay."""
        incident = self.incident(incident_id, version)
        before = incident.names
        incident.names, incident.updated_at = self.names(names), self.now
        if incident.published_at is not None:
            self.publish(incident, None, "")
        self.record("incident.rename", incident.id, before=before, after=incident.names)
        return incident

    def publish_draft(
        self, incident_id: str, *, deliver: bool = True, version: int | None = None
    ) -> Incident:
        """Makes a draft public, with everything it already says, and tells people of its last update."""
        incident = self.incident(incident_id, version)
        if incident.published_at is not None:
            return incident
        incident.published_at = incident.acknowledged_at = incident.updated_at = self.now
        self.publish(incident, incident.updates[-1] if deliver else None, "incident_opened")
        self.record("draft.publish", incident.id, deliver=deliver)
        return incident

    def acknowledge(self, incident_id: str) -> Incident:
        """Takes a draft on, which ends its escalation."""
        incident = self.incident(incident_id)
        if incident.acknowledged_at is None:
            incident.acknowledged_at = self.now
            self.record("draft.acknowledge", incident.id)
        return incident

    def discard(self, incident_id: str) -> None:
        """Drops a draft. What was public once cannot be dropped."""
        incident = self.incident(incident_id)
        if incident.published_at is not None:
            raise Invalid("This is public and stays in the history; correct it instead.")
        incident.discarded_at = incident.acknowledged_at = self.now
        self.record("draft.discard", incident.id)

    def backfill(self, new: NewIncident, updates: Sequence[NewUpdate]) -> Incident:
        """Enters an incident of the past with its dated updates; nobody is told."""
        if new.started_at is None or any(one.display_at is None for one in updates):
            raise Invalid("A backfilled incident needs a start, and each of its updates a date.")
        times = [new.started_at, *(one.display_at for one in updates if one.display_at)]
        if any(later < earlier for earlier, later in pairwise(times)):
            raise Invalid("The updates of a backfilled incident must be in order of time.")
        if not updates or updates[-1].status not in CLOSED:
            raise Invalid("A backfilled incident must end resolved.")
        known = self._by_action(new.action_id) if new.action_id else None
        if known:
            return known
        incident = self.open(replace(new, draft=True, deliver=False))
        for one in updates:
            self.say(
                incident,
                one.status,
                one.bodies,
                self.component_ids(one.components),
                at=one.display_at or self.now,
                deliver=False,
            )
        incident.published_at = incident.acknowledged_at = self.now
        incident.created_at = new.started_at
        incident.updated_at = times[-1]
        for update in incident.updates:
            update.created_at = update.updated_at = update.display_at
        self._extend_history(new.started_at)
        self.session.flush()
        bump(self.session, self.now)
        self.record("incident.backfill", incident.id, started_at=new.started_at.isoformat())
        return incident

    def _extend_history(self, since: datetime) -> None:
        # Days before a component's start are shown as unknown; a backfilled incident shows that they are known.
        for row in self.session.scalars(select(ComponentRow)):
            if row.start_date is None or row.start_date > since:
                row.start_date = since

    def _by_action(self, action_id: str) -> Incident | None:
        return self.session.scalar(select(Incident).where(Incident.action_id == action_id))
