"""Takes due deliveries, and gives them back as sent, failed or to be tried again."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Table, and_, bindparam, null, select, update
from sqlalchemy.orm import Session

from statuspage.store.outbox import CLAIMED, FAILED, QUEUED, SENT, Delivery, Notification
from statuspage.store.subscribers import ACTIVE, Subscriber

LEASE = timedelta(minutes=2)
# As Standard Webhooks recommends: soon at first, then with patience, a little over a day in all.
BACKOFF_S = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery in hand."""

    id: int
    claim: str
    channel: str
    domain: str
    attempts: int
    notification_id: str | None
    incident_id: str | None
    update_id: str | None
    event: str
    component_ids: tuple[str, ...]
    created_at: datetime | None
    subscriber_id: int | None
    address: str
    owner: str
    language: str
    secret: str
    letter: dict[str, Any] | None


def claim(
    session: Session,
    channels: Collection[str],
    now: datetime,
    limit: int,
    without_domains: Collection[str] = (),
) -> list[Claimed]:
    """Takes up to ``limit`` due deliveries for two minutes. A claim that ran out (a killed sender) is due again."""
    mark = secrets.token_hex(12)
    taken = 0
    # Two statements, each along the index; as one with OR, every batch would sort all that waits.
    for due in (
        and_(Delivery.state == QUEUED, Delivery.next_at <= now),
        and_(Delivery.state == CLAIMED, Delivery.claimed_until < now),
    ):
        ids = (
            select(Delivery.id)
            .where(due, Delivery.channel.in_(channels))
            .order_by(Delivery.next_at)
            .limit(limit - taken)
        )
        if without_domains:
            ids = ids.where(Delivery.domain.not_in(without_domains))
        result = session.execute(
            update(Delivery)
            .where(Delivery.id.in_(ids.with_for_update(skip_locked=True)))
            .values(state=CLAIMED, claim=mark, claimed_until=now + LEASE, attempts=Delivery.attempts + 1),
            execution_options={"synchronize_session": False},
        )
        taken += int(getattr(result, "rowcount", 0))
        if taken >= limit:
            break
    query = (
        select(Delivery, Notification, Subscriber)
        .outerjoin(Notification, Notification.id == Delivery.notification_id)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.claim == mark)
        .order_by(Delivery.next_at, Delivery.id)
    )
    # The outer joins may leave both empty, which the select's own type does not say.
    rows = cast(
        Sequence[tuple[Delivery, Notification | None, Subscriber | None]], session.execute(query).all()
    )
    claimed = []
    for delivery, notification, subscriber in rows:
        if notification is not None and (subscriber is None or subscriber.state != ACTIVE):
            delivery.state, delivery.error = FAILED, "no longer subscribed"
        else:
            claimed.append(_claimed(delivery, notification, subscriber, mark))
    return claimed


def _claimed(
    delivery: Delivery, notification: Notification | None, subscriber: Subscriber | None, mark: str
) -> Claimed:
    if delivery.letter is not None:
        address = str(delivery.letter["to"])
    else:
        assert subscriber is not None, "a delivery is a letter, or of a notification to a subscriber"
        address = subscriber.address
    return Claimed(
        id=delivery.id,
        claim=mark,
        channel=delivery.channel,
        domain=delivery.domain,
        attempts=delivery.attempts,
        notification_id=delivery.notification_id,
        incident_id=notification.incident_id if notification is not None else None,
        update_id=notification.update_id if notification is not None else None,
        event=notification.event if notification is not None else "",
        component_ids=tuple(notification.component_ids) if notification is not None else (),
        created_at=notification.created_at if notification is not None else None,
        subscriber_id=delivery.subscriber_id,
        address=address,
        owner=subscriber.owner if subscriber is not None else "",
        language=subscriber.language if subscriber is not None else "en",
        secret=subscriber.secret if subscriber is not None else "",
        letter=delivery.letter,
    )


_TABLE = cast(Table, Delivery.__table__)
# Built once: it runs for every single mail.
_SENT = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("one"), _TABLE.c.claim == bindparam("mark"))
    .values(state=SENT, sent_at=bindparam("at"), claim=None, error="", letter=null())
)


def sent(connection: Connection, one: Claimed, now: datetime) -> None:
    """The other side has taken it. A letter's values (they may hold an address) are forgotten."""
    connection.execute(_SENT, {"one": one.id, "mark": one.claim, "at": now})


def later(session: Session, one: Claimed, now: datetime, error: str) -> bool:
    """To be tried again after a pause; False when it was tried often enough and has failed."""
    if one.attempts > len(BACKOFF_S):
        failed(session, one, error)
        return False
    pause = timedelta(seconds=BACKOFF_S[one.attempts - 1])
    session.execute(_mine(one).values(state=QUEUED, next_at=now + pause, claim=None, error=error[:300]))
    return True


def put_back(session: Session, ids: Collection[int], claim_mark: str, at: datetime) -> None:
    """Not tried at all: due again at ``at``, and the attempt is not counted."""
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.claim == claim_mark)
        .values(state=QUEUED, next_at=at, claim=None, attempts=Delivery.attempts - 1)
    )


def failed(session: Session, one: Claimed, error: str) -> None:
    """Will not be tried again."""
    session.execute(_mine(one).values(state=FAILED, claim=None, error=error[:300], letter=null()))


def _mine(one: Claimed) -> Any:
    return update(Delivery).where(Delivery.id == one.id, Delivery.claim == one.claim)
