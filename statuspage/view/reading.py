"""Reads the database once and builds the page's values. Only published rows are ever read here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.domain import uptime
from statuspage.domain.statuses import CLOSED, ComponentStatus, Impact, IncidentStatus, Kind
from statuspage.domain.timeline import Change, Span, spans_of, status_at
from statuspage.store.incidents import Incident, Update
from statuspage.store.measurements import Hour, RuleState
from statuspage.store.page import ComponentRow, Page
from statuspage.view.values import (
    ComponentView,
    IncidentView,
    Measured,
    PageKey,
    PageView,
    Series,
    Title,
    UpdateView,
)

BAR_DAYS, SERIES_DAYS, LATEST = 90, 30, 50


def page_key(session: Session, region: Region, now: datetime) -> PageKey:
    """What documents made now would depend on; two small reads, done a few times a second under load."""
    version = session.scalar(select(Page.version)) or 0
    proofs = dict(session.execute(select(RuleState.component_key, RuleState.proven_at)).tuples().all())
    since = dict(session.execute(select(ComponentRow.key, ComponentRow.created_at)).tuples().all())
    limit = timedelta(seconds=region.unverified_after_s)
    stale = frozenset(key for key in since if now - (proofs.get(key) or since[key]) > limit)
    return PageKey(version, now.replace(minute=0, second=0, microsecond=0), stale)


def read_page(session: Session, region: Region, url: str, now: datetime) -> PageView:
    """The whole page: components with 90 days, open and recent events, measured series."""
    key = page_key(session, region, now)
    page = session.scalars(select(Page)).one()
    # Not the instant of reading: two processes that read the same data must make the same bytes, or ETags would differ.
    now = max(key.hour, page.updated_at)
    edge = now - timedelta(days=BAR_DAYS + 2)
    latest = [
        select(Incident.id)
        .where(Incident.published_at.is_not(None), Incident.kind == kind)
        .order_by(Incident.started_at.desc(), Incident.id)
        .limit(LATEST)
        .scalar_subquery()
        for kind in Kind
    ]
    events = read_events(
        session,
        or_(
            Incident.status.not_in(CLOSED),
            Incident.resolved_at >= edge,
            Incident.started_at >= edge,
            *(Incident.id.in_(one) for one in latest),
        ),
    )
    spans = all_spans(events, now)
    return PageView(
        region,
        page.id,
        url,
        key,
        page.updated_at,
        now,
        tuple(_components(session, region, spans, key, events, now)),
        events,
        tuple(_series(session, region, now)),
        tuple(_months(session, region)),
    )


def read_events(session: Session, *conditions: ColumnElement[bool]) -> tuple[IncidentView, ...]:
    """Published incidents and maintenances that satisfy the conditions, newest first, with all their updates.

    Columns, not objects: five years of history are read in the time the object mapper needs for one.
    """
    table, said = Incident.__table__, Update.__table__
    where = (Incident.published_at.is_not(None), Incident.discarded_at.is_(None), *conditions)
    rows = session.execute(
        select(table).where(*where).order_by(Incident.started_at.desc(), Incident.id)
    ).all()
    updates: dict[str, list[UpdateView]] = {row.id: [] for row in rows}
    chosen = select(Incident.id).where(*where)
    query = (
        select(said)
        .where(said.c.incident_id.in_(chosen))
        .order_by(said.c.display_at.desc(), said.c.created_at.desc(), said.c.sequence.desc())
    )
    for row in session.execute(query):
        if row.incident_id in updates:
            updates[row.incident_id].append(
                UpdateView(
                    row.id,
                    row.status,
                    row.bodies,
                    {key: (old, new) for key, (old, new) in row.components.items()},
                    row.deliver,
                    row.created_at,
                    row.updated_at,
                    row.display_at,
                    row.corrected_at,
                )
            )
    return tuple(
        IncidentView(
            row.id,
            row.kind,
            row.status,
            Impact(row.impact),
            row.page_wide,
            row.names,
            row.cancelled,
            row.created_at,
            row.updated_at,
            row.started_at,
            row.monitoring_at,
            row.resolved_at,
            row.scheduled_for,
            row.scheduled_until,
            tuple(updates[row.id]),
            tuple(dict.fromkeys(key for one in updates[row.id] for key in one.components)),
        )
        for row in rows
    )


def read_titles(session: Session) -> tuple[Title, ...]:
    """Every published event, newest first, without what was said of it. The stamp changes whenever the event does."""
    rows = session.execute(
        select(Incident.id, Incident.names, Incident.impact, Incident.started_at, Incident.version)
        .where(Incident.published_at.is_not(None), Incident.discarded_at.is_(None))
        .order_by(Incident.started_at.desc(), Incident.id)
    )
    return tuple(
        Title(id_, names, impact, started, str(version)) for id_, names, impact, started, version in rows
    )


def changes_of(event: IncidentView) -> list[Change]:
    """What an event said of its components, as changes over time, oldest first."""
    found = []
    for index, update in enumerate(reversed(event.updates)):
        at = (
            min(update.display_at, event.started_at)
            if index == 0 and not event.maintenance
            else update.display_at
        )
        if update.status == IncidentStatus.POSTMORTEM:
            continue
        if update.status in CLOSED:
            found.append(Change(at, None))
        else:
            found.append(
                Change(at, {key: ComponentStatus(new) for key, (_, new) in update.components.items()})
            )
    return found


def all_spans(events: Iterable[IncidentView], now: datetime) -> dict[str, list[Span]]:
    """Every component's spans, from all events."""
    found: dict[str, list[Span]] = {}
    for event in events:
        for component, spans in spans_of(event.id, changes_of(event)).items():
            found.setdefault(component, []).extend(spans)
    return found


