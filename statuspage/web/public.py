"""The public documents and assets, as Flask routes."""

from __future__ import annotations

import json

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import NotFound

from statuspage.web.delivery import CACHE, answer, negotiate, split_language
from statuspage.web.fastpath import language_of, negotiated
from statuspage.web.wiring import Site

blueprint = Blueprint("public", __name__)


def site() -> Site:
    """What this process was wired with."""
    found: Site = current_app.extensions["status"]
    return found


@blueprint.get("/assets/<digest>/<name>")
def asset(digest: str, name: str) -> Response:
    """A script, style or picture; its name changes with its content."""
    found = site().kit.assets.by_path.get(f"/assets/{digest}/{name}")
    if found is None:
        raise NotFound
    return Response(
        found.body,
        content_type=found.content_type,
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@blueprint.get("/heartbeat.json")
def heartbeat() -> Response:
    """The times of the last proofs, apart from the pages so that their validators hold."""
    wired = site()
    wired.publication.site()
    proofs = {key: at.isoformat() if at else None for key, at in sorted(wired.publication.proofs.items())}
    return Response(
        json.dumps({"region": wired.region.name, "components": proofs}),
        content_type="application/json",
        headers={"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"},
    )


@blueprint.get("/healthz")
def health() -> Response:
    """Whether this process serves current data; for a supervisor, not for the public."""
    wired = site()
    wired.publication.refresh()
    wired.publication.site()
    if wired.publication.lost:
        return Response("the database is lost; serving what was read last\n", 503, content_type="text/plain")
    return Response("ok\n", content_type="text/plain")


@blueprint.route("/api/v2/<path:path>", methods=["OPTIONS"])
def preflight(path: str) -> Response:
    """What a browser asks before a script may send If-None-Match from another site."""
    return Response(
        status=204,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
            "Access-Control-Allow-Headers": "If-None-Match",
            "Access-Control-Max-Age": "86400",
            "Cache-Control": CACHE,
        },
    )


@blueprint.get("/", defaults={"path": ""})
@blueprint.get("/<path:path>")
def document(path: str) -> Response:
    """Any public document; the fast path serves it from the second time on."""
    wired = site()
    languages = wired.region.languages
    rest, explicit = split_language("/" + path, languages)
    language = explicit or negotiate(request.headers.get("Accept-Language", ""), languages)
    found = wired.copies(rest, *language_of(rest, language, explicit, languages))
    if found is None:
        raise NotFound
    status, headers, body = answer(
        found,
        if_none_match=request.headers.get("If-None-Match", ""),
        negotiated=negotiated(rest, explicit),
        accept_encoding=request.headers.get("Accept-Encoding", ""),
        language=language,
        secure=wired.settings.secure_cookies,
    )
    return Response(body, status, headers)
