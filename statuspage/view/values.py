"""The plain values of a reading. They hold all languages; documents pick one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from regions.loader import Component, Region
from statuspage.domain.statuses import (
    CLOSED,
    DESCRIPTIONS,
    ComponentStatus,
    Impact,
    Kind,
    MaintenanceStatus,
    indicator,
)
from statuspage.domain.uptime import Day


@dataclass(frozen=True, slots=True)
class UpdateView:
    """One thing that was said, newest first in its incident. ``components`` maps id to (old, new) status."""

    id: str
    status: str
    bodies: Mapping[str, str]
    components: Mapping[str, tuple[str, str]]
    deliver: bool
    created_at: datetime
    updated_at: datetime
    display_at: datetime
    corrected_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentView:
    """A published incident or maintenance."""

    id: str
    kind: str
    status: str
    impact: Impact
    page_wide: bool
    names: Mapping[str, str]
    cancelled: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    updates: tuple[UpdateView, ...]
    component_ids: tuple[str, ...]

    @property
    def maintenance(self) -> bool:
        """Whether this is a scheduled maintenance."""
        return self.kind == Kind.MAINTENANCE

    @property
    def open(self) -> bool:
        """Whether it is not over yet."""
        return self.status not in CLOSED

    @property
    def active(self) -> bool:
        """Whether it is going on: an open incident, or a maintenance that has begun and not ended."""
        return self.open and self.status != MaintenanceStatus.SCHEDULED

    @property
    def postmortem(self) -> UpdateView | None:
        """The newest post-mortem, if one was written."""
        return next((update for update in self.updates if update.status == "postmortem"), None)


@dataclass(frozen=True, slots=True)
class Title:
    """What a list of everything needs of an event, and no more."""

    id: str
    names: Mapping[str, str]
    impact: str
    started_at: datetime
    stamp: str


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component with its status now, its last 90 days and whether that is proven at present."""

    id: str
    key: str
    texts: Component
    position: int
    created_at: datetime
    updated_at: datetime
    start_date: datetime | None
    status: ComponentStatus
    days: tuple[Day, ...]
    uptime: float | None
    verified: bool
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One day of one workload: share of successes (None: nothing attempted) and the worst lag in seconds."""

    day: date
    success: float | None
    lag_s: float | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Series:
    """One workload's days, oldest first."""

    component_key: str
    workload: str
    days: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class PageKey:
    """What a document depends on: documents made for equal keys are equal, byte for byte."""

    version: int
    hour: datetime
    unverified: frozenset[str]


@dataclass(frozen=True, slots=True)
class PageView:
    """One region's page at one instant."""

    region: Region
    id: str
    url: str
    key: PageKey
    updated_at: datetime
    now: datetime
    components: tuple[ComponentView, ...]
    events: tuple[IncidentView, ...]
    series: tuple[Series, ...]
    months: tuple[tuple[date, int], ...]

    @property
    def indicator(self) -> Impact:
        """The overall indicator: components, and open page-wide incidents of their own impact."""
        wide = [event.impact for event in self.events if event.active and event.page_wide]
        return indicator((component.status for component in self.components), wide)

    @property
    def description(self) -> str:
        """The overall state in the words of the API; a page that nothing has proven lately does not claim health."""
        if self.indicator is Impact.NONE and self.unverified:
            return "Not Currently Verified"
        return DESCRIPTIONS[self.indicator]

    @property
    def unverified(self) -> tuple[ComponentView, ...]:
        """The components that no recent measurement vouches for."""
        return tuple(component for component in self.components if not component.verified)

    @property
    def incidents(self) -> tuple[IncidentView, ...]:
        """All incidents of this reading, newest first."""
        return tuple(event for event in self.events if not event.maintenance)

    @property
    def maintenances(self) -> tuple[IncidentView, ...]:
        """All maintenances of this reading, newest first."""
        return tuple(event for event in self.events if event.maintenance)

    @property
    def upcoming(self) -> tuple[IncidentView, ...]:
        """Maintenances still to begin, the next one first."""
        waiting = [event for event in self.maintenances if event.status == MaintenanceStatus.SCHEDULED]
        return tuple(sorted(waiting, key=lambda event: event.scheduled_for or event.started_at))

    def component(self, component_id: str) -> ComponentView | None:
        """The component with this id or key."""
        return next((one for one in self.components if component_id in (one.id, one.key)), None)
