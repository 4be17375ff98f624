"""The values a change is asked for with. They carry no behaviour and cross process and region borders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from statuspage.domain.statuses import ComponentStatus, Impact, IncidentStatus


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person's address, or the name of a part of the site."""

    name: str
    origin: str = "operator"


@dataclass(frozen=True, slots=True)
class NewIncident:
    """An incident to open. ``components`` maps a component's key or id to its status; texts are by language."""

    names: Mapping[str, str]
    bodies: Mapping[str, str]
    components: Mapping[str, ComponentStatus] = field(default_factory=dict)
    status: IncidentStatus = IncidentStatus.INVESTIGATING
    impact: Impact | None = None
    page_wide: bool = False
    deliver: bool = True
    draft: bool = False
    started_at: datetime | None = None
    action_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewMaintenance:
    """A maintenance to announce, from ``scheduled_for`` to ``scheduled_until``."""

    names: Mapping[str, str]
    bodies: Mapping[str, str]
    components: tuple[str, ...]
    scheduled_for: datetime
    scheduled_until: datetime
    auto_start: bool = True
    auto_end: bool = True
    page_wide: bool = False
    deliver: bool = True
    action_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """Something more to say about an incident or a maintenance. ``version`` is the revision the editor saw."""

    status: str
    bodies: Mapping[str, str]
    components: Mapping[str, ComponentStatus] = field(default_factory=dict)
    deliver: bool = True
    version: int | None = None
    display_at: datetime | None = None
    action_id: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A change to an update that is already public; what is None stays as it is."""

    bodies: Mapping[str, str] | None = None
    components: Mapping[str, ComponentStatus] | None = None
    display_at: datetime | None = None
    version: int | None = None
