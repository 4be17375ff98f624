"""The worker process of one region: what happens by the clock, and what is sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from statuspage.desk.commands import Actor
from statuspage.desk.maintenance import MaintenanceDesk
from statuspage.detection.receiving import forget_old
from statuspage.domain.statuses import CLOSED, IncidentStatus, Kind
from statuspage.domain.texts import pick
from statuspage.errors import StatusError
from statuspage.outbox.building import build
from statuspage.pages.site import PublicSite
from statuspage.publishing.copying import Target, heartbeat_body, pieces
from statuspage.store.incidents import Incident
from statuspage.store.operators import AuditEntry
from statuspage.subscriptions.desk import SubscriptionDesk, queue_letter
from statuspage.view.values import PageKey
from statuspage.web.publication import DatabaseHistory
from statuspage.web.wiring import Site

log = logging.getLogger(__name__)
CLOCK = Actor("clock", "system")
ESCALATE_AFTER, ESCALATE_AGAIN = timedelta(minutes=10), timedelta(minutes=15)
BEAT_EVERY, CLEAN_EVERY = timedelta(seconds=30), timedelta(minutes=10)
# What a step of the clock may run into without stopping the others.
TROUBLE = (StatusError, SQLAlchemyError, OSError, ClientError, BotoCoreError)


@dataclass(slots=True)
class Clockwork:
    """Everything that is due, step by step; a step that fails is logged and tried again at the next tick."""

    site: Site
    target: Target
    _published: PageKey | None = field(default=None)
    _beaten: datetime | None = field(default=None)
    _cleaned: datetime | None = field(default=None)

    def tick(self) -> None:
        """One round."""
        for step in (self.keep_time, self.remind, self.clean, self.build, self.publish, self.beat):
            try:
                step()
            except TROUBLE as error:
                log.error("%s failed: %s", step.__name__, error)

    def keep_time(self) -> None:
        """Starts and ends maintenance."""
        site, now = self.site, self.site.now()
        with site.database.write() as session:
            moved = MaintenanceDesk(session, site.region, CLOCK, now, site.kit.catalogs).keep_time()
        if moved:
            site.publication.refresh()

    def remind(self) -> None:
        """Tells operators of drafts nobody took on, and of incidents the public has heard nothing of for too long."""
        if not self.site.settings.escalate_to:
            return
        now = self.site.now()
        with self.site.database.write() as session:
            open_ = session.scalars(
                select(Incident).where(
                    Incident.kind == Kind.INCIDENT,
                    Incident.status.not_in(CLOSED),
                    Incident.discarded_at.is_(None),
                )
            )
            for incident in open_.all():
                if incident.published_at is None:
                    self._escalate(session, incident, now)
                else:
                    self._remind(session, incident, now)

    def clean(self) -> None:
        """Forgets what is no longer needed."""
        now = self.site.now()
        if self._cleaned and now - self._cleaned < CLEAN_EVERY:
            return
        with self.site.database.write() as session:
            forget_old(session, now)
            SubscriptionDesk(session, self.site.settings, now).expire()
        self._cleaned = now

    def build(self) -> None:
        """Turns notifications into deliveries."""
        with self.site.database.write() as session:
            build(session, self.site.now())

    def publish(self) -> None:
        """Publishes a copy when the page has changed since the last one."""
        key = self.site.publication.key
        if key == self._published:
            return
        site = self.site
        history = DatabaseHistory(site.database, site.region)
        copy = PublicSite(site.publication.site().view, history, site.kit, static=True)
        changed = self.target.publish(pieces(copy, site.kit, self._heartbeat()))
        self._published, self._beaten = key, site.now()
        log.info("published version %d: %d files changed", key.version, changed)

    def beat(self) -> None:
        """Keeps the time of the last proof in the copy, apart from the pages."""
        now = self.site.now()
        if self._beaten and now - self._beaten < BEAT_EVERY:
            return
        self.target.beat(self._heartbeat())
        self._beaten = now

    def run(self, stop: threading.Event, every_s: float = 1.0) -> None:
        """Ticks until told to stop."""
        while not stop.is_set():
            self.tick()
            stop.wait(every_s)

    def _heartbeat(self) -> bytes:
        self.site.publication.site()
        return heartbeat_body(self.site.region.name, self.site.publication.proofs, self.site.now())

    def _escalate(self, session: Session, incident: Incident, now: datetime) -> None:
        if incident.acknowledged_at or now - incident.created_at < ESCALATE_AFTER:
            return
        if incident.escalated_at and now - incident.escalated_at < ESCALATE_AGAIN:
            return
        self._write(session, "draft_waits", incident, now, now - incident.created_at)
        incident.escalated_at = now

    def _remind(self, session: Session, incident: Incident, now: datetime) -> None:
        limit = timedelta(seconds=self.site.settings.remind_after_s)
        if incident.status == IncidentStatus.MONITORING:
            limit *= 3  # watching a fix needs fewer words than looking for one
        silent = now - incident.updates[-1].display_at
        if silent < limit or (incident.reminded_at and now - incident.reminded_at < limit):
            return
        self._write(session, "public_waits", incident, now, silent)
        incident.reminded_at = now

    def _write(
        self, session: Session, kind: str, incident: Incident, now: datetime, waited: timedelta
    ) -> None:
        languages = self.site.region.languages
        for address in self.site.settings.escalate_to:
            queue_letter(
                session,
                now,
                kind,
                address,
                "en",
                incident_id=incident.id,
                name=pick(incident.names, "en", languages).text,
                minutes=int(waited.total_seconds() // 60),
            )
        session.add(
            AuditEntry(at=now, actor=CLOCK.name, action=f"letter.{kind}", target=incident.id, detail={})
        )


def drain_forever(batch: Callable[[threading.Event], int], stop: threading.Event) -> None:
    """Sends batch after batch; rests a second when nothing is due, and after trouble."""
    while not stop.is_set():
        try:
            sent = batch(stop)
        except TROUBLE as error:
            log.error("sending failed: %s", error)
            sent = 0
        if not sent:
            stop.wait(1.0)
