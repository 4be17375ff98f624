"""Which points in time a retention keeps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupd.domain.retention import DAY_MS, Point, Retention
from backupd.errors import UsageError

NOON = int(datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)


def points(*days_ago: float) -> list[Point]:
    return [Point(seq, NOON - round(days * DAY_MS)) for seq, days in enumerate(days_ago, start=1)]


def seqs(kept: list[Point]) -> list[int]:
    return [point.seq for point in kept]


def test_a_point_stays_until_its_successor_is_old_enough() -> None:
    rule = Retention(10)
    # Point 1 stopped being the newest 12 days ago, point 2 five days ago: 2 shows what was current 10 days ago.
    assert seqs(rule.kept(points(20, 12, 5, 1), NOON, files=False)) == [2, 3, 4]
    assert seqs(rule.kept(points(20, 10, 5), NOON, files=False)) == [2, 3]
    assert seqs(rule.kept(points(20, 9.9, 5), NOON, files=False)) == [1, 2, 3]


def test_the_newest_point_never_expires() -> None:
    assert seqs(Retention(1).kept(points(900), NOON, files=True)) == [1]
    assert seqs(Retention(1, 1, 1, 1).kept(points(901, 900), NOON, files=True)) == [2]
    assert Retention(1).kept([], NOON, files=True) == []


def test_without_a_rule_everything_stays() -> None:
    assert seqs(Retention().kept(points(9000, 50, 3), NOON, files=True)) == [1, 2, 3]


def test_thinning_leaves_the_last_point_of_each_day() -> None:
    old = points(5.2, 5.1, 4.2, 4.1, 0.9, 0.8)
    assert seqs(Retention(daily=3).kept(old, NOON, files=True)) == [2, 4, 5, 6]
    assert seqs(Retention(daily=3).kept(old, NOON, files=False)) == [1, 2, 3, 4, 5, 6]


def test_the_last_point_of_a_month_survives_weekly_thinning_until_monthly_begins() -> None:
    # 28 February 2026 is a Saturday: not the last of its week, but the last of its month.
    saturday = int(datetime(2026, 2, 28, 12, tzinfo=UTC).timestamp() * 1000)
    history = [Point(1, saturday), Point(2, saturday + DAY_MS), Point(3, NOON)]
    assert seqs(Retention(weekly=7).kept(history, NOON, files=True)) == [2, 3]
    assert seqs(Retention(weekly=7, monthly=60).kept(history, NOON, files=True)) == [1, 2, 3]
    assert seqs(Retention(weekly=7, monthly=20).kept(history, NOON, files=True)) == [1, 3]


def test_a_clock_that_was_set_back_expires_nothing_early() -> None:
    # Point 2 says it is a year old, but it was taken after point 1.
    history = [Point(1, NOON - 2 * DAY_MS), Point(2, NOON - 365 * DAY_MS), Point(3, NOON - DAY_MS)]
    assert seqs(Retention(30).kept(history, NOON, files=False)) == [1, 2, 3]


@given(
    st.lists(st.floats(0, 400), min_size=1, max_size=40),
    st.one_of(st.none(), st.integers(1, 300)),
    st.floats(0, 100),
)
def test_expiring_in_steps_never_keeps_less(ages: list[float], days: int | None, later: float) -> None:
    """What thinning took away early may keep an older point a little longer, never shorter."""
    history = points(*sorted(ages, reverse=True))
    rule = Retention(days, daily=3, weekly=20, monthly=70)
    then = NOON + round(later * DAY_MS)
    once = rule.kept(history, then, files=True)
    twice = rule.kept(rule.kept(history, NOON, files=True), then, files=True)
    assert set(seqs(twice)) >= set(seqs(once))


@pytest.mark.parametrize(
    "text",
    [
        "90d",
        "forever",
        "7d, daily after 1d",
        "forever, daily after 30d, weekly after 90d, monthly after 366d",
    ],
)
def test_a_rule_reads_back_as_it_is_written(text: str) -> None:
    assert str(Retention.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "90", "0d", "-3d", "daily after 3d", "9d, daily after", "9d, daily after 1d, daily after 2d", "9d,"],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Retention.parse(text)
