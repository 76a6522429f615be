"""Which days a scheduled summary is of, and when it is due. Pure: whole days of the calendar in UTC, and no clock."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

DAY, WEEK, MONTH = "day", "week", "month"
LONGEST = {
    DAY: timedelta(days=2),
    WEEK: timedelta(days=8),
    MONTH: timedelta(days=32),
}  # from now to when the next one is due


class Period(NamedTuple):
    """From `since` to the day before `until`."""

    since: date
    until: date

    def __str__(self) -> str:
        """`2026-11-23`, or `2026-11-16 to 2026-11-22`."""
        last = self.until - timedelta(days=1)
        return self.since.isoformat() if last == self.since else f"{self.since} to {last}"


def latest(every: str, hour: int, now: datetime) -> Period:
    """The last one that is over, and whose summary is due by now: at this hour of the day on which it is over."""
    today = (now.astimezone(UTC) - timedelta(hours=hour)).date()
    if every == DAY:
        return Period(today - timedelta(days=1), today)
    if every == WEEK:  # of ISO 8601: from Monday
        until = today - timedelta(days=today.weekday())
        return Period(until - timedelta(days=7), until)
    until = today.replace(day=1)
    return Period((until - timedelta(days=1)).replace(day=1), until)


def following(every: str, period: Period) -> Period:
    """The one behind it."""
    if every != MONTH:
        return Period(period.until, period.until + (period.until - period.since))
    return Period(period.until, (period.until + timedelta(days=31)).replace(day=1))


def due_at(period: Period, hour: int) -> datetime:
    return datetime.combine(period.until, time(hour), UTC)
