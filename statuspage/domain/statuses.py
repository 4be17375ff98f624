"""The closed sets of words the public API speaks, their order of severity and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class ComponentStatus(StrEnum):
    """How one component does. Clients raise on any other word."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    DEGRADED = "degraded_performance"
    PARTIAL = "partial_outage"
    MAJOR = "major_outage"


class Impact(StrEnum):
    """How bad an incident is; also the page's indicator."""

    NONE = "none"
    MAINTENANCE = "maintenance"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class IncidentStatus(StrEnum):
    """Where an incident stands."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"


class MaintenanceStatus(StrEnum):
    """Where a scheduled maintenance stands."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"


class Kind(StrEnum):
    """The two kinds of event a page reports."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


SEVERITY = {status: rank for rank, status in enumerate(ComponentStatus)}
IMPACT_RANK = {impact: rank for rank, impact in enumerate(Impact)}
DESCRIPTIONS = {
    Impact.NONE: "All Systems Operational",
    Impact.MINOR: "Partially Degraded Service",
    Impact.MAJOR: "Partial System Outage",
    Impact.CRITICAL: "Major Service Outage",
    Impact.MAINTENANCE: "Service Under Maintenance",
}
CLOSED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM, MaintenanceStatus.COMPLETED})
IMPACT_OF = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.UNDER_MAINTENANCE: Impact.MAINTENANCE,
    ComponentStatus.DEGRADED: Impact.MINOR,
    ComponentStatus.PARTIAL: Impact.MAJOR,
    ComponentStatus.MAJOR: Impact.CRITICAL,
}
_I, _M = IncidentStatus, MaintenanceStatus
_OPEN = (_I.INVESTIGATING, _I.IDENTIFIED, _I.MONITORING)
# An open incident may go back (a fix that did not hold); a resolved one may be reopened. A post-mortem ends it.
NEXT: dict[str, frozenset[str]] = {
    **{status: frozenset((*_OPEN, _I.RESOLVED)) for status in _OPEN},
    _I.RESOLVED: frozenset((*_OPEN, _I.RESOLVED, _I.POSTMORTEM)),
    _I.POSTMORTEM: frozenset((_I.POSTMORTEM,)),
    _M.SCHEDULED: frozenset((_M.SCHEDULED, _M.IN_PROGRESS, _M.COMPLETED)),
    _M.IN_PROGRESS: frozenset((_M.IN_PROGRESS, _M.VERIFYING, _M.COMPLETED)),
    _M.VERIFYING: frozenset((_M.IN_PROGRESS, _M.VERIFYING, _M.COMPLETED)),
    _M.COMPLETED: frozenset((_M.COMPLETED,)),
}


def worst(statuses: Iterable[ComponentStatus]) -> ComponentStatus:
    """The most severe of some statuses; operational when there are none."""
    return max(statuses, key=SEVERITY.__getitem__, default=ComponentStatus.OPERATIONAL)


def impact_of(statuses: Iterable[ComponentStatus]) -> Impact:
    """The impact that follows from the component statuses an incident sets."""
    return IMPACT_OF[worst(statuses)]


def indicator(statuses: Iterable[ComponentStatus], impacts: Iterable[Impact] = ()) -> Impact:
    """The page's indicator: the worst of its components and of the impacts of its open page-wide incidents."""
    candidates = [impact_of(statuses), *impacts]
    return max(candidates, key=IMPACT_RANK.__getitem__)


def may_follow(current: str, following: str) -> bool:
    """Whether an update may move an incident or maintenance from ``current`` to ``following``."""
    return following in NEXT[current]
