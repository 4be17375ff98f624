"""Signing in and out, and the check that every operator page stands behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, g, redirect, request, session
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select

from statuspage.desk.commands import Actor
from statuspage.desk.operators import OperatorDesk
from statuspage.errors import Forbidden
from statuspage.store.operators import AuditEntry, Operator
from statuspage.web.delivery import CSP, SECURITY
from statuspage.web.limiting import SIGN_IN, limiter
from statuspage.web.public import site

blueprint = Blueprint("operator_login", __name__, url_prefix="/operator")
View = TypeVar("View", bound=Callable[..., Any])


def operator_page(template: str, status: int = 200, **values: Any) -> Response:
    """A page for operators, in English, never cached."""
    wired = site()
    region = wired.region
    body = wired.kit.render(
        f"operator/{template}",
        "en",
        region.languages,
        region.zone,
        region=region,
        prefix="",
        view=wired.publication.site().view,
        csrf_token=generate_csrf,
        operator=g.get("operator"),
        regions_known=wired.settings.siblings,
        **values,
    )
    return Response(
        body,
        status,
        [*SECURITY, ("Cache-Control", "no-store"), ("Content-Security-Policy", CSP.format(framers="'none'"))],
        content_type="text/html; charset=utf-8",
    )


def signed_in(view: View) -> View:
    """Lets only an operator in whose session is still good; others are sent to sign in."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        wired = site()
        with wired.database.read() as database:
            found = database.scalar(select(Operator).where(Operator.id == session.get("operator_id", "")))
        if found is None or found.disabled or found.session_epoch != session.get("epoch"):
            session.clear()
            return redirect("/operator/sign-in", 303)
        g.operator = found.email
        return view(*args, **kwargs)

    return cast(View, guarded)


def actor() -> Actor:
    """The operator of this request."""
    return Actor(g.operator)


@blueprint.route("/sign-in", methods=("GET", "POST"))
@limiter.limit(SIGN_IN, methods=["POST"])
def sign_in() -> Any:
    """Address, password and one-time code in one form, so that no step tells which was wrong."""
    if request.method == "GET":
        return operator_page("sign_in.html", wrong="")
    wired = site()
    email = request.form.get("email", "")
    try:
        with wired.database.write() as database:
            found = OperatorDesk(database, wired.now()).sign_in(
                email, request.form.get("password", ""), request.form.get("code", "")
            )
            identity, epoch = found.id, found.session_epoch
    except Forbidden as error:
        with wired.database.write() as database:
            database.add(
                AuditEntry(at=wired.now(), actor=email[:254], action="sign_in.refused", target="", detail={})
            )
        return operator_page("sign_in.html", 403, wrong=str(error))
    session.clear()
    session.permanent = True
    session["operator_id"], session["epoch"] = identity, epoch
    return redirect("/operator/", 303)


@blueprint.post("/sign-out")
@signed_in
def sign_out() -> Any:
    """Ends the session, and all others of this operator."""
    wired = site()
    with wired.database.write() as database:
        found = database.scalar(select(Operator).where(Operator.id == session["operator_id"]))
        if found is not None:
            found.session_epoch += 1
    session.clear()
    return redirect("/operator/sign-in", 303)
