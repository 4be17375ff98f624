"""The page itself and its components."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from regions.loader import Region
from statuspage.store.base import Base


class Page(Base):
    """One row: the version that every visible change raises in its own transaction, and when that was."""

    __tablename__ = "page"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    region: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]


class ComponentRow(Base):
    """A component's identity. Its names live in the region's file, its status follows from incidents."""

    __tablename__ = "components"
    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    position: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    start_date: Mapped[datetime | None]


def bump(session: Session, now: datetime) -> None:
    """Raises the version; to be called in the transaction of each change that the public can see."""
    session.execute(update(Page).values(version=Page.version + 1, updated_at=now))


def seed(session: Session, region: Region, page_id: str, now: datetime) -> None:
    """Creates the page and the components of the region's file where the database has none yet."""
    if session.scalar(select(Page.id)) is None:
        session.add(Page(id=page_id, region=region.name, version=1, updated_at=now))
    known = set(session.scalars(select(ComponentRow.key)))
    for position, component in enumerate(region.components, start=1):
        if component.key not in known:
            session.add(
                ComponentRow(
                    id=component.id,
                    key=component.key,
                    position=position,
                    created_at=now,
                    updated_at=now,
                    start_date=now,
                )
            )
