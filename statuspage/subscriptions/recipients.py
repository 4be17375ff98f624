"""The one rule of who is told: active, and subscribed to what is affected, or the page as a whole is.

Incidents and maintenance, the preview and the sending all use :func:`chosen`; there is no second rule to disagree.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import Session

from statuspage.store.subscribers import ACTIVE, Subscriber, Subscription


def chosen(component_ids: Collection[str], *, page_wide: bool) -> ColumnElement[bool]:
    """The condition on a subscriber, as SQL."""
    concerned = (
        true()
        if page_wide
        else or_(
            Subscriber.everything.is_(True),
            exists(
                select(Subscription.subscriber_id).where(
                    Subscription.subscriber_id == Subscriber.id,
                    Subscription.component_id.in_(sorted(component_ids)),
                )
            ),
        )
    )
    return (Subscriber.state == ACTIVE) & concerned


def preview(
    session: Session, component_ids: Collection[str], *, page_wide: bool, limit: int = 1_000
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """How many would be told, by channel, and who (channel and address, at most ``limit``)."""
    rule = chosen(component_ids, page_wide=page_wide)
    counts = dict(
        session.execute(select(Subscriber.channel, func.count()).where(rule).group_by(Subscriber.channel))
        .tuples()
        .all()
    )
    who = (
        session.execute(
            select(Subscriber.channel, Subscriber.address)
            .where(rule)
            .order_by(Subscriber.channel, Subscriber.address)
            .limit(limit)
        )
        .tuples()
        .all()
    )
    return counts, list(who)
