"""Sign-up, confirmation, change, leaving. Answers never tell whether an address is known."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from statuspage.errors import Invalid, NotFound
from statuspage.settings import Settings
from statuspage.store.operators import AuditEntry
from statuspage.store.outbox import CLAIMED, FAILED, QUEUED, Delivery
from statuspage.store.page import ComponentRow
from statuspage.store.subscribers import ACTIVE, CHANNELS, PENDING, QUARANTINED, Subscriber, Subscription
from statuspage.subscriptions import addresses
from statuspage.subscriptions.tokens import marks

ASK_AGAIN = timedelta(hours=1)
UNCONFIRMED_FOR = timedelta(days=2)
PENDING_PER_HOUR = 1_000


@dataclass(frozen=True, slots=True)
class SignUp:
    """What a form asks for. ``components`` holds component ids; all of them mean the whole page."""

    channel: str
    email: str
    url: str
    components: tuple[str, ...]
    language: str


class SubscriptionDesk:
    """Every change to subscribers, bound to one transaction and one instant."""

    def __init__(self, session: Session, settings: Settings, now: datetime) -> None:
        self._session, self._settings, self._now = session, settings, now

    def sign_up(self, wish: SignUp) -> None:
        """Keeps a sign-up and sends one letter: to confirm, or, where the address is known, to manage.

        The same is done and answered for known and unknown addresses; one letter an hour at most goes to each.
        """
        owner, address = self._addresses(wish)
        chosen, everything = self._choice(wish.components)
        known = self._session.scalar(
            select(Subscriber).where(
                Subscriber.channel == wish.channel, Subscriber.address == address, Subscriber.owner == owner
            )
        )
        if known is None:
            recent = self._session.scalar(
                select(func.count())
                .select_from(Subscriber)
                .where(Subscriber.state == PENDING, Subscriber.created_at > self._now - timedelta(hours=1))
            )
            if (recent or 0) >= PENDING_PER_HOUR:
                raise Invalid("Too many people are signing up at the moment; try again in an hour.")
            known = Subscriber(
                channel=wish.channel,
                address=address,
                owner=owner,
                language=wish.language,
                everything=everything,
                domain=addresses.domain_of(wish.channel, address),
                state=PENDING,
                created_at=self._now,
                asked_at=self._now,
                secret=new_secret() if wish.channel == "webhook" else "",
            )
            self._session.add(known)
        elif self._now - known.asked_at < ASK_AGAIN:
            return
        known.asked_at = self._now
        if known.state == ACTIVE:
            self._letter("manage", owner, wish.language, owner=owner)
            return
        known.everything, known.language = everything, wish.language
        self._choose(known, chosen)
        self._session.flush()
        self._letter(
            "confirm", owner, wish.language, subscriber_id=known.id, channel=wish.channel, address=address
        )

    def confirm(self, subscriber_id: int, mark: str) -> Subscriber:
        """Makes a sign-up count; confirming twice is confirming once."""
        found = self._session.get(Subscriber, subscriber_id)
        if found is None or not marks(found, mark):
            raise NotFound("This sign-up is no longer there. Sign up again.")
        if found.state != ACTIVE:
            found.state, found.confirmed_at, found.failures, found.reason = ACTIVE, self._now, 0, ""
            found.quarantined_at = None
            self._record("subscriber.confirm", found)
        return found

    def ask_manage_link(self, email: str, language: str) -> None:
        """Sends the manage link to an owner who has subscriptions; says nothing otherwise."""
        owner = addresses.email(email)
        mine = list(self._session.scalars(select(Subscriber).where(Subscriber.owner == owner)))
        if not mine or any(self._now - one.asked_at < ASK_AGAIN and one.confirmed_at is None for one in mine):
            return
        recent = self._session.scalar(
            select(func.count())
            .select_from(Delivery)
            .where(
                Delivery.channel == "email",
                Delivery.letter.is_not(None),
                Delivery.subscriber_id.in_([one.id for one in mine]),
                Delivery.state.in_((QUEUED, CLAIMED)),
            )
        )
        if not recent:
            self._letter("manage", owner, language, owner=owner, subscriber_id=mine[0].id)

    def of_owner(self, owner: str) -> Sequence[Subscriber]:
        """All subscriptions of one owner."""
        mine = select(Subscriber).where(Subscriber.owner == owner).order_by(Subscriber.id)
        return self._session.scalars(mine).all()

    def change(self, owner: str, subscriber_id: int, components: Sequence[str], language: str) -> Subscriber:
        """Changes what a subscription is about."""
        found = self._owned(owner, subscriber_id)
        chosen, found.everything = self._choice(tuple(components))
        found.language = language
        self._choose(found, chosen)
        self._record("subscriber.change", found)
        return found

    def delete(self, owner: str, subscriber_id: int) -> None:
        """Ends one subscription and forgets it."""
        self._forget(self._owned(owner, subscriber_id))

    def delete_all(self, owner: str) -> int:
        """Ends all subscriptions of an owner and forgets him; how many there were."""
        mine = self.of_owner(owner)
        for one in mine:
            self._forget(one)
        return len(mine)

    def unsubscribe(self, subscriber_id: int, mark: str) -> None:
        """Ends a subscription by its link; done again it is still done."""
        found = self._session.get(Subscriber, subscriber_id)
        if found is not None and marks(found, mark):
            self._forget(found)

    def export(self, owner: str) -> list[dict[str, Any]]:
        """Everything that is kept about an owner."""
        return [
            {
                "channel": one.channel,
                "address": one.address,
                "owner": one.owner,
                "language": one.language,
                "state": one.state,
                "everything": one.everything,
                "components": sorted(row.component_id for row in one.components),
                "created_at": one.created_at.isoformat(),
                "confirmed_at": one.confirmed_at.isoformat() if one.confirmed_at else None,
                "quarantined_at": one.quarantined_at.isoformat() if one.quarantined_at else None,
                "reason": one.reason or None,
            }
            for one in self.of_owner(owner)
        ]

    def quarantine(self, subscriber: Subscriber, reason: str) -> None:
        """Stops sending to an address. The owner of a webhook is told by mail; an address that bounces cannot be."""
        if subscriber.state == QUARANTINED:
            return
        subscriber.state, subscriber.quarantined_at, subscriber.reason = QUARANTINED, self._now, reason[:300]
        self._session.execute(
            update(Delivery)
            .where(
                Delivery.subscriber_id == subscriber.id, Delivery.state == QUEUED, Delivery.letter.is_(None)
            )
            .values(state=FAILED, error="quarantined")
        )
        if subscriber.channel != "email":
            self._letter(
                "quarantined",
                subscriber.owner,
                subscriber.language,
                address=subscriber.address,
                reason=reason[:300],
                owner=subscriber.owner,
            )
        self._record("subscriber.quarantine", subscriber, reason=reason[:300])

    def release(self, subscriber_id: int) -> None:
        """Sends to a quarantined address again."""
        found = self._session.get(Subscriber, subscriber_id)
        if found is None or found.state != QUARANTINED:
            raise NotFound("There is no such quarantined subscriber.")
        found.state, found.quarantined_at, found.reason, found.failures = ACTIVE, None, "", 0
        self._record("subscriber.release", found)

    def expire(self) -> int:
        """Forgets sign-ups that nobody confirmed; how many."""
        old = delete(Subscriber).where(
            Subscriber.state == PENDING, Subscriber.asked_at < self._now - UNCONFIRMED_FOR
        )
        return int(getattr(self._session.execute(old), "rowcount", 0))

    def _addresses(self, wish: SignUp) -> tuple[str, str]:
        owner = addresses.email(wish.email)
        hosts = {"webhook": (), "slack": self._settings.slack_hosts, "teams": self._settings.teams_hosts}
        if wish.channel not in CHANNELS:
            raise Invalid("Choose how you want to be told.", {"channel": "Choose how you want to be told."})
        if wish.channel == "email":
            return owner, owner
        return owner, addresses.url(
            wish.url, wish.channel, hosts[wish.channel], self._settings.allow_networks
        )

    def _choice(self, components: tuple[str, ...]) -> tuple[list[str], bool]:
        known = list(self._session.scalars(select(ComponentRow.id).order_by(ComponentRow.position)))
        chosen = [one for one in known if one in components]
        if not chosen or set(components) - set(known):
            raise Invalid("Choose at least one component.", {"components": "Choose at least one component."})
        return chosen, len(chosen) == len(known)

    def _choose(self, subscriber: Subscriber, chosen: list[str]) -> None:
        keep = {row.component_id: row for row in subscriber.components} if subscriber.id else {}
        subscriber.components = [keep.get(one) or Subscription(component_id=one) for one in chosen]

    def _owned(self, owner: str, subscriber_id: int) -> Subscriber:
        found = self._session.get(Subscriber, subscriber_id)
        if found is None or found.owner != owner:
            raise NotFound("This subscription is no longer there.")
        return found

    def _forget(self, subscriber: Subscriber) -> None:
        # The audit keeps that it happened, not to whom.
        self._session.add(
            AuditEntry(
                at=self._now,
                actor="subscriber",
                action="subscriber.delete",
                target=str(subscriber.id),
                detail={"channel": subscriber.channel},
            )
        )
        self._session.delete(subscriber)

    def _record(self, action: str, subscriber: Subscriber, **detail: Any) -> None:
        self._session.add(
            AuditEntry(
                at=self._now,
                actor="subscriber",
                action=action,
                target=str(subscriber.id),
                detail={"channel": subscriber.channel, **detail},
            )
        )

    def _letter(
        self, kind: str, to: str, language: str, subscriber_id: int | None = None, **values: Any
    ) -> None:
        queue_letter(self._session, self._now, kind, to, language, subscriber_id=subscriber_id, **values)


def queue_letter(
    session: Session,
    now: datetime,
    kind: str,
    to: str,
    language: str,
    *,
    subscriber_id: int | None = None,
    **values: Any,
) -> None:
    """Puts one letter that no notification stands behind into the outbox, ahead of any drain that is going on."""
    letter = {"kind": kind, "to": to, "language": language, "at": now.isoformat(), **values}
    if subscriber_id is not None:
        letter["subscriber_id"] = subscriber_id
    session.add(
        Delivery(
            channel="email",
            subscriber_id=subscriber_id,
            domain=addresses.domain_of("email", to),
            state=QUEUED,
            next_at=now - timedelta(days=1),
            letter=letter,
        )
    )


def new_secret() -> str:
    """A signing secret in the form Standard Webhooks gives it."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()
