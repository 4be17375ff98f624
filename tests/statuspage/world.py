"""One region's site on its own database and clock, and the few moves that most tests begin with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from regions.loader import load
from statuspage.desk.commands import Actor, NewIncident, NewMaintenance, NewUpdate
from statuspage.desk.incidents import IncidentDesk
from statuspage.desk.maintenance import MaintenanceDesk
from statuspage.domain.statuses import ComponentStatus
from statuspage.pages.kit import Kit
from statuspage.settings import Settings, from_environment
from statuspage.store.database import Database
from statuspage.store.subscribers import ACTIVE, Subscriber, Subscription
from statuspage.subscriptions.desk import new_secret
from statuspage.web.factory import create_app
from statuspage.web.limiting import limiter
from statuspage.web.wiring import Site, build_kit

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ANNA = Actor("anna@backupd.example")
INGEST_SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four").decode()


@dataclass
class Clock:
    """A clock that stands until it is moved; serves as wall clock and as monotonic one."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclass
class World:
    """A running site."""

    app: Flask
    site: Site
    clock: Clock
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def open(self, status: str = "partial_outage", *, component: str = "backups", **more: Any) -> str:
        new = NewIncident(
            **{
                "names": {"en": "Backups are late"},
                "bodies": {"en": "We are looking into it."},
                "components": {component: ComponentStatus(status)} if component else {},
                **more,
            }
        )
        with self.site.database.write() as session:
            found = IncidentDesk(session, self.site.region, ANNA, self.clock()).open(new).id
        self.site.publication.refresh()
        return found

    def update(self, incident_id: str, status: str, text: str = "More is known.", **more: Any) -> str:
        with self.site.database.write() as session:
            desk = IncidentDesk(session, self.site.region, ANNA, self.clock())
            found = desk.update(incident_id, NewUpdate(status, {"en": text}, **more)).id
        self.site.publication.refresh()
        return found

    def announce(self, *components: str, after_h: float = 24, hours: float = 2, **more: Any) -> str:
        start = self.clock() + timedelta(hours=after_h)
        new = NewMaintenance(
            {"en": "Storage upgrade"},
            {"en": "Restores wait."},
            components or ("restores",),
            start,
            start + timedelta(hours=hours),
            **more,
        )
        with self.site.database.write() as session:
            found = self.maintenance_desk(session).announce(new).id
        self.site.publication.refresh()
        return found

    def maintenance_desk(self, session: Any) -> MaintenanceDesk:
        return MaintenanceDesk(session, self.site.region, ANNA, self.clock(), self.site.kit.catalogs)

    def component_id(self, key: str) -> str:
        return next(one.id for one in self.site.region.components if one.key == key)

    def subscribe(
        self,
        address: str,
        *components: str,
        channel: str = "email",
        language: str = "en",
        state: str = ACTIVE,
        owner: str = "",
    ) -> int:
        with self.site.database.write() as session:
            row = Subscriber(
                channel=channel,
                address=address,
                owner=owner or address,
                language=language,
                state=state,
                everything=not components,
                created_at=self.clock(),
                asked_at=self.clock(),
                domain="example.org",
                confirmed_at=self.clock(),
                secret=new_secret() if channel == "webhook" else "",
                components=[Subscription(component_id=self.component_id(key)) for key in components],
            )
            session.add(row)
            session.flush()
            return row.id

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(
            path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def json(self, path: str) -> Any:
        return json.loads(self.get(path).data)

    def ingest(
        self,
        *measurements: dict[str, Any],
        message_id: str = "",
        at: datetime | None = None,
        secret: str = INGEST_SECRET,
        region: str | None = None,
    ) -> Any:
        body = json.dumps(
            {"region": region or self.site.region.name, "measurements": list(measurements)}
        ).encode()
        return self.ingest_raw(
            body, message_id or f"m{self.clock().timestamp()}{hash(body)}", at or self.clock(), secret
        )

    def ingest_raw(self, body: bytes, message_id: str, at: datetime, secret: str = INGEST_SECRET) -> Any:
        # Written from the Standard Webhooks text, not with the site's own code.
        stamp = str(int(at.timestamp()))
        mac = hmac.new(base64.b64decode(secret[6:]), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
        return self.client.post(
            "/ingest/v1/measurements",
            data=body,
            headers={
                "webhook-id": message_id,
                "webhook-timestamp": stamp,
                "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
            },
        )

    def measured(
        self,
        failures: int = 0,
        organizations: int = 0,
        *,
        component: str = "backups",
        attempts: int = 100,
        total: int = 100,
        at: datetime | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        return {
            "component": component,
            "workload": "mail",
            "measured_at": (at or self.clock()).isoformat(),
            "attempts": attempts,
            "failures": failures,
            "organizations_affected": organizations,
            "organizations_total": total,
            **more,
        }


def settings_for(tmp_path: Path, region: str = "emea", **more: str) -> Settings:
    """Settings of a region whose data lives in a temporary folder."""
    return from_environment(
        {
            "STATUS_DATA": str(tmp_path / "data"),
            "STATUS_BASE_URL": f"https://status-{region}.backupd.example",
            "STATUS_SECRET": "a secret for tests",
            "STATUS_INGEST_SECRETS": INGEST_SECRET,
            **more,
        },
        region,
    )


KITS: dict[tuple[str, str, Path], Kit] = {}


def shared_kit(settings: Settings) -> Kit:
    """Compiled templates and catalogs, which no test changes."""
    key = (settings.region, settings.base_url, settings.regions_folder)
    if key not in KITS:
        KITS[key] = build_kit(settings)
    return KITS[key]


@cache
def migrated(region: str) -> bytes:
    """A fresh database file of a region as of the start of every test; migrating anew would take most of the time."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/fresh.db")
        database.migrate(load(region), START)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return Path(folder, "fresh.db").read_bytes()


def make_world(settings: Settings, clock: Clock | None = None) -> World:
    """A site with a fresh database; changes show at once, limits do not hinder (a test of limits turns them on)."""
    clock = clock or Clock()
    if settings.own_database_url.startswith("sqlite"):
        file = Path(settings.own_database_url.removeprefix("sqlite:///"))
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(migrated(settings.region))
    kit = shared_kit(settings)
    app = create_app(settings, clock=clock, monotonic=clock.monotonic, recheck_s=-1, kit=kit)
    app.config["WTF_CSRF_ENABLED"] = False
    limiter.enabled = False
    site: Site = app.extensions["status"]
    if not site.database.sqlite:
        site.database.migrate(site.region, clock())
    return World(app, site, clock)
