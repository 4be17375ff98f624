"""The operators' pages: what is going on, and the forms that change it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from statuspage.desk.base import affected
from statuspage.desk.commands import Correction
from statuspage.desk.incidents import IncidentDesk
from statuspage.desk.maintenance import MaintenanceDesk
from statuspage.desk.templates import TemplateDesk
from statuspage.detection.watching import shortfall
from statuspage.domain.statuses import CLOSED, NEXT, ComponentStatus, Kind
from statuspage.errors import EditConflict, Invalid, NotFound
from statuspage.store.incidents import Incident, Template
from statuspage.store.operators import AuditEntry
from statuspage.store.outbox import Delivery
from statuspage.store.subscribers import QUARANTINED, Subscriber
from statuspage.subscriptions.desk import SubscriptionDesk
from statuspage.subscriptions.recipients import preview
from statuspage.web import operator_forms as forms
from statuspage.web.operator_login import actor, operator_page, signed_in
from statuspage.web.public import site

blueprint = Blueprint("operator_pages", __name__, url_prefix="/operator")


def _desk(session: Session) -> IncidentDesk:
    wired = site()
    return IncidentDesk(session, wired.region, actor(), wired.now())


def _maintenance_desk(session: Session) -> MaintenanceDesk:
    wired = site()
    return MaintenanceDesk(session, wired.region, actor(), wired.now(), wired.kit.catalogs)


def _found(incident_id: str) -> Incident:
    with site().database.read() as session:
        found = session.scalar(
            select(Incident)
            .options(selectinload(Incident.updates))
            .where(Incident.id == incident_id, Incident.discarded_at.is_(None))
        )
    if found is None:
        raise NotFound(f"There is no incident {incident_id!r}.")
    return found


def _changed(incident_id: str) -> Any:
    site().publication.refresh()
    return redirect(f"/operator/incidents/{incident_id}", 303)


@blueprint.get("/")
@signed_in
def overview() -> Response:
    """Drafts, what is open, what is quarantined and what waits to be sent."""
    with site().database.read() as session:
        open_ = session.scalars(
            select(Incident)
            .where(Incident.status.not_in(CLOSED), Incident.discarded_at.is_(None))
            .order_by(Incident.started_at.desc())
        ).all()
        drafts = session.scalars(
            select(Incident)
            .where(Incident.published_at.is_(None), Incident.discarded_at.is_(None))
            .order_by(Incident.created_at.desc())
        ).all()
        outbox = dict(
            session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).tuples().all()
        )
        counts = dict(
            session.execute(select(Subscriber.state, func.count()).group_by(Subscriber.state)).tuples().all()
        )
    return operator_page(
        "overview.html",
        open=[one for one in open_ if one.published_at],
        drafts=drafts,
        outbox=outbox,
        subscribers=counts,
    )


@blueprint.get("/incidents/new")
@signed_in
def new_incident() -> Response:
    """An empty form, or one filled from a template."""
    return _new_form("incident")


@blueprint.get("/maintenances/new")
@signed_in
def new_maintenance() -> Response:
    """The form of a maintenance."""
    return _new_form("maintenance")


def _new_form(kind: str, status: int = 200, form: Any = None, **values: Any) -> Response:
    with site().database.read() as session:
        templates = session.scalars(
            select(Template).where(Template.kind == kind).order_by(Template.key)
        ).all()
    chosen = next((one for one in templates if one.key == request.args.get("template")), None)
    filled: dict[str, Any] = {
        "action_id": forms.fresh_action_id(),
        "deliver": "on",
        "auto_start": "on",
        "auto_end": "on",
    }
    if chosen:
        filled |= {f"name.{language}": text for language, text in chosen.names.items()}
        filled |= {f"body.{language}": text for language, text in chosen.bodies.items()}
        filled |= {f"status.{name}": status_ for name, status_ in chosen.fields.get("components", {}).items()}
    shown = form if form is not None else filled
    many = (
        {"components": form.getlist("components"), "regions": form.getlist("regions")}
        if form is not None
        else {"components": [], "regions": [site().region.name]}
    )
    return operator_page(
        f"new_{kind}.html",
        status,
        form=shown,
        many=many,
        templates=templates,
        **{"outcomes": None, "shown": None, "wrong": "", **values},
    )


@blueprint.post("/incidents/new")
@signed_in
def open_incident() -> Any:
    """First shows who will be told; posts when that was seen."""
    return _open("incident")


@blueprint.post("/maintenances/new")
@signed_in
def announce_maintenance() -> Any:
    """First shows who will be told; posts when that was seen."""
    return _open("maintenance")


def _open(kind: str) -> Any:
    wired, form = site(), request.form
    chosen = form.getlist("regions") or [wired.region.name]
    try:
        new: Any = (
            forms.incident(form, wired.region)
            if kind == "incident"
            else forms.maintenance(form, wired.region)
        )
        if form.get("action") != "post":
            with wired.database.read() as session:
                desk = _desk(session)
                ids = desk.component_ids(
                    new.components
                    if kind == "incident"
                    else dict.fromkeys(new.components, ComponentStatus.OPERATIONAL)
                )
                desk.names(new.names), desk.bodies(new.bodies)
                counts, who = preview(session, ids, page_wide=new.page_wide)
                warning = shortfall(session, wired.region, list(ids)) if kind == "incident" and ids else None
            return _new_form(
                kind,
                form=form,
                shown={"counts": counts, "who": who, "warning": warning, "deliver": new.deliver},
            )
        opener = wired.fleet.open_incident if kind == "incident" else wired.fleet.announce
        outcomes = opener(chosen, actor(), new)
    except Invalid as error:
        return _new_form(kind, 422, form=form, wrong=str(error))
    wired.publication.refresh()
    if all(outcome.state != "failed" for outcome in outcomes) and len(outcomes) == 1:
        return redirect(f"/operator/incidents/{outcomes[0].incident_id}", 303)
    return _new_form(kind, form=form, outcomes=outcomes)


@blueprint.get("/incidents/<incident_id>")
@signed_in
def incident(incident_id: str, status: int = 200, wrong: str = "", form: Any = None) -> Response:
    """One incident with all that can be done to it, and who would be told of an update."""
    found = _found(incident_id)
    with site().database.read() as session:
        counts, who = preview(session, affected(found), page_wide=found.page_wide)
    return operator_page(
        "incident.html",
        status,
        incident=found,
        maintenance=found.kind == Kind.MAINTENANCE,
        following=sorted(NEXT[found.status], key=list(NEXT).index),
        counts=counts,
        who=who,
        wrong=wrong,
        form=form or {},
        action_id=forms.fresh_action_id(),
    )


@blueprint.post("/incidents/<incident_id>/<action>")
@signed_in
def act(incident_id: str, action: str) -> Any:
    """Everything a form on the incident's page may ask for; a conflict shows the page anew with what was typed."""
    actions = {
        "update": _update,
        "correct": _correct,
        "publish": _publish,
        "acknowledge": _acknowledge,
        "discard": _discard,
        "reschedule": _reschedule,
        "cancel": _cancel,
        "rename": _rename,
    }
    if action not in actions:
        raise NotFound(f"There is no action {action!r}.")
    try:
        with site().database.write() as session:
            actions[action](session, incident_id, request.form)
    except (Invalid, EditConflict) as error:
        return incident(
            incident_id, 409 if isinstance(error, EditConflict) else 422, str(error), request.form
        )
    if action == "discard":
        return redirect("/operator/", 303)
    return _changed(incident_id)


