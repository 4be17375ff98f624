"""What is still to be sent: notifications in the transaction of the change, deliveries built from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from statuspage.store.base import Base

COMPONENT_EVENT = "component_updated"
QUEUED, CLAIMED, SENT, FAILED = "queued", "claimed", "sent", "failed"


class Notification(Base):
    """One thing to tell. Written with the change itself, so neither exists without the other."""

    __tablename__ = "notifications"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"))
    update_id: Mapped[str] = mapped_column(ForeignKey("incident_updates.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(32))
    component_ids: Mapped[list[str]]
    page_wide: Mapped[bool]
    created_at: Mapped[datetime]
    built_at: Mapped[datetime | None] = mapped_column(index=True)


class Delivery(Base):
    """One message to one recipient. ``letter`` holds mail that no notification stands behind (confirmations…)."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "state", "next_at"),
        Index("uq_deliveries_once", "notification_id", "subscriber_id", unique=True),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    notification_id: Mapped[str | None] = mapped_column(ForeignKey("notifications.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), index=True
    )
    channel: Mapped[str] = mapped_column(String(10))
    domain: Mapped[str] = mapped_column(String(254))
    letter: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(String(8), default=QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    claim: Mapped[str | None] = mapped_column(String(24), index=True)
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(300), default="")
