"""Commands about operators, subscribers, the audit, bounces and the import of another page's history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pyotp
import segno
from sqlalchemy import select

from statuspage.cli.context import Session, pass_session
from statuspage.desk.operators import OperatorDesk
from statuspage.outbox import bounces
from statuspage.store.operators import AuditEntry, Operator
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions.desk import SubscriptionDesk
from statuspage.transfer import importing


@click.group()
def operator() -> None:
    """Who may speak for the page."""


@operator.command("add")
@click.argument("email")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@pass_session
def add(session: Session, email: str, password: str) -> None:
    """Add an operator; shows the secret of the one-time codes once."""
    site = session.site()
    with site.database.write() as database:
        found = OperatorDesk(database, site.now()).add(email, password, session.actor().name)
        secret, address = found.totp_secret, found.email
    uri = pyotp.TOTP(secret).provisioning_uri(name=address, issuer_name=f"backupd status {site.region.name}")
    session.tell(
        {"email": address, "totp_secret": secret, "uri": uri},
        f"{address} is added. Scan this with an authenticator, it is shown only now:\n{uri}",
    )
    if not session.as_json and sys.stdout.isatty():
        segno.make(uri).terminal(compact=True)


@operator.command("token")
@click.argument("email")
@click.option("--label", required=True, help="What it is for.")
@pass_session
def token(session: Session, email: str, label: str) -> None:
    """Issue an API token, shown only now."""
    site = session.site()
    with site.database.write() as database:
        issued = OperatorDesk(database, site.now()).issue_token(email, label, session.actor().name)
    session.tell({"token": issued}, issued)


@operator.command("disable")
@click.argument("email")
@pass_session
def disable(session: Session, email: str) -> None:
    """End an operator's access at once."""
    site = session.site()
    with site.database.write() as database:
        OperatorDesk(database, site.now()).disable(email, session.actor().name)
    session.tell({"email": email}, f"{email} has no access any more.")


@operator.command("list")
@pass_session
def operators(session: Session) -> None:
    """All operators."""
    with session.site().database.read() as database:
        rows = [
            (one.email, "disabled" if one.disabled else "active", one.created_at)
            for one in database.scalars(select(Operator).order_by(Operator.email))
        ]
    session.table("Operators", ("email", "state", "since"), rows)


@click.group()
def subscriber() -> None:
    """Who is told."""


@subscriber.command("list")
@click.option("--state", type=click.Choice(["pending", "active", "quarantined"]))
@click.option("--limit", default=100, show_default=True)
@pass_session
def subscribers(session: Session, state: str | None, limit: int) -> None:
    """Subscribers, newest first."""
    query = select(Subscriber).order_by(Subscriber.id.desc()).limit(limit)
    if state:
        query = query.where(Subscriber.state == state)
    with session.site().database.read() as database:
        rows = [
            (one.id, one.channel, one.address, one.language, one.state, one.reason)
            for one in database.scalars(query)
        ]
    session.table("Subscribers", ("id", "channel", "address", "language", "state", "reason"), rows)


@subscriber.command("export")
@click.argument("owner")
@pass_session
def export(session: Session, owner: str) -> None:
    """Everything kept about one owner."""
    site = session.site()
    with site.database.read() as database:
        data = SubscriptionDesk(database, site.settings, site.now()).export(owner)
    session.tell(data, "\n".join(str(one) for one in data) or "nothing")


@subscriber.command("delete")
@click.argument("owner")
@pass_session
def delete(session: Session, owner: str) -> None:
    """Forget one owner."""
    site = session.site()
    with site.database.write() as database:
        count = SubscriptionDesk(database, site.settings, site.now()).delete_all(owner)
    session.tell({"deleted": count}, f"{count} subscriptions deleted.")


@subscriber.command("release")
@click.argument("subscriber_id", type=int)
@pass_session
def release(session: Session, subscriber_id: int) -> None:
    """Send to a quarantined address again."""
    site = session.site()
    with site.database.write() as database:
        SubscriptionDesk(database, site.settings, site.now()).release(subscriber_id)
    session.tell({"id": subscriber_id}, f"{subscriber_id} is released.")


@click.command()
@click.option("--limit", default=50, show_default=True)
@pass_session
def audit(session: Session, limit: int) -> None:
    """What was done, newest first."""
    with session.site().database.read() as database:
        rows = [
            (one.at, one.actor, one.action, one.target, one.detail)
            for one in database.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit))
        ]
    session.table("Audit", ("at", "actor", "action", "target", "detail"), rows)


@click.command()
@click.argument("message", type=click.File("rb"), default="-")
@pass_session
def bounce(session: Session, message: Any) -> None:
    """Take a bounce or complaint from a mail server (a raw message on standard input)."""
    site = session.site()
    report = bounces.read(message.read(5_000_000))
    with site.database.write() as database:
        done = bounces.apply(database, site.settings, site.links, report, site.now())
    session.tell({"quarantined": done}, "quarantined" if done else "noted")


@click.command("import")
@click.option("--components", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--incidents", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--subscribers", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="NAME=COMPONENT",
    help="Which of our components an exported one is, by its name; repeatable.",
)
@pass_session
def import_export(
    session: Session,
    components: Path | None,
    incidents: Path | None,
    subscribers: Path | None,
    mapping: tuple[str, ...],
) -> None:
    """Take over component ids, history and subscribers of a Statuspage export. Nobody is mailed."""
    names = dict(one.rpartition("=")[::2] for one in mapping)
    site = session.site()
    with site.database.write() as database:
        work = importing.Import(database, site.region, site.settings, session.actor(), site.now(), names)
        counts = {
            "components": work.components(importing.read(components)) if components else 0,
            "incidents": work.incidents(importing.read(incidents)) if incidents else 0,
            "subscribers": work.subscribers(importing.read(subscribers)) if subscribers else 0,
        }
    session.tell(counts, ", ".join(f"{count} {name}" for name, count in counts.items()) + " imported.")
