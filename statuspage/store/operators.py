"""Who may speak for the page, the tokens they use, and the record of what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from statuspage.store.base import Base


class Operator(Base):
    """A person who may post. ``totp_step`` is the last one-time code's step, so that none is taken twice."""

    __tablename__ = "operators"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_secret: Mapped[str] = mapped_column(String(64))
    totp_step: Mapped[int] = mapped_column(default=0)
    session_epoch: Mapped[int] = mapped_column(default=0)
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class ApiToken(Base):
    """A token for the operator API; only its hash is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AuditEntry(Base):
    """One action, who did it and what it changed. Rows are only ever added."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(260))
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(260))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
