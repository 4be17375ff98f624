"""Sign-up, confirmation, the manage page and one-click unsubscribe. No cookie, no account: a link is the key.

Reading a link shows a page and changes nothing; only a POST acts, since mail scanners open every link.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, g, request

from statuspage.errors import Invalid
from statuspage.subscriptions.desk import SignUp, SubscriptionDesk
from statuspage.web.delivery import CSP, SECURITY, negotiate
from statuspage.web.limiting import LINKS, SIGN_UP, limiter
from statuspage.web.public import site

blueprint = Blueprint("subscription", __name__)


@blueprint.url_value_preprocessor
def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """The language from the path's prefix, or the best of what the browser asks for."""
    g.explicit = values.pop("language", None) if values else None
    languages = site().region.languages
    g.language = g.explicit or negotiate(request.headers.get("Accept-Language", ""), languages)


def page(template: str, status: int = 200, **values: Any) -> Response:
    """One of these pages; never cached, never framed, never telling others where the reader came from."""
    wired = site()
    region = wired.region
    body = wired.kit.render(
        template,
        g.language,
        region.languages,
        region.zone,
        region=region,
        static=False,
        view=wired.publication.site().view,
        path="/subscribe",
        prefix=f"/{g.explicit}" if g.explicit else "",
        **values,
    )
    headers = [
        *SECURITY[:1],
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", CSP.format(framers="'none'")),
    ]
    return Response(body, status, headers, content_type="text/html; charset=utf-8")


def message(title: str, text: str, status: int = 200) -> Response:
    """A page that says one thing."""
    return page("subscription/message.html", status, title=title, message=text)


def _desk(session: Any) -> SubscriptionDesk:
    wired = site()
    return SubscriptionDesk(session, wired.settings, wired.now())


@blueprint.post("/subscribe")
@limiter.limit(SIGN_UP)
def sign_up() -> Response:
    """Takes a sign-up; the answer is the same for every address that could exist."""
    form = request.form
    wish = SignUp(
        form.get("channel", "email"),
        form.get("email", ""),
        form.get("url", ""),
        tuple(form.getlist("components")),
        g.language,
    )
    trapped = bool(form.get("website"))  # a field that people do not see
    if not trapped:
        try:
            with site().database.write() as session:
                _desk(session).sign_up(wish)
        except Invalid as error:
            t = site().kit.catalogs.translate
            errors = {field: t(g.language, text) for field, text in error.fields.items()} or {"": str(error)}
            return page(
                "subscribe.html",
                422,
                errors=errors,
                form={
                    "channel": wish.channel,
                    "email": wish.email,
                    "url": wish.url,
                    "components": list(wish.components),
                },
            )
    return message(
        "Check your mail", "If this address can be subscribed, a message with a link is on its way to it."
    )


@blueprint.route("/subscription/confirm/<token>", methods=("GET", "POST"))
@limiter.limit(LINKS)
def confirm(token: str) -> Response:
    """Shows the button, then makes the sign-up count."""
    subscriber_id, mark = site().links.read_confirm(token)
    if request.method == "GET":
        return page(
            "subscription/button.html",
            title="Confirm your subscription",
            button="Confirm",
            message="One more click and you are told of what you chose.",
        )
    with site().database.write() as session:
        found = _desk(session).confirm(subscriber_id, mark)
        owner, secret = found.owner, found.secret
    return page("subscription/confirmed.html", manage=site().links.manage(owner), secret=secret)


@blueprint.route("/subscription/unsubscribe/<token>", methods=("GET", "POST"))
@limiter.limit(LINKS)
def unsubscribe(token: str) -> Response:
    """RFC 8058: a POST from the mail program ends it at once, without cookie, redirect or question."""
    subscriber_id, mark = site().links.read_unsubscribe(token)
    if request.method == "GET":
        return page(
            "subscription/button.html",
            title="Unsubscribe",
            button="Unsubscribe",
            message="You are told of nothing more, and the address is forgotten.",
        )
    with site().database.write() as session:
        _desk(session).unsubscribe(subscriber_id, mark)
    return message("You are unsubscribed", "The address is forgotten.")


@blueprint.route("/subscription/link", methods=("GET", "POST"))
@limiter.limit(SIGN_UP, methods=["POST"])
def ask_link() -> Response:
    """Sends the manage link to an address, if it is known; the answer does not tell."""
    if request.method == "GET":
        return page("subscription/link.html", errors={})
    try:
        with site().database.write() as session:
            _desk(session).ask_manage_link(request.form.get("email", ""), g.language)
    except Invalid as error:
        return page("subscription/link.html", 422, errors=error.fields)
    return message(
        "Check your mail", "If this address has subscriptions, a message with a link is on its way to it."
    )


@blueprint.get("/subscription/manage/<token>")
@limiter.limit(LINKS)
def manage(token: str) -> Response:
    """All subscriptions of one owner."""
    owner = site().links.read_manage(token)
    with site().database.read() as session:
        mine = [
            {
                "id": one.id,
                "channel": one.channel,
                "address": one.address,
                "state": one.state,
                "language": one.language,
                "reason": one.reason,
                "secret": one.secret,
                "components": [] if one.everything else [row.component_id for row in one.components],
            }
            for one in _desk(session).of_owner(owner)
        ]
    return page("subscription/manage.html", owner=owner, mine=mine, token=token)


@blueprint.post("/subscription/manage/<token>")
@limiter.limit(LINKS)
def change(token: str) -> Response:
    """Changes or deletes one subscription, or all."""
    owner, form = site().links.read_manage(token), request.form
    action = form.get("action", "")
    with site().database.write() as session:
        desk = _desk(session)
        if action == "delete_all":
            desk.delete_all(owner)
            return message("Everything is deleted", "Nothing about you is kept any more.")
        try:
            subscriber_id = int(form.get("id", ""))
        except ValueError:
            raise Invalid("The form is incomplete.") from None
        if action == "delete":
            desk.delete(owner, subscriber_id)
        elif action == "save":
            language = form.get("language", g.language)
            if language not in site().region.languages:
                raise Invalid("This region has no such language.")
            desk.change(owner, subscriber_id, form.getlist("components"), language)
        else:
            raise Invalid("The form is incomplete.")
    return message("Saved", "Your change counts from now on.")


@blueprint.get("/subscription/manage/<token>/export.json")
@limiter.limit(LINKS)
def export(token: str) -> Response:
    """Everything that is kept about the owner, for himself."""
    owner = site().links.read_manage(token)
    with site().database.read() as session:
        data = _desk(session).export(owner)
    return Response(
        json.dumps({"owner": owner, "subscriptions": data}, indent=1),
        content_type="application/json",
        headers={"Cache-Control": "no-store", "Content-Disposition": "attachment; filename=my-data.json"},
    )
