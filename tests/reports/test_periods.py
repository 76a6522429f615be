"""Which days a scheduled summary is of: whole days in UTC, over month ends, leap days and the turn of a year."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from reports.periods import Period, due_at, following, latest

AT_SIX = 6


@pytest.mark.parametrize(
    ("every", "now", "since", "until"),
    [
        ("day", "2026-11-23T06:00:00", "2026-11-22", "2026-11-23"),
        ("day", "2026-11-23T05:59:59", "2026-11-21", "2026-11-22"),
        ("day", "2028-03-01T06:00:00", "2028-02-29", "2028-03-01"),
        ("day", "2027-03-01T06:00:00", "2027-02-28", "2027-03-01"),
        ("day", "2027-01-01T23:59:59", "2026-12-31", "2027-01-01"),
        ("week", "2026-11-23T06:00:00", "2026-11-16", "2026-11-23"),  # a Monday
        ("week", "2026-11-23T05:59:59", "2026-11-09", "2026-11-16"),
        ("week", "2026-11-29T23:59:59", "2026-11-16", "2026-11-23"),  # the Sunday behind it
        ("week", "2027-01-04T06:00:00", "2026-12-28", "2027-01-04"),  # ISO week 53
        ("month", "2026-12-01T06:00:00", "2026-11-01", "2026-12-01"),
        ("month", "2026-12-01T05:59:59", "2026-10-01", "2026-11-01"),
        ("month", "2028-03-01T06:00:00", "2028-02-01", "2028-03-01"),
        ("month", "2027-01-31T12:00:00", "2026-12-01", "2027-01-01"),
    ],
)
def test_the_latest_is_the_last_one_that_is_over(every, now, since, until):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert latest(every, AT_SIX, moment) == (date.fromisoformat(since), date.fromisoformat(until))


@pytest.mark.parametrize(
    ("every", "since", "until", "after"),
    [
        ("day", "2028-02-28", "2028-02-29", ("2028-02-29", "2028-03-01")),
        ("week", "2026-12-21", "2026-12-28", ("2026-12-28", "2027-01-04")),
        ("month", "2028-01-01", "2028-02-01", ("2028-02-01", "2028-03-01")),
        ("month", "2026-11-01", "2026-12-01", ("2026-12-01", "2027-01-01")),
    ],
)
def test_one_follows_the_other_without_a_gap(every, since, until, after):
    period = Period(date.fromisoformat(since), date.fromisoformat(until))
    assert following(every, period) == tuple(map(date.fromisoformat, after))


def test_it_is_due_at_its_hour_in_utc():
    period = Period(date(2026, 11, 22), date(2026, 11, 23))
    assert due_at(period, 6) == datetime(2026, 11, 23, 6, tzinfo=UTC)
    in_auckland = datetime(2026, 11, 23, 19, tzinfo=timezone(timedelta(hours=13)))  # 06:00 in UTC
    assert latest("day", 6, in_auckland) == period
    assert str(period) == "2026-11-22"
    assert str(Period(date(2026, 11, 1), date(2026, 12, 1))) == "2026-11-01 to 2026-11-30"
