"""Scheduled maintenance: announce, move, cancel; it starts and ends by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.desk.base import Bench, affected
from statuspage.desk.commands import Actor, NewMaintenance
from statuspage.domain.statuses import ComponentStatus, Impact, Kind, MaintenanceStatus
from statuspage.errors import Invalid
from statuspage.i18n import Catalogs
from statuspage.store.base import new_id
from statuspage.store.incidents import Incident, Update

LONGEST = timedelta(days=14)


class MaintenanceDesk(Bench):
    """Every change to a maintenance; the caller commits."""

    def __init__(
        self, session: Session, region: Region, actor: Actor, now: datetime, catalogs: Catalogs
    ) -> None:
        super().__init__(session, region, actor, now)
        self._catalogs = catalogs

    def announce(self, new: NewMaintenance) -> Incident:
        """Announces a maintenance; it may begin in the past only if it has not ended yet."""
        if new.action_id:
            known = self.session.scalar(select(Incident).where(Incident.action_id == new.action_id))
            if known is not None:
                return known
        self._check_window(new.scheduled_for, new.scheduled_until)
        if not new.components and not new.page_wide:
            raise Invalid(
                "Name at least one component, or mark the maintenance as page-wide.",
                {"components": "none named"},
            )
        maintenance = Incident(
            id=new_id(),
            kind=Kind.MAINTENANCE,
            status=MaintenanceStatus.SCHEDULED,
            impact=Impact.MAINTENANCE,
            page_wide=new.page_wide,
            names=self.names(new.names),
            action_id=new.action_id,
            created_at=self.now,
            updated_at=self.now,
            started_at=new.scheduled_for,
            published_at=self.now,
            acknowledged_at=self.now,
            scheduled_for=new.scheduled_for,
            scheduled_until=new.scheduled_until,
            auto_start=new.auto_start,
            auto_end=new.auto_end,
            origin=self.actor.origin,
            evidence={},
        )
        self.session.add(maintenance)
        components = self.component_ids(dict.fromkeys(new.components, ComponentStatus.OPERATIONAL))
        self.say(
            maintenance, MaintenanceStatus.SCHEDULED, new.bodies, components, at=self.now, deliver=new.deliver
        )
        self.session.flush()
        self.record(
            "maintenance.announce",
            maintenance.id,
            names=maintenance.names,
            scheduled_for=new.scheduled_for.isoformat(),
            scheduled_until=new.scheduled_until.isoformat(),
        )
        return maintenance

    def reschedule(
        self,
        maintenance_id: str,
        scheduled_for: datetime,
        scheduled_until: datetime,
        *,
        bodies: dict[str, str] | None = None,
        version: int | None = None,
        deliver: bool = True,
    ) -> Update:
        """Moves a maintenance that has not begun, or the end of one that has, and tells its subscribers."""
        maintenance = self._maintenance(maintenance_id, version)
        if maintenance.status == MaintenanceStatus.COMPLETED:
            raise Invalid("This maintenance is over and cannot be moved.")
        if maintenance.status != MaintenanceStatus.SCHEDULED and scheduled_for != maintenance.scheduled_for:
            raise Invalid("This maintenance has begun; only its end can be moved.")
        self._check_window(scheduled_for, scheduled_until)
        before = [maintenance.scheduled_for, maintenance.scheduled_until]
        maintenance.scheduled_for, maintenance.scheduled_until = scheduled_for, scheduled_until
        if maintenance.status == MaintenanceStatus.SCHEDULED:
            maintenance.started_at = scheduled_for
        texts = bodies or self._catalogs.in_all(
            self.region.languages, "This maintenance has been rescheduled."
        )
        said = self.say(maintenance, maintenance.status, texts, {}, at=self.now, deliver=deliver)
        self.session.flush()
        self.record(
            "maintenance.reschedule",
            maintenance.id,
            before=[one.isoformat() for one in before if one],
            after=[scheduled_for.isoformat(), scheduled_until.isoformat()],
        )
        return said

    def cancel(
        self,
        maintenance_id: str,
        *,
        bodies: dict[str, str] | None = None,
        version: int | None = None,
        deliver: bool = True,
    ) -> Update:
        """Cancels a maintenance that has not begun; those who were told of it are told of this."""
        maintenance = self._maintenance(maintenance_id, version)
        if maintenance.status != MaintenanceStatus.SCHEDULED:
            raise Invalid("Only a maintenance that has not begun can be cancelled; complete it instead.")
        maintenance.cancelled = True
        texts = bodies or self._catalogs.in_all(self.region.languages, "This maintenance has been cancelled.")
        said = self.say(maintenance, MaintenanceStatus.COMPLETED, texts, {}, at=self.now, deliver=deliver)
        self.session.flush()
        self.record("maintenance.cancel", maintenance.id)
        return said

    def keep_time(self) -> list[Incident]:
        """Starts and ends what is due. A maintenance whose whole window was missed is only ended."""
        open_ = select(Incident).where(
            Incident.kind == Kind.MAINTENANCE,
            Incident.published_at.is_not(None),
            Incident.status != MaintenanceStatus.COMPLETED,
        )
        moved = []
        for maintenance in self.session.scalars(open_.order_by(Incident.scheduled_for)):
            assert maintenance.scheduled_for and maintenance.scheduled_until
            waiting = maintenance.status == MaintenanceStatus.SCHEDULED
            over = maintenance.scheduled_until <= self.now and maintenance.auto_end
            if over and (not waiting or maintenance.auto_start):
                self._step(
                    maintenance, MaintenanceStatus.COMPLETED, "The scheduled maintenance has been completed."
                )
                moved.append(maintenance)
            elif waiting and maintenance.auto_start and maintenance.scheduled_for <= self.now:
                self._step(maintenance, MaintenanceStatus.IN_PROGRESS, "The scheduled maintenance has begun.")
                moved.append(maintenance)
        return moved

    def _step(self, maintenance: Incident, status: MaintenanceStatus, phrase: str) -> None:
        going = status is MaintenanceStatus.IN_PROGRESS
        now_is = ComponentStatus.UNDER_MAINTENANCE if going else ComponentStatus.OPERATIONAL
        self.say(
            maintenance,
            status,
            self._catalogs.in_all(self.region.languages, phrase),
            dict.fromkeys(affected(maintenance), now_is),
            at=self.now,
            deliver=True,
        )
        self.session.flush()
        self.record(f"maintenance.{status}", maintenance.id)

    def _maintenance(self, maintenance_id: str, version: int | None) -> Incident:
        found = self.incident(maintenance_id, version)
        if found.kind != Kind.MAINTENANCE:
            raise Invalid("This is an incident, not a maintenance.")
        return found

    def _check_window(self, start: datetime, end: datetime) -> None:
        if end <= start:
            raise Invalid(
                "A maintenance must end after it begins.", {"scheduled_until": "is not after the start"}
            )
        if end - start > LONGEST:
            raise Invalid(
                f"A maintenance lasts {LONGEST.days} days at most.", {"scheduled_until": "is too far off"}
            )
        if end <= self.now:
            raise Invalid(
                "This maintenance would already be over; enter it as history instead.",
                {"scheduled_until": "is in the past"},
            )
