"""Builds the web application of one region."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from regions.loader import Region
from statuspage.pages.kit import Kit
from statuspage.settings import Settings
from statuspage.web import (
    ingest,
    operator_api,
    operator_login,
    operator_pages,
    problems,
    public,
    subscription,
)
from statuspage.web.fastpath import FastPath
from statuspage.web.limiting import limiter
from statuspage.wiring import build_site, utc_now


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
    recheck_s: float = 0.25,
    kit: Kit | None = None,
) -> Flask:
    """The application of ``settings.region``. Raises when the region's file or the settings are wrong."""
    site = build_site(settings, clock, monotonic, recheck_s, kit)
    app = Flask("statuspage", static_folder=None, template_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret,
        MAX_CONTENT_LENGTH=1_048_576,
        SESSION_COOKIE_NAME="status_operator",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=8 * 3600,
        WTF_CSRF_TIME_LIMIT=None,
        RATELIMIT_HEADERS_ENABLED=False,
    )
    app.extensions["status"] = site
    register(app, site.region)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.wsgi_app = FastPath(  # type: ignore[method-assign]
        app.wsgi_app, site.publication, site.region.languages, secure=settings.secure_cookies
    )
    return app


def register(app: Flask, region: Region) -> None:
    """Hangs in the blueprints; the public one last, since it takes every other path."""
    problems.register(app)
    CSRFProtect(app)
    limiter.init_app(app)
    for blueprint in (
        ingest.blueprint,
        operator_login.blueprint,
        operator_pages.blueprint,
        operator_api.blueprint,
    ):
        app.register_blueprint(blueprint)
    csrf_free = app.extensions["csrf"]
    # Signed or token-carrying requests hold no cookie, so there is nothing for another site to ride on.
    for blueprint in (ingest.blueprint, operator_api.blueprint, subscription.blueprint):
        csrf_free.exempt(blueprint)
    app.register_blueprint(subscription.blueprint)
    languages = ",".join(region.languages)
    app.register_blueprint(
        subscription.blueprint, url_prefix=f"/<any({languages}):language>", name="localized"
    )
    app.register_blueprint(public.blueprint)
