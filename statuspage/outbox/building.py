"""Turns notifications into deliveries: one statement each, whatever the number of subscribers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, insert, literal, null, select, update
from sqlalchemy.orm import Session

from statuspage.store.base import Instant
from statuspage.store.outbox import COMPONENT_EVENT, QUEUED, Delivery, Notification
from statuspage.store.subscribers import Subscriber
from statuspage.subscriptions.recipients import chosen

COLUMNS = (
    "notification_id",
    "subscriber_id",
    "channel",
    "domain",
    "letter",
    "state",
    "attempts",
    "next_at",
    "error",
)


def build(session: Session, now: datetime) -> int:
    """Builds the deliveries of all notifications that have none yet; how many were built.

    A notification and its deliveries commit together, and (notification, subscriber) is unique: built twice by two
    processes, it is still sent once.
    """
    waiting = select(Notification).where(Notification.built_at.is_(None)).order_by(Notification.created_at)
    built = 0
    for notification in session.scalars(waiting.with_for_update(skip_locked=True)).all():
        rule = chosen(notification.component_ids, page_wide=notification.page_wide)
        if notification.event == COMPONENT_EVENT:
            rule &= Subscriber.channel == "webhook"
        rows = select(
            literal(notification.id),
            Subscriber.id,
            Subscriber.channel,
            Subscriber.domain,
            null(),
            literal(QUEUED),
            literal(0, Integer),
            literal(now, Instant),
            literal(""),
        ).where(rule)
        result = session.execute(
            insert(Delivery).from_select(COLUMNS, rows), execution_options={"preserve_rowcount": True}
        )
        built += int(getattr(result, "rowcount", 0))
        session.execute(update(Notification).where(Notification.id == notification.id).values(built_at=now))
    return built
