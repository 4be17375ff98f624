"""Turns errors into answers: problem+json for machines, a page for people; never a traceback."""

from __future__ import annotations

import json
import logging

from flask import Flask, Response, current_app, request
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from statuspage import errors
from statuspage.web.delivery import CSP, SECURITY, negotiate, split_language
from statuspage.web.wiring import Site

log = logging.getLogger(__name__)
STATUS_OF: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.Invalid, 422, "The input was refused"),
    (errors.NotFound, 404, "Not found"),
    (errors.EditConflict, 409, "Changed by somebody else"),
    (StaleDataError, 409, "Changed by somebody else"),
    (errors.Replayed, 409, "Received before"),
    (errors.Forbidden, 403, "Not allowed"),
    (errors.UnsafeAddress, 422, "The address was refused"),
    (errors.DatabaseLost, 503, "Not available at the moment"),
    (errors.StatusError, 500, "Something went wrong"),
)


def register(app: Flask) -> None:
    """One handler for all of our errors, one for HTTP's own, one for what nobody foresaw."""
    app.register_error_handler(errors.StatusError, _ours)
    app.register_error_handler(StaleDataError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _ours(error: Exception) -> Response:
    status, title = next((code, words) for kind, code, words in STATUS_OF if isinstance(error, kind))
    detail = (
        "Somebody else changed this at the same moment; read it again."
        if isinstance(error, StaleDataError)
        else str(error)
    )
    return problem(status, title, detail, getattr(error, "fields", {}))


def _http(error: HTTPException) -> Response:
    response = problem(error.code or 500, error.name, error.description or "")
    if error.code == 429 and "Retry-After" not in response.headers:
        response.headers["Retry-After"] = "60"
    if error.code == 405 and (methods := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(methods)
    return response


def _unforeseen(error: Exception) -> Response:
    log.exception("unforeseen error at %s", request.path)
    return problem(500, "Something went wrong", "The error was recorded; try again in a minute.")


def problem(status: int, title: str, detail: str, fields: dict[str, str] | None = None) -> Response:
    """RFC 9457 for machine paths, an HTML page otherwise."""
    if request.path.startswith(("/api/", "/ingest/", "/operator/api/")) or request.path.endswith(".json"):
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        if fields:
            body["errors"] = fields
        return Response(
            json.dumps(body),
            status,
            content_type="application/problem+json",
            headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"},
        )
    site: Site = current_app.extensions["status"]
    languages = site.region.languages
    _, explicit = split_language(request.path, languages)
    language = explicit or negotiate(request.headers.get("Accept-Language", ""), languages)
    html = site.kit.render(
        "problem.html",
        language,
        languages,
        site.region.zone,
        region=site.region,
        title=title,
        detail=detail,
        prefix=f"/{explicit}" if explicit else "",
    )
    return Response(
        html,
        status,
        content_type="text/html; charset=utf-8",
        headers=[
            *SECURITY,
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", CSP.format(framers="'none'")),
        ],
    )
