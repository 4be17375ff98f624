"""What was measured: recent samples for the rules, hours for the graphs, and where each rule stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from statuspage.store.base import Base


class Sample(Base):
    """One measured window of one workload, or one probe from one vantage point. Kept for two days."""

    __tablename__ = "samples"
    __table_args__ = (Index("ix_samples_component_measured_at", "component_key", "measured_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    component_key: Mapped[str] = mapped_column(String(20))
    workload: Mapped[str] = mapped_column(String(40))
    vantage: Mapped[str] = mapped_column(String(40), default="")
    measured_at: Mapped[datetime]
    attempts: Mapped[int]
    failures: Mapped[int]
    lag_s: Mapped[float | None]
    queue_age_s: Mapped[float | None]
    organizations_affected: Mapped[int]
    organizations_total: Mapped[int]


class Hour(Base):
    """One workload's hour, summed for the graphs."""

    __tablename__ = "measured_hours"
    component_key: Mapped[str] = mapped_column(String(20), primary_key=True)
    workload: Mapped[str] = mapped_column(String(40), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    failures: Mapped[int]
    lag_s: Mapped[float | None]


class SeenMessage(Base):
    """The id of a signed message that was taken; kept as long as its signature would still be accepted."""

    __tablename__ = "seen_messages"
    message_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RuleState(Base):
    """Where the rule of one component stands, the incident it opened, and the last proof it had."""

    __tablename__ = "rule_states"
    component_key: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[dict[str, Any]] = mapped_column(default=dict)
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id", ondelete="SET NULL"))
    proven_at: Mapped[datetime | None]
