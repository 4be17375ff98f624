"""The endpoint that measurements are sent to."""

from __future__ import annotations

from flask import Blueprint, Response, request

from statuspage.detection import messages
from statuspage.detection.receiving import receive
from statuspage.errors import Forbidden
from statuspage.web.limiting import INGEST, limiter
from statuspage.web.public import site

blueprint = Blueprint("ingest", __name__)


@blueprint.post("/ingest/v1/measurements")
@limiter.limit(INGEST)
def measurements() -> Response:
    """Takes one signed message; 202 when it was stored, 409 when it was received before."""
    wired = site()
    if not wired.settings.ingest_secrets:
        raise Forbidden("This site takes no measurements: STATUS_INGEST_SECRETS is not set.")
    body, now = request.get_data(), wired.now()
    headers = {name.lower(): value for name, value in request.headers.items()}
    message_id = messages.verify(headers, body, wired.settings.ingest_secrets, now)
    message = messages.decode(body, wired.region.name, now)
    with wired.database.write() as session:
        receive(session, wired.region, wired.kit.catalogs, message_id, message, now)
    wired.publication.refresh()
    return Response(status=202)
