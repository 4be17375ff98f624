"""Applies the rules to what was measured and carries out their steps through the same desk as people use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.desk.commands import Actor, NewIncident
from statuspage.desk.incidents import IncidentDesk
from statuspage.domain import rules
from statuspage.domain.rules import Evidence, Phase, Standing, Step, Window
from statuspage.domain.statuses import CLOSED, ComponentStatus, IncidentStatus
from statuspage.i18n import Catalogs
from statuspage.store.incidents import Incident
from statuspage.store.measurements import RuleState, Sample
from statuspage.store.page import ComponentRow

DETECTOR = Actor("detection", "detector")
LOOK_BACK = timedelta(minutes=5)
NAMES = {
    "website": "The website cannot be reached",
    "backups": "Backups are failing or late",
    "restores": "Restores and downloads are failing or late",
}
TEXTS = {
    Step.OPEN: "Our measurements show a problem that affects several customers. We are investigating.",
    Step.WORSEN: "Our measurements show that the problem has become worse.",
    Step.MONITOR: "Our measurements look good again. We are watching them before we call this resolved.",
    Step.RELAPSE: "Our measurements show the problem again.",
    Step.RESOLVE: "Our measurements have stayed good. This is resolved.",
}


class Watch:
    """Looks at one component's newest windows, within one transaction."""

    def __init__(self, session: Session, region: Region, catalogs: Catalogs, now: datetime) -> None:
        self._session, self._region, self._catalogs, self._now = session, region, catalogs, now

    def look(self, component: str, at: datetime) -> Step:
        """Judges the component's windows up to ``at`` and does what the rule says."""
        state = self._session.get(RuleState, component, with_for_update=True)
        assert state is not None, "the receiver creates the state before it looks"
        rule = self._region.detection[component]
        evidence = rules.judge(rule, self._windows(component, at), self._vantages(component), at)
        standing, step = rules.advance(rule, self._standing(state), evidence)
        state.state = {**dump(standing), "evidence": _plain(evidence)}
        if step is not Step.NOTHING:
            self._carry_out(state, step, standing, evidence)
        return step

    def _standing(self, state: RuleState) -> Standing:
        # Where a person has ended the incident the rule begins anew, so that a failure that goes on is told again.
        standing = load(state.state)
        if state.incident_id is None:
            return standing
        incident = self._session.get(Incident, state.incident_id)
        if incident is not None and not incident.discarded_at and incident.status not in CLOSED:
            return standing
        state.incident_id = None
        return Standing(relapses=standing.relapses, last_at=standing.last_at)

    def _windows(self, component: str, at: datetime) -> list[Window]:
        rows = self._session.scalars(
            select(Sample)
            .where(
                Sample.component_key == component,
                Sample.measured_at > at - LOOK_BACK,
                Sample.measured_at <= at,
            )
            .order_by(Sample.measured_at)
        )
        newest = {(row.workload, row.vantage): row for row in rows}
        return [
            Window(
                row.attempts,
                row.failures,
                row.lag_s,
                row.queue_age_s,
                row.organizations_affected,
                row.organizations_total,
                row.workload,
                row.vantage,
                row.measured_at,
            )
            for row in newest.values()
        ]

    def _vantages(self, component: str) -> tuple[str, ...]:
        probed = {probe.component for probe in self._region.probes}
        return self._region.vantages if component in probed else ()

    def _carry_out(self, state: RuleState, step: Step, standing: Standing, evidence: Evidence) -> None:
        desk = IncidentDesk(self._session, self._region, DETECTOR, self._now)
        incident = self._session.get(Incident, state.incident_id) if state.incident_id else None
        bodies = self._catalogs.in_all(self._region.languages, TEXTS[step])
        if incident is None:
            if step in (Step.OPEN, Step.RELAPSE, Step.WORSEN):
                state.incident_id = self._open(desk, state.component_key, standing, evidence, bodies).id
            return
        moves = {
            Step.WORSEN: IncidentStatus.INVESTIGATING,
            Step.RELAPSE: IncidentStatus.INVESTIGATING,
            Step.MONITOR: IncidentStatus.MONITORING,
            Step.RESOLVE: IncidentStatus.RESOLVED,
        }
        new_status = moves.get(step, IncidentStatus.INVESTIGATING)
        worse = step in (Step.WORSEN, Step.RELAPSE)
        # What a person has already said of the state is not talked over by a step back to investigating.
        if step is Step.WORSEN and incident.status == IncidentStatus.IDENTIFIED:
            new_status = IncidentStatus.IDENTIFIED
        components = {state.component_key: standing.status} if worse else {}
        desk.say(incident, new_status, bodies, desk.component_ids(components), at=self._now, deliver=True)
        incident.evidence = {**incident.evidence, str(step): _plain(evidence)}
        self._session.flush()
        desk.record(f"detection.{step}", incident.id, reason=evidence.reason)
        if step is Step.RESOLVE:
            state.incident_id = None

    def _open(
        self,
        desk: IncidentDesk,
        component: str,
        standing: Standing,
        evidence: Evidence,
        bodies: Mapping[str, str],
    ) -> Incident:
        publish = self._region.detection[component].publish
        incident = desk.open(
            NewIncident(
                names=self._catalogs.in_all(self._region.languages, NAMES[component]),
                bodies=bodies,
                components={component: standing.status},
                draft=not publish,
            )
        )
        incident.evidence = {"open": _plain(evidence)}
        desk.record(
            "detection.open",
            incident.id,
            reason=evidence.reason,
            published=publish,
            organizations_affected=evidence.organizations_affected,
            organizations_total=evidence.organizations_total,
        )
        return incident