def _components(
    session: Session,
    region: Region,
    spans: dict[str, list[Span]],
    key: PageKey,
    events: Sequence[IncidentView],
    now: datetime,
) -> Iterable[ComponentView]:
    texts = {component.key: component for component in region.components}
    proofs = dict(session.execute(select(RuleState.component_key, RuleState.proven_at)).tuples().all())
    for row in session.scalars(select(ComponentRow).order_by(ComponentRow.position)):
        if row.key not in texts:
            continue  # a component that this region's file no longer names
        mine = spans.get(row.id, [])
        days = uptime.days(mine, now, region.zone, BAR_DAYS, row.start_date)
        touched = [event.updated_at for event in events if row.id in event.component_ids]
        yield ComponentView(
            row.id,
            row.key,
            texts[row.key],
            row.position,
            row.created_at,
            max([row.updated_at, *touched]),
            row.start_date,
            status_at(mine, now),
            tuple(days),
            uptime.share(days),
            row.key not in key.unverified,
            proofs.get(row.key),
        )


def _series(session: Session, region: Region, now: datetime) -> Iterable[Series]:
    zone = region.zone
    today = now.astimezone(zone).date()
    first = today - timedelta(days=SERIES_DAYS - 1)
    start = uptime.midnight(first, zone).astimezone(UTC)
    sums: dict[tuple[str, str], dict[date, list[float]]] = {}
    lags: dict[tuple[str, str, date], float] = {}
    for row in session.execute(select(Hour.__table__).where(Hour.hour >= start)):
        day = row.hour.astimezone(zone).date()
        one = sums.setdefault((row.component_key, row.workload), {}).setdefault(day, [0, 0])
        one[0] += row.attempts
        one[1] += row.failures
        if row.lag_s is not None:
            where = (row.component_key, row.workload, day)
            lags[where] = max(lags.get(where, 0.0), row.lag_s)
    for (component, workload), by_day in sorted(sums.items()):
        days = []
        for offset in range(SERIES_DAYS):
            day = first + timedelta(days=offset)
            attempts, failures = by_day.get(day, (0, 0))
            success = 1 - failures / attempts if attempts else None
            days.append(Measured(day, success, lags.get((component, workload, day)), int(attempts)))
        yield Series(component, workload, tuple(days))


def _months(session: Session, region: Region) -> list[tuple[date, int]]:
    """The months that have events, newest first, with how many. Months are the region's."""
    found: dict[date, int] = {}
    rows = session.execute(
        select(Incident.started_at, func.count())
        .where(Incident.published_at.is_not(None), Incident.discarded_at.is_(None))
        .group_by(Incident.started_at)
    )
    for started_at, count in rows:
        month = started_at.astimezone(region.zone).date().replace(day=1)
        found[month] = found.get(month, 0) + count
    return sorted(found.items(), reverse=True)


def month_events(session: Session, region: Region, month: date, months: int = 1) -> tuple[IncidentView, ...]:
    """The events that began in ``months`` months ending with ``month``, newest first."""
    last = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    index = month.year * 12 + month.month - 1 - (months - 1)
    first = date(index // 12, index % 12 + 1, 1)
    start, end = (uptime.midnight(day, region.zone).astimezone(UTC) for day in (first, last))
    return read_events(session, Incident.started_at >= start, Incident.started_at < end)
