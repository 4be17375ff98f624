"""Who asked to be told, by which channel, about what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from statuspage.store.base import Base

CHANNELS = ("email", "webhook", "slack", "teams")
PENDING, ACTIVE, QUARANTINED = "pending", "active", "quarantined"


class Subscriber(Base):
    """One address of one channel. Unsubscribing deletes the row: nothing of the person stays."""

    __tablename__ = "subscribers"
    # Ids are never used again: an old unsubscribe link must not reach somebody new.
    __table_args__ = (
        UniqueConstraint("channel", "address", "owner"),
        Index("ix_subscribers_state_channel", "state", "channel"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(2000))
    domain: Mapped[str] = mapped_column(String(254))
    owner: Mapped[str] = mapped_column(String(254), index=True)
    language: Mapped[str] = mapped_column(String(5))
    everything: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(String(12), default=PENDING)
    secret: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    asked_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0)
    quarantined_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(300), default="")
    components: Mapped[list[Subscription]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class Subscription(Base):
    """A subscriber's wish to hear of one component."""

    __tablename__ = "subscriptions"
    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True
    )
    component_id: Mapped[str] = mapped_column(ForeignKey("components.id"), primary_key=True, index=True)
