"""The operators' API: the same desk as the pages, with a bearer token. docs/status-operators.md shows requests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, g, request

from statuspage.desk.commands import Actor, Correction, NewIncident, NewMaintenance, NewUpdate
from statuspage.desk.incidents import IncidentDesk
from statuspage.desk.maintenance import MaintenanceDesk
from statuspage.desk.operators import OperatorDesk
from statuspage.detection.watching import shortfall
from statuspage.domain.statuses import ComponentStatus
from statuspage.errors import Forbidden, Invalid
from statuspage.outbox import bounces
from statuspage.subscriptions.recipients import preview
from statuspage.web.limiting import INGEST, limiter
from statuspage.web.operator_forms import fresh_action_id
from statuspage.web.public import site

blueprint = Blueprint("operator_api", __name__, url_prefix="/operator/api/v1")
T = TypeVar("T")
Action = TypeVar("Action", NewIncident, NewMaintenance, NewUpdate)


class Preview(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Asks who would be told."""

    components: list[str] = []
    page_wide: bool = False


@blueprint.before_request
@limiter.limit(INGEST)
def authenticate() -> None:
    """Every route needs a token; there is none without."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Forbidden("Send your token as `Authorization: Bearer …`.")
    wired = site()
    with wired.database.write() as session:
        g.operator = OperatorDesk(session, wired.now()).by_token(token.strip()).email


def _body(kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Invalid(f"The request is not as documented: {error}") from None


def _actor() -> Actor:
    return Actor(g.operator)


def _with_action(new: Action) -> Action:
    # Without an id of the caller's own a repeat cannot be told from a second wish; one is made for this request.
    return new if new.action_id else replace(new, action_id=fresh_action_id())


def _answer(body: Any, status: int = 200) -> Response:
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _regions() -> list[str]:
    return [one for one in request.args.get("regions", "").split(",") if one] or [site().region.name]


def _outcomes(outcomes: Any) -> Response:
    site().publication.refresh()
    failed = [one for one in outcomes if one.state == "failed"]
    status = 201 if not failed else (502 if len(failed) == len(outcomes) else 207)
    return _answer(
        {
            "outcomes": [
                {
                    "region": one.region,
                    "state": one.state,
                    "incident_id": one.incident_id,
                    "message": one.message,
                }
                for one in outcomes
            ]
        },
        status,
    )


@blueprint.post("/incidents")
def open_incident() -> Response:
    """Opens an incident in the regions of ``?regions=``; 207 when some of them failed."""
    return _outcomes(site().fleet.open_incident(_regions(), _actor(), _with_action(_body(NewIncident))))


@blueprint.post("/maintenances")
def announce() -> Response:
    """Announces a maintenance in the regions of ``?regions=``."""
    return _outcomes(site().fleet.announce(_regions(), _actor(), _with_action(_body(NewMaintenance))))


@blueprint.post("/actions/<opened_by>/updates")
def update_everywhere(opened_by: str) -> Response:
    """Says the same about the incident one action opened in the regions of ``?regions=``."""
    return _outcomes(site().fleet.update(_regions(), _actor(), opened_by, _with_action(_body(NewUpdate))))


@blueprint.post("/incidents/<incident_id>/updates")
def update(incident_id: str) -> Response:
    """Says something more about one incident of this region."""
    wired, new = site(), _body(NewUpdate)
    with wired.database.write() as session:
        said = IncidentDesk(session, wired.region, _actor(), wired.now()).update(incident_id, new)
        version = said.incident.version
    wired.publication.refresh()
    return _answer({"id": said.id, "status": said.status, "version": version}, 201)


@blueprint.patch("/updates/<update_id>")
def correct(update_id: str) -> Response:
    """Corrects a public update."""
    wired, wish = site(), _body(Correction)
    with wired.database.write() as session:
        said = IncidentDesk(session, wired.region, _actor(), wired.now()).correct(update_id, wish)
    wired.publication.refresh()
    return _answer(
        {"id": said.id, "corrected_at": said.corrected_at.isoformat() if said.corrected_at else None}
    )


@blueprint.post("/incidents/<incident_id>/publish")
def publish(incident_id: str) -> Response:
    """Publishes a draft."""
    wired = site()
    with wired.database.write() as session:
        found = IncidentDesk(session, wired.region, _actor(), wired.now()).publish_draft(incident_id)
    wired.publication.refresh()
    return _answer({"id": found.id, "status": found.status})


@blueprint.post("/maintenances/<maintenance_id>/cancel")
def cancel(maintenance_id: str) -> Response:
    """Cancels a maintenance that has not begun."""
    wired = site()
    with wired.database.write() as session:
        MaintenanceDesk(session, wired.region, _actor(), wired.now(), wired.kit.catalogs).cancel(
            maintenance_id
        )
    wired.publication.refresh()
    return _answer({"id": maintenance_id, "status": "completed"})


@blueprint.post("/preview")
def who() -> Response:
    """Who would be told, by the rule that sends."""
    wired, wish = site(), _body(Preview)
    with wired.database.read() as session:
        desk = IncidentDesk(session, wired.region, _actor(), wired.now())
        ids = desk.component_ids(dict.fromkeys(wish.components, ComponentStatus.OPERATIONAL))
        counts, found = preview(session, ids, page_wide=wish.page_wide)
        warning = shortfall(session, wired.region, list(ids)) if ids else None
    return _answer(
        {
            "counts": counts,
            "recipients": [{"channel": channel, "address": address} for channel, address in found],
            "warning": warning,
        }
    )


@blueprint.post("/bounces")
def bounce() -> Response:
    """Takes a raw bounce or complaint, as a mail server pipes it."""
    wired = site()
    report = bounces.read(request.get_data())
    with wired.database.write() as session:
        quarantined = bounces.apply(session, wired.settings, wired.links, report, wired.now())
    return _answer({"quarantined": quarantined})
