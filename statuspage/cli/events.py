"""Commands about incidents, maintenance and templates."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click
import msgspec
from sqlalchemy import select

from statuspage.cli.context import AFFECTED, TEXTS, WHEN, Session, pass_session
from statuspage.desk.commands import Correction, NewIncident, NewMaintenance, NewUpdate
from statuspage.desk.incidents import IncidentDesk
from statuspage.desk.maintenance import MaintenanceDesk
from statuspage.desk.templates import TemplateDesk
from statuspage.detection.watching import shortfall
from statuspage.domain.statuses import CLOSED, ComponentStatus, Impact, IncidentStatus, Kind
from statuspage.errors import Invalid
from statuspage.store.incidents import Incident, Template
from statuspage.subscriptions.recipients import preview
from statuspage.web.operator_forms import fresh_action_id

Pairs = tuple[tuple[str, str], ...]
States = tuple[tuple[str, ComponentStatus], ...]
name_option = click.option(
    "--name", "names", type=TEXTS, multiple=True, required=True, help="Its name; repeatable."
)
text_option = click.option("--text", "bodies", type=TEXTS, multiple=True, required=True, help="What to say.")
affects_option = click.option(
    "--affects", type=AFFECTED, multiple=True, help="A component and its state; repeatable."
)
quiet_option = click.option("--quiet", is_flag=True, help="Tell no subscriber.")
regions_option = click.option("--regions", default="", help="Several regions at once: amer,emea.")
action_option = click.option("--action-id", help="The action's id; repeat it to retry safely.")
wide_option = click.option("--page-wide", is_flag=True, help="Concerns the whole page.")


def _regions(session: Session, text: str) -> list[str]:
    return [one for one in text.split(",") if one] or [session.site().region.name]


@click.group()
def incident() -> None:
    """Open, update and correct incidents."""


@incident.command("open")
@name_option
@text_option
@affects_option
@wide_option
@click.option(
    "--status", type=click.Choice(["investigating", "identified", "monitoring"]), default="investigating"
)
@click.option(
    "--impact", type=click.Choice([one.value for one in Impact]), help="Instead of what the components say."
)
@click.option("--draft", is_flag=True, help="Keep it from the public for now.")
@click.option(
    "--yes", is_flag=True, help="Post although measurements show fewer than several customers affected."
)
@quiet_option
@regions_option
@action_option
@pass_session
def open_(
    session: Session,
    names: Pairs,
    bodies: Pairs,
    affects: States,
    page_wide: bool,
    status: str,
    impact: str | None,
    draft: bool,
    yes: bool,
    quiet: bool,
    regions: str,
    action_id: str | None,
) -> None:
    """Open an incident."""
    site = session.site()
    new = NewIncident(
        dict(names),
        dict(bodies),
        dict(affects),
        IncidentStatus(status),
        Impact(impact) if impact else None,
        page_wide,
        not quiet,
        draft,
        action_id=action_id or fresh_action_id(),
    )
    with site.database.read() as database:
        warning = (
            shortfall(database, site.region, [name for name, _ in affects]) if affects and not draft else None
        )
    if warning and not yes:
        raise Invalid(f"{warning} Repeat with --yes to post.")
    session.outcomes(site.fleet.open_incident(_regions(session, regions), session.actor(), new))


@incident.command("update")
@click.argument("incident_id")
@click.option(
    "--status",
    required=True,
    help="investigating, identified, monitoring, resolved, postmortem; of a "
    "maintenance: in_progress, verifying, completed.",
)
@text_option
@affects_option
@click.option("--version", type=int, help="The revision you saw; refused if somebody was faster.")
@quiet_option
@regions_option
@action_option
@pass_session
def update(
    session: Session,
    incident_id: str,
    status: str,
    bodies: Pairs,
    affects: States,
    version: int | None,
    quiet: bool,
    regions: str,
    action_id: str | None,
) -> None:
    """Say more. With --regions, INCIDENT_ID is the id of the action that opened it."""
    site = session.site()
    new = NewUpdate(
        status, dict(bodies), dict(affects), not quiet, version, action_id=action_id or fresh_action_id()
    )
    if regions:
        session.outcomes(site.fleet.update(_regions(session, regions), session.actor(), incident_id, new))
        return
    with site.database.write() as database:
        said = IncidentDesk(database, site.region, session.actor(), site.now()).update(incident_id, new)
    session.tell({"id": said.id, "status": said.status}, f"{incident_id} is now {said.status}.")


@incident.command("correct")
@click.argument("update_id")
@click.option("--text", "bodies", type=TEXTS, multiple=True)
@click.option("--at", type=WHEN, help="When it was really so.")
@affects_option
@pass_session
def correct(session: Session, update_id: str, bodies: Pairs, at: datetime | None, affects: States) -> None:
    """Correct a public update; the page says that it was corrected, the audit keeps what it said."""
    site = session.site()
    wish = Correction(dict(bodies) if bodies else None, dict(affects) if affects else None, at)
    with site.database.write() as database:
        said = IncidentDesk(database, site.region, session.actor(), site.now()).correct(update_id, wish)
    session.tell({"id": said.id}, f"{said.id} is corrected.")


@incident.command("publish")
@click.argument("incident_id")
@quiet_option
@pass_session
def publish(session: Session, incident_id: str, quiet: bool) -> None:
    """Publish a draft."""
    site = session.site()
    with site.database.write() as database:
        IncidentDesk(database, site.region, session.actor(), site.now()).publish_draft(
            incident_id, deliver=not quiet
        )
    session.tell({"id": incident_id}, f"{incident_id} is public.")


@incident.command("discard")
@click.argument("incident_id")
@pass_session
def discard(session: Session, incident_id: str) -> None:
    """Drop a draft."""
    site = session.site()
    with site.database.write() as database:
        IncidentDesk(database, site.region, session.actor(), site.now()).discard(incident_id)
    session.tell({"id": incident_id}, f"{incident_id} is discarded.")


@incident.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what is over.")
@pass_session
def list_(session: Session, everything: bool) -> None:
    """Drafts, and what is open."""
    query = (
        select(Incident)
        .where(Incident.discarded_at.is_(None))
        .order_by(Incident.started_at.desc())
        .limit(200)
    )
    if not everything:
        query = query.where(Incident.status.not_in(CLOSED))
    with session.site().database.read() as database:
        rows = [
            (
                one.id,
                one.kind,
                "public" if one.published_at else "draft",
                one.status,
                one.impact,
                one.started_at,
                next(iter(one.names.values())),
            )
            for one in database.scalars(query)
        ]
    session.table(
        "Incidents and maintenance", ("id", "kind", "seen", "status", "impact", "began", "name"), rows
    )


@incident.command("preview")
@click.option("--affects", "components", multiple=True, help="A component; repeatable.")
@wide_option
@pass_session
def who(session: Session, components: tuple[str, ...], page_wide: bool) -> None:
    """Exactly who would be told."""
    site = session.site()
    with site.database.read() as database:
        ids = IncidentDesk(database, site.region, session.actor(), site.now()).component_ids(
            dict.fromkeys(components, ComponentStatus.OPERATIONAL)
        )
        counts, found = preview(database, ids, page_wide=page_wide)
    session.table(f"{sum(counts.values())} will be told", ("channel", "address"), list(found))


@incident.command("backfill")
@click.argument("file", type=click.File("rb"))
@pass_session
def backfill(session: Session, file: Any) -> None:
    """Enter incidents of the past from a JSON file (docs/status-operators.md); nobody is told."""
    entry_type = list[Backfilled]
    try:
        entries = msgspec.json.decode(file.read(), type=entry_type)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Invalid(f"{file.name}: {error}") from None
    site = session.site()
    with site.database.write() as database:
        desk = IncidentDesk(database, site.region, session.actor(), site.now())
        made = [desk.backfill(entry.incident, entry.updates).id for entry in entries]
    session.tell(made, f"{len(made)} incidents entered.")


class Backfilled(msgspec.Struct, forbid_unknown_fields=True):
    """One incident of the past with its updates, the last of which resolves it."""

    incident: NewIncident
    updates: list[NewUpdate]


@click.group()
def maintenance() -> None:
    """Announce, move and cancel maintenance."""


@maintenance.command("announce")
@name_option
@text_option
@click.option("--affects", "components", multiple=True, help="A component; repeatable.")
@click.option("--from", "start", type=WHEN, required=True)
@click.option("--until", "end", type=WHEN, required=True)
@click.option("--by-hand", is_flag=True, help="Does not start and end by itself.")
@wide_option
@quiet_option
@regions_option
@action_option
@pass_session
def announce(
    session: Session,
    names: Pairs,
    bodies: Pairs,
    components: tuple[str, ...],
    start: datetime,
    end: datetime,
    by_hand: bool,
    page_wide: bool,
    quiet: bool,
    regions: str,
    action_id: str | None,
) -> None:
    """Announce a maintenance."""
    new = NewMaintenance(
        dict(names),
        dict(bodies),
        components,
        start,
        end,
        not by_hand,
        not by_hand,
        page_wide,
        not quiet,
        action_id or fresh_action_id(),
    )
    session.outcomes(session.site().fleet.announce(_regions(session, regions), session.actor(), new))


def _maintenance_desk(session: Session, database: Any) -> MaintenanceDesk:
    site = session.site()
    return MaintenanceDesk(database, site.region, session.actor(), site.now(), site.kit.catalogs)


@maintenance.command("reschedule")
@click.argument("maintenance_id")
@click.option("--from", "start", type=WHEN, required=True)
@click.option("--until", "end", type=WHEN, required=True)
@click.option("--text", "bodies", type=TEXTS, multiple=True)
@pass_session
def reschedule(session: Session, maintenance_id: str, start: datetime, end: datetime, bodies: Pairs) -> None:
    """Move a maintenance; its subscribers are told."""
    with session.site().database.write() as database:
        _maintenance_desk(session, database).reschedule(
            maintenance_id, start, end, bodies=dict(bodies) or None
        )
    session.tell({"id": maintenance_id}, f"{maintenance_id} is moved.")


@maintenance.command("cancel")
@click.argument("maintenance_id")
@click.option("--text", "bodies", type=TEXTS, multiple=True)
@pass_session
def cancel(session: Session, maintenance_id: str, bodies: Pairs) -> None:
    """Cancel a maintenance that has not begun; its subscribers are told."""
    with session.site().database.write() as database:
        _maintenance_desk(session, database).cancel(maintenance_id, bodies=dict(bodies) or None)
    session.tell({"id": maintenance_id}, f"{maintenance_id} is cancelled.")


@click.group()
def template() -> None:
    """Prepared texts."""


@template.command("save")
@click.argument("key")
@click.option("--kind", type=click.Choice([one.value for one in Kind]), default="incident")
@name_option
@text_option
@affects_option
@pass_session
def save(session: Session, key: str, kind: str, names: Pairs, bodies: Pairs, affects: States) -> None:
    """Create or replace a template."""
    site = session.site()
    with site.database.write() as database:
        TemplateDesk(database, site.region, session.actor(), site.now()).save(
            key, kind, dict(names), dict(bodies), dict(affects)
        )
    session.tell({"key": key}, f"{key} is saved.")


@template.command("list")
@pass_session
def templates(session: Session) -> None:
    """All templates."""
    with session.site().database.read() as database:
        rows = [
            (one.key, one.kind, json.dumps(one.names, ensure_ascii=False))
            for one in database.scalars(select(Template).order_by(Template.key))
        ]
    session.table("Templates", ("key", "kind", "names"), rows)
