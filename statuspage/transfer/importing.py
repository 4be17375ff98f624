"""Takes over a Statuspage export: component ids, so that clients keep working; history; subscribers, unmailed.

Run again, it adds only what is not there: incidents and updates keep their ids, subscribers their addresses.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.desk.base import Bench, derive
from statuspage.desk.commands import Actor
from statuspage.domain.statuses import ComponentStatus, Impact, IncidentStatus, Kind, MaintenanceStatus
from statuspage.errors import Invalid
from statuspage.settings import Settings
from statuspage.store.incidents import Incident, Update
from statuspage.store.page import ComponentRow, bump
from statuspage.store.subscribers import ACTIVE, QUARANTINED, Subscriber, Subscription
from statuspage.subscriptions import addresses
from statuspage.subscriptions.desk import new_secret

Rows = list[dict[str, Any]]
LIST_KEYS = ("components", "incidents", "scheduled_maintenances", "subscribers")


def read(path: Path) -> Rows:
    """The rows of an export: a JSON list, a v2 body that holds one, or CSV."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".csv":
        return [dict(row) for row in csv.DictReader(io.StringIO(text))]
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(f"{path}: {error}") from None
    if isinstance(found, dict):
        found = [row for key in LIST_KEYS for row in found.get(key, [])]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Invalid(f"{path} holds no list of objects.")
    return found


