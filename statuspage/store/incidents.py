"""Incidents and maintenance with their updates, and the templates they are written from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from statuspage.store.base import Base


class Incident(Base):
    """An incident or a scheduled maintenance. ``version`` lets a second editor notice the first."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_kind_status", "kind", "status"),
        Index("ix_incidents_published_at", "published_at"),
    )
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(16))
    impact: Mapped[str] = mapped_column(String(12))
    impact_fixed: Mapped[bool] = mapped_column(default=False)
    page_wide: Mapped[bool] = mapped_column(default=False)
    names: Mapped[dict[str, str]]
    origin: Mapped[str] = mapped_column(String(12), default="operator")
    action_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime] = mapped_column(index=True)
    published_at: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    monitoring_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    scheduled_for: Mapped[datetime | None]
    scheduled_until: Mapped[datetime | None]
    auto_start: Mapped[bool] = mapped_column(default=True)
    auto_end: Mapped[bool] = mapped_column(default=True)
    cancelled: Mapped[bool] = mapped_column(default=False)
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    updates: Mapped[list[Update]] = relationship(
        back_populates="incident",
        order_by="Update.display_at, Update.created_at, Update.sequence",
        cascade="all, delete-orphan",
    )

    __mapper_args__ = {"version_id_col": version}


class Update(Base):
    """One thing that was said. ``components`` maps a component id to ``[old_status, new_status]``."""

    __tablename__ = "incident_updates"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    bodies: Mapped[dict[str, str]]
    components: Mapped[dict[str, Any]] = mapped_column(default=dict)
    deliver: Mapped[bool] = mapped_column(default=True)
    action_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    display_at: Mapped[datetime]
    corrected_at: Mapped[datetime | None]
    author: Mapped[str] = mapped_column(String(260), default="")
    sequence: Mapped[int] = mapped_column(default=0)
    incident: Mapped[Incident] = relationship(back_populates="updates")


class Template(Base):
    """A prepared text for an incident or a maintenance; ``fields`` holds what the form is filled with."""

    __tablename__ = "templates"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    names: Mapped[dict[str, str]]
    bodies: Mapped[dict[str, str]]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    updated_at: Mapped[datetime]
