"""A restore from the wrong moment looks like a success; what people write must mean what they think."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from backupd.domain.points import parse_point
from backupd.errors import UsageError

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def point(text: str, zone: tzinfo = UTC) -> datetime:
    return datetime.fromtimestamp(parse_point(text, NOW_MS, zone) / 1000, UTC)


def test_now_is_now() -> None:
    assert parse_point("now", NOW_MS) == NOW_MS


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("2h ago", timedelta(hours=2)),
        ("30 minutes ago", timedelta(minutes=30)),
        ("45min", timedelta(minutes=45)),
        ("3 days ago", timedelta(days=3)),
        ("1w ago", timedelta(weeks=1)),
        ("90 s ago", timedelta(seconds=90)),
    ],
)
def test_ago_counts_back(text: str, ago: timedelta) -> None:
    assert point(text) == NOW - ago


def test_a_day_means_its_end() -> None:
    assert point("2026-03-01") == datetime(2026, 3, 2, tzinfo=UTC) - timedelta(milliseconds=1)


def test_yesterday_ends_at_midnight_of_the_zone() -> None:
    zone = timezone(timedelta(hours=5))
    assert point("yesterday", zone) == datetime(2026, 3, 15, tzinfo=zone) - timedelta(milliseconds=1)


def test_today_is_not_in_the_future() -> None:
    assert point("today") == NOW


def test_the_day_of_the_clock_change_is_not_24_hours_long() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert point("2026-03-29", zone) == datetime(2026, 3, 29, 22, 0, tzinfo=UTC) - timedelta(milliseconds=1)


def test_a_time_without_zone_is_local() -> None:
    zone = timezone(timedelta(hours=-3))
    assert point("2026-03-01 14:05", zone) == datetime(2026, 3, 1, 17, 5, tzinfo=UTC)


def test_a_zone_that_is_written_wins() -> None:
    zone = timezone(timedelta(hours=-3))
    assert point("2026-03-01T14:05Z", zone) == datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
    assert point("2026-03-01T14:05:30+02:00", zone) == datetime(2026, 3, 1, 12, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-02-30", "14:99", "-2h ago", "2h from now", "1e3"]
)
def test_what_is_no_time_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_point(text, NOW_MS, UTC)
    assert "2h ago" in caught.value.hint