def _update(session: Session, incident_id: str, form: forms.Form) -> None:
    _desk(session).update(incident_id, forms.update(form, site().region))


def _correct(session: Session, incident_id: str, form: forms.Form) -> None:
    region = site().region
    at = forms.instant(form["display_at"], region, "display_at") if form.get("display_at") else None
    _desk(session).correct(
        form.get("update_id", ""),
        Correction(bodies=forms.texts(form, "body", region), display_at=at, version=forms.version(form)),
    )


def _publish(session: Session, incident_id: str, form: forms.Form) -> None:
    _desk(session).publish_draft(incident_id, deliver="deliver" in form, version=forms.version(form))


def _acknowledge(session: Session, incident_id: str, form: forms.Form) -> None:
    _desk(session).acknowledge(incident_id)


def _discard(session: Session, incident_id: str, form: forms.Form) -> None:
    _desk(session).discard(incident_id)


def _rename(session: Session, incident_id: str, form: forms.Form) -> None:
    _desk(session).rename(incident_id, forms.texts(form, "name", site().region), forms.version(form))


def _reschedule(session: Session, incident_id: str, form: forms.Form) -> None:
    region = site().region
    _maintenance_desk(session).reschedule(
        incident_id,
        forms.instant(form.get("scheduled_for", ""), region, "scheduled_for"),
        forms.instant(form.get("scheduled_until", ""), region, "scheduled_until"),
        bodies=forms.texts(form, "body", region) or None,
        version=forms.version(form),
    )


def _cancel(session: Session, incident_id: str, form: forms.Form) -> None:
    _maintenance_desk(session).cancel(
        incident_id, bodies=forms.texts(form, "body", site().region) or None, version=forms.version(form)
    )


@blueprint.route("/templates", methods=("GET", "POST"))
@signed_in
def templates() -> Any:
    """The prepared texts."""
    wired, wrong, form = site(), "", request.form
    if request.method == "POST":
        try:
            with wired.database.write() as session:
                desk = TemplateDesk(session, wired.region, actor(), wired.now())
                if form.get("action") == "delete":
                    desk.delete(form.get("key", ""))
                else:
                    desk.save(
                        form.get("key", ""),
                        form.get("kind", ""),
                        forms.texts(form, "name", wired.region),
                        forms.texts(form, "body", wired.region),
                        forms.statuses(form),
                    )
            return redirect("/operator/templates", 303)
        except (Invalid, ValueError) as error:
            wrong = str(error)
    with wired.database.read() as session:
        known = session.scalars(select(Template).order_by(Template.key)).all()
    return operator_page("templates.html", 422 if wrong else 200, templates=known, wrong=wrong, form=form)


@blueprint.route("/subscribers", methods=("GET", "POST"))
@signed_in
def subscribers() -> Any:
    """Counts, and the quarantined addresses, which may be released."""
    wired = site()
    if request.method == "POST":
        with wired.database.write() as session:
            SubscriptionDesk(session, wired.settings, wired.now()).release(int(request.form.get("id", "0")))
        return redirect("/operator/subscribers", 303)
    with wired.database.read() as session:
        counts = session.execute(
            select(Subscriber.channel, Subscriber.state, func.count())
            .group_by(Subscriber.channel, Subscriber.state)
            .order_by(Subscriber.channel)
        ).all()
        held = session.scalars(
            select(Subscriber)
            .where(Subscriber.state == QUARANTINED)
            .order_by(Subscriber.quarantined_at.desc())
            .limit(500)
        ).all()
    return operator_page("subscribers.html", counts=counts, held=held)


@blueprint.get("/audit")
@signed_in
def audit() -> Response:
    """What was done, newest first."""
    before = request.args.get("before", "")
    with site().database.read() as session:
        query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(100)
        if before.isdigit():
            query = query.where(AuditEntry.id < int(before))
        entries = session.scalars(query).all()
    return operator_page("audit.html", entries=entries)
