"""How downtime is weighed: against a second-by-second count, across overlaps and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage.domain.statuses import SEVERITY, ComponentStatus
from statuspage.domain.timeline import Change, Span, flatten, spans_of, status_at
from statuspage.domain.uptime import WEIGHTS, days, share

BERLIN = ZoneInfo("Europe/Berlin")
T0 = datetime(2026, 3, 10, tzinfo=UTC)
S = ComponentStatus
spans = st.lists(
    st.builds(
        lambda start, length, status: Span(
            T0 + timedelta(minutes=start), T0 + timedelta(minutes=start + length), status, "i"
        ),
        st.integers(-30, 150),
        st.integers(0, 90),
        st.sampled_from(list(S)),
    ),
    max_size=6,
)


@given(spans)
def test_flatten_equals_counting_every_minute(found: list[Span]) -> None:
    end = T0 + timedelta(minutes=120)
    pieces = flatten(found, T0, end)
    for minute in range(120):
        at = T0 + timedelta(minutes=minute)
        worst = max(
            (span.status for span in found if span.start <= at < (span.end or end)),
            key=SEVERITY.__getitem__,
            default=S.OPERATIONAL,
        )
        told = [status for left, right, status in pieces if left <= at < right]
        assert told == ([] if worst is S.OPERATIONAL else [worst])


@given(spans)
def test_downtime_equals_weighing_every_minute(found: list[Span]) -> None:
    now = T0 + timedelta(hours=2)
    today = days(found, now, ZoneInfo("UTC"), 1, None)[0]
    counted = sum(60 * WEIGHTS[status_at(found, T0 + timedelta(minutes=minute))] for minute in range(120))
    assert today.down_s == pytest.approx(counted)
    assert share([today]) == pytest.approx(1 - counted / 7_200)


@pytest.mark.parametrize(("day", "hours"), [(29, 23), (28, 24)])
def test_a_day_is_as_long_as_the_clocks_say(day: int, hours: int) -> None:
    now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    found = {one.date.day: one for one in days([], now, BERLIN, 4, None)}
    assert found[day].length_s == hours * 3600


def test_an_outage_over_midnight_is_split_in_the_regions_zone() -> None:
    midnight = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)  # 24:00 in Berlin
    outage = Span(midnight - timedelta(minutes=10), midnight + timedelta(minutes=20), S.MAJOR, "i")
    yesterday, today = days([outage], midnight + timedelta(hours=5), BERLIN, 2, None)
    assert (yesterday.down_s, today.down_s) == (600, 1200)


def test_maintenance_and_degradation_do_not_count_but_an_outage_inside_does() -> None:
    spans = [
        Span(T0, T0 + timedelta(hours=4), S.UNDER_MAINTENANCE, "m"),
        Span(T0, T0 + timedelta(hours=4), S.DEGRADED, "d"),
        Span(T0 + timedelta(hours=1), T0 + timedelta(hours=2), S.PARTIAL, "i"),
    ]
    today = days(spans, T0 + timedelta(hours=10), ZoneInfo("UTC"), 1, None)[0]
    assert today.down_s == pytest.approx(0.3 * 3600)


def test_overlapping_outages_count_once_by_the_worst() -> None:
    spans = [
        Span(T0, T0 + timedelta(hours=2), S.MAJOR, "a"),
        Span(T0, T0 + timedelta(hours=3), S.PARTIAL, "b"),
    ]
    today = days(spans, T0 + timedelta(hours=10), ZoneInfo("UTC"), 1, None)[0]
    assert today.down_s == pytest.approx(2 * 3600 + 0.3 * 3600)


def test_what_was_before_the_start_is_not_known_and_not_counted() -> None:
    since = T0 + timedelta(hours=6)
    before, first = days([], T0 + timedelta(hours=12), ZoneInfo("UTC"), 2, since)
    assert not before.known and before.length_s == 0
    assert first.known and first.length_s == 6 * 3600
    assert share([before]) is None


def test_a_later_change_replaces_only_what_it_names() -> None:
    hour = timedelta(hours=1)
    found = spans_of(
        "i",
        [
            Change(T0, {"a": S.MAJOR, "b": S.PARTIAL}),
            Change(T0 + hour, {"a": S.DEGRADED}),
            Change(T0 + 2 * hour, None),
        ],
    )
    assert [(span.start, span.end, span.status) for span in found["a"]] == [
        (T0, T0 + hour, S.MAJOR),
        (T0 + hour, T0 + 2 * hour, S.DEGRADED),
    ]
    assert [(span.start, span.end) for span in found["b"]] == [(T0, T0 + 2 * hour)]
