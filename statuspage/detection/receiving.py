"""Takes a believed message in: stores it, once, and lets the rules of the components it concerns look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from regions.loader import Region
from statuspage.detection.messages import TOLERANCE_S, Measurement, Message
from statuspage.detection.watching import Watch
from statuspage.errors import Replayed
from statuspage.i18n import Catalogs
from statuspage.store.measurements import Hour, RuleState, Sample, SeenMessage

# What is older than this is charted, not judged: it may be a backlog sent after an outage of the sender.
JUDGED_WITHIN = timedelta(minutes=10)
SAMPLES_KEPT = timedelta(days=2)


def receive(
    session: Session, region: Region, catalogs: Catalogs, message_id: str, message: Message, now: datetime
) -> int:
    """Stores the measurements and runs the rules; how many were stored. Raises :class:`Replayed` the second time."""
    try:
        with session.begin_nested():
            session.add(
                SeenMessage(message_id=message_id, expires_at=now + timedelta(seconds=2 * TOLERANCE_S + 60))
            )
    except IntegrityError:
        raise Replayed("This message was received before; nothing was changed.") from None
    recent = [
        _row(one) for one in message.measurements if now - one.measured_at.astimezone(UTC) < SAMPLES_KEPT
    ]
    if recent:
        session.execute(insert(Sample), recent)
    _sum_hours(session, message.measurements)
    fresh: dict[str, set[datetime]] = {}
    for one in message.measurements:
        at = min(one.measured_at.astimezone(UTC), now)
        if now - at <= JUDGED_WITHIN:
            fresh.setdefault(one.component, set()).add(at)
    watch = Watch(session, region, catalogs, now)
    for component, instants in fresh.items():
        state = session.get(RuleState, component)
        if state is None:
            state = RuleState(component_key=component, state={})
            session.add(state)
        newest = max(instants)
        state.proven_at = max(state.proven_at or newest, newest)
        session.flush()
        for at in sorted(instants):
            watch.look(component, at)
    return len(message.measurements)


def _row(one: Measurement) -> dict[str, object]:
    return {
        "component_key": one.component,
        "workload": one.workload,
        "vantage": one.vantage,
        "measured_at": one.measured_at.astimezone(UTC),
        "attempts": one.attempts,
        "failures": one.failures,
        "lag_s": one.lag_s,
        "queue_age_s": one.queue_age_s,
        "organizations_affected": one.organizations_affected,
        "organizations_total": one.organizations_total,
    }


def _sum_hours(session: Session, measurements: Sequence[Measurement]) -> None:
    sums: dict[tuple[str, str, datetime], list[float | None]] = {}
    for one in measurements:
        hour = one.measured_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        found = sums.setdefault((one.component, one.workload, hour), [0, 0, None])
        found[0] = (found[0] or 0) + one.attempts
        found[1] = (found[1] or 0) + one.failures
        if one.lag_s is not None:
            found[2] = max(found[2] or 0.0, one.lag_s)
    for (component, workload, hour), (attempts, failures, lag_s) in sums.items():
        row = session.get(Hour, (component, workload, hour), with_for_update=True)
        if row is None:
            session.add(
                Hour(
                    component_key=component,
                    workload=workload,
                    hour=hour,
                    attempts=int(attempts or 0),
                    failures=int(failures or 0),
                    lag_s=lag_s,
                )
            )
            continue
        row.attempts += int(attempts or 0)
        row.failures += int(failures or 0)
        if lag_s is not None:
            row.lag_s = max(row.lag_s or 0.0, lag_s)


def forget_old(session: Session, now: datetime) -> None:
    """Drops samples, ids and hours that nothing looks at any more."""
    session.execute(delete(Sample).where(Sample.measured_at < now - SAMPLES_KEPT))
    session.execute(delete(SeenMessage).where(SeenMessage.expires_at < now))
    session.execute(delete(Hour).where(Hour.hour < now - timedelta(days=400)))


def last_proofs(session: Session) -> dict[str, datetime | None]:
    """When each component was last vouched for by a measurement."""
    return dict(session.execute(select(RuleState.component_key, RuleState.proven_at)).tuples().all())