class Import(Bench):
    """One import, within one transaction: all of it or nothing."""

    def __init__(
        self,
        session: Session,
        region: Region,
        settings: Settings,
        actor: Actor,
        now: datetime,
        mapping: Mapping[str, str],
    ) -> None:
        super().__init__(session, region, Actor(actor.name, "import"), now)
        self._settings, self._mapping = settings, mapping
        self._keys: dict[str, str] = {}

    def components(self, rows: Rows) -> int:
        """Gives our components the exported ids. Refused once something refers to the present ids."""
        ours = {row.key: row for row in self.session.scalars(select(ComponentRow))}
        used = self.session.scalar(select(func.count()).select_from(Incident)) or self.session.scalar(
            select(func.count()).select_from(Subscription)
        )
        changed = 0
        for row in rows:
            key = self._key_of(str(row.get("name", "")), ours)
            if key is None:
                continue
            self._keys[str(row["id"])] = key
            if ours[key].id == row["id"]:
                continue
            if used:
                raise Invalid(
                    "Component ids can only be taken over before there are incidents or subscribers."
                )
            values: dict[str, Any] = {"id": str(row["id"])}
            if row.get("start_date"):
                values["start_date"] = datetime.fromisoformat(str(row["start_date"])).replace(tzinfo=UTC)
            self.session.execute(update(ComponentRow).where(ComponentRow.key == key).values(**values))
            changed += 1
        self.session.expire_all()
        bump(self.session, self.now)
        self.record("import.components", self.region.name, changed=changed)
        return changed

    def incidents(self, rows: Rows) -> int:
        """Takes over incidents and maintenances with their ids, texts and times."""
        known = set(self.session.scalars(select(Incident.id)))
        component_ids = {*self.session.scalars(select(ComponentRow.id))}
        taken = 0
        for row in rows:
            if str(row["id"]) in known:
                continue
            self._incident(row, component_ids)
            taken += 1
        self.session.flush()
        bump(self.session, self.now)
        self.record("import.incidents", self.region.name, count=taken)
        return taken

    def subscribers(self, rows: Rows) -> int:
        """Takes over confirmed subscribers; they confirmed there, so nobody is asked again, and nobody is mailed."""
        known = {
            (one.channel, one.address)
            for one in self.session.execute(select(Subscriber.channel, Subscriber.address)).all()
        }
        component_ids = set(self.session.scalars(select(ComponentRow.id)))
        taken = 0
        for row in rows:
            made = self._subscriber(row, component_ids)
            if made is None or (made.channel, made.address) in known:
                continue
            known.add((made.channel, made.address))
            self.session.add(made)
            taken += 1
        self.record("import.subscribers", self.region.name, count=taken)
        return taken

    def _incident(self, row: dict[str, Any], component_ids: set[str]) -> None:
        planned = _instant(row.get("scheduled_for"))
        kind = Kind.MAINTENANCE if planned else Kind.INCIDENT
        said = sorted(
            row.get("incident_updates", []), key=lambda one: str(one.get("display_at") or one["created_at"])
        )
        if not said:
            raise Invalid(f"The incident {row['id']} has no updates.")
        created = _instant(row["created_at"]) or self.now
        incident = Incident(
            id=str(row["id"]),
            kind=kind,
            status=row["status"],
            names=self.names({"en": str(row["name"])}),
            impact=_impact(row, kind),
            impact_fixed=True,
            origin="import",
            created_at=created,
            updated_at=_instant(row.get("updated_at")) or created,
            published_at=created,
            acknowledged_at=created,
            started_at=planned or _instant(row.get("started_at")) or created,
            scheduled_for=planned,
            scheduled_until=_instant(row.get("scheduled_until")) or planned,
            evidence={},
            page_wide=False,
        )
        own = [str(one["id"]) for one in row.get("components", [])]
        for sequence, one in enumerate(said):
            status = _status(str(one["status"]), kind)
            at = _instant(one.get("display_at")) or _instant(one["created_at"]) or created
            changes = {
                str(change["code"]): ["", str(change["new_status"])]
                for change in one.get("affected_components") or []
                if str(change["code"]) in component_ids
            }
            if sequence == 0 and not changes:
                changes = {
                    id_: ["", ComponentStatus.OPERATIONAL.value] for id_ in own if id_ in component_ids
                }
            incident.updates.append(
                Update(
                    id=str(one["id"]),
                    status=status,
                    bodies=self.bodies({"en": str(one.get("body") or "–")}),
                    components=changes,
                    deliver=False,
                    created_at=at,
                    updated_at=at,
                    display_at=at,
                    author="import",
                    sequence=sequence,
                )
            )
        derive(incident)
        self.session.add(incident)

    def _subscriber(self, row: dict[str, Any], component_ids: set[str]) -> Subscriber | None:
        mode = str(row.get("mode") or ("webhook" if row.get("endpoint") else "email")).lower()
        channel = {"email": "email", "webhook": "webhook", "slack": "slack", "teams": "teams"}.get(mode)
        if channel is None:
            return None  # text messages are not a channel here
        try:
            owner = addresses.email(str(row.get("email") or ""))
            address = (
                owner if channel == "email" else addresses.url(str(row.get("endpoint") or ""), channel, ())
            )
        except Invalid:
            return None
        named = row.get("components") or []
        wanted = named.replace(";", ",").split(",") if isinstance(named, str) else named
        chosen = sorted({str(one).strip() for one in wanted} & component_ids)
        held = bool(row.get("quarantined_at"))
        created = _instant(row.get("created_at")) or self.now
        return Subscriber(
            channel=channel,
            address=address,
            owner=owner,
            domain=addresses.domain_of(channel, address),
            language="en",
            everything=not wanted or len(chosen) == len(component_ids),
            asked_at=created,
            state=QUARANTINED if held else ACTIVE,
            created_at=created,
            confirmed_at=created,
            quarantined_at=_instant(row.get("quarantined_at")),
            reason="quarantined before the import" if held else "",
            secret=new_secret() if channel == "webhook" else "",
            components=[Subscription(component_id=one) for one in chosen],
        )

    def _key_of(self, name: str, ours: Mapping[str, ComponentRow]) -> str | None:
        if name in self._mapping:
            if self._mapping[name] not in ours:
                raise Invalid(f"There is no component {self._mapping[name]!r}; known are {', '.join(ours)}.")
            return self._mapping[name]
        texts = {
            component.names["en"].lower(): component.key
            for component in self.region.components
            if "en" in component.names
        }
        return texts.get(name.lower()) or (name.lower() if name.lower() in ours else None)


def _instant(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        found = datetime.fromisoformat(str(value).replace(" UTC", "+00:00"))
    except ValueError:
        raise Invalid(f"{value!r} is not a time.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _impact(row: Mapping[str, Any], kind: Kind) -> Impact:
    if kind is Kind.MAINTENANCE:
        return Impact.MAINTENANCE
    try:
        return Impact(str(row.get("impact") or "none"))
    except ValueError:
        return Impact.NONE


def _status(word: str, kind: Kind) -> str:
    known: Sequence[str] = list(MaintenanceStatus) if kind is Kind.MAINTENANCE else list(IncidentStatus)
    if word not in known:
        raise Invalid(f"{word!r} is not a state of {kind}.")
    return word
