"""One action in several regions. Each region has its own database; what failed in one can be repeated safely.

The action's id is stored with what it made. Repeating the action does nothing where it was done, so a retry after a
partial failure completes it and never doubles it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

import regions.loader
from regions.loader import Region, RegionError
from statuspage.desk.commands import Actor, NewIncident, NewMaintenance, NewUpdate
from statuspage.desk.incidents import IncidentDesk
from statuspage.desk.maintenance import MaintenanceDesk
from statuspage.errors import Invalid, NotFound, StatusError
from statuspage.i18n import Catalogs
from statuspage.settings import Settings
from statuspage.store.database import Database
from statuspage.store.incidents import Incident, Update

DONE, ALREADY, FAILED = "done", "already", "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one region took an action: done, already done before, or failed and why."""

    region: str
    state: str
    incident_id: str
    message: str


class Fleet:
    """The databases of all regions this installation may post to."""

    def __init__(
        self,
        settings: Settings,
        catalogs: Catalogs,
        clock: Callable[[], datetime],
        open_database: Callable[[str], Database] = Database,
    ) -> None:
        self._settings, self._catalogs, self._clock = settings, catalogs, clock
        self._open = open_database
        self._databases: dict[str, Database] = {}

    def open_incident(self, names: Sequence[str], actor: Actor, new: NewIncident) -> list[Outcome]:
        """Opens the same incident in several regions; ``new.action_id`` is required."""

        def act(session: Session, region: Region) -> Incident:
            kept = replace(new, names=_spoken(new.names, region), bodies=_spoken(new.bodies, region))
            return IncidentDesk(session, region, actor, self._clock()).open(kept)

        return self._everywhere(names, new.action_id, act)

    def announce(self, names: Sequence[str], actor: Actor, new: NewMaintenance) -> list[Outcome]:
        """Announces the same maintenance in several regions."""

        def act(session: Session, region: Region) -> Incident:
            kept = replace(new, names=_spoken(new.names, region), bodies=_spoken(new.bodies, region))
            return MaintenanceDesk(session, region, actor, self._clock(), self._catalogs).announce(kept)

        return self._everywhere(names, new.action_id, act)

    def update(self, names: Sequence[str], actor: Actor, opened_by: str, new: NewUpdate) -> list[Outcome]:
        """Says the same about the incident that one action (``opened_by``) opened in several regions."""

        def act(session: Session, region: Region) -> Incident:
            incident = session.scalar(select(Incident).where(Incident.action_id == opened_by))
            if incident is None:
                raise NotFound(f"{region.name} has no incident of the action {opened_by!r}.")
            kept = replace(new, bodies=_spoken(new.bodies, region), version=None)
            IncidentDesk(session, region, actor, self._clock()).update(incident.id, kept)
            return incident

        return self._everywhere(names, new.action_id, act)

    def database(self, name: str) -> Database:
        """The database of a region, opened when first asked for."""
        if name not in self._databases:
            self._databases[name] = self._open(self._settings.database_url_of(name))
        return self._databases[name]

    def _everywhere(
        self, names: Sequence[str], action_id: str | None, act: Callable[[Session, Region], Incident]
    ) -> list[Outcome]:
        if not action_id:
            raise Invalid("An action in several regions needs an id, so that it can be repeated safely.")
        unknown = set(names) - set(self._settings.siblings) - {self._settings.region}
        if unknown or not names:
            raise Invalid(
                f"There is no region {', '.join(sorted(unknown)) or 'named'}; known are "
                f"{', '.join(self._settings.siblings)}."
            )
        return [self._in_one(name, action_id, act) for name in dict.fromkeys(names)]

    def _in_one(self, name: str, action_id: str, act: Callable[[Session, Region], Incident]) -> Outcome:
        try:
            region = regions.loader.load(name, self._settings.regions_folder)
            with self.database(name).write() as session:
                known = _done(session, action_id)
                if known:
                    return Outcome(name, ALREADY, known, "was done before")
                return Outcome(name, DONE, act(session, region).id, "")
        except (StatusError, RegionError) as error:
            # The other regions must still hear of it: one region's failure is its own line in the answer.
            return Outcome(name, FAILED, "", str(error))


def _done(session: Session, action_id: str) -> str | None:
    return session.scalar(select(Incident.id).where(Incident.action_id == action_id)) or session.scalar(
        select(Update.incident_id).where(Update.action_id == action_id)
    )


def _spoken(texts: Mapping[str, str], region: Region) -> dict[str, str]:
    return {language: text for language, text in texts.items() if language in region.languages}