def shortfall(session: Session, region: Region, components: list[str]) -> str | None:
    """A warning for a person about to post: the measurements do not show that several customers are affected."""
    keys = set(
        session.scalars(
            select(ComponentRow.key).where(ComponentRow.id.in_(components) | ComponentRow.key.in_(components))
        )
    )
    states = [state for state in session.scalars(select(RuleState)) if state.component_key in keys]
    known = [state for state in states if state.state.get("evidence")]
    if not known:
        return None
    for state in known:
        found = state.state["evidence"]
        evidence = Evidence(
            datetime.fromisoformat(found["at"]),
            ComponentStatus(found["status"]),
            found["organizations_affected"],
            found["organizations_total"],
            found["all_vantages_fail"],
            found["reason"],
        )
        if rules.several(region.detection[state.component_key], evidence):
            return None
    most = max(known, key=lambda state: state.state["evidence"]["organizations_affected"]).state["evidence"]
    return (
        f"The measurements show {most['organizations_affected']} of {most['organizations_total']} organizations "
        "affected; only problems of several customers are published. Post if you know more than they do."
    )


def dump(standing: Standing) -> dict[str, Any]:
    """A standing as it is stored."""
    return {
        "phase": str(standing.phase),
        "bad": standing.bad,
        "good": standing.good,
        "status": str(standing.status),
        "relapses": [at.isoformat() for at in standing.relapses],
        "last_at": standing.last_at.isoformat() if standing.last_at else None,
    }


def load(stored: Mapping[str, Any]) -> Standing:
    """A standing as it was stored; a fresh one where there is none."""
    if not stored:
        return Standing()
    last = stored["last_at"]
    return Standing(
        Phase(stored["phase"]),
        stored["bad"],
        stored["good"],
        ComponentStatus(stored["status"]),
        tuple(datetime.fromisoformat(at) for at in stored["relapses"]),
        datetime.fromisoformat(last) if last else None,
    )


def _plain(evidence: Evidence) -> dict[str, Any]:
    return {
        "at": evidence.at.isoformat(),
        "status": str(evidence.status),
        "reason": evidence.reason,
        "organizations_affected": evidence.organizations_affected,
        "organizations_total": evidence.organizations_total,
        "all_vantages_fail": evidence.all_vantages_fail,
    }
