"""Which days the rates of a projection come from: those that are asked for, else the last thirty full ones, or all there are."""

from dataclasses import replace
from datetime import date, timedelta

from ..extent import Extent
from ..reading import Reading

USUAL = 30
ONE = timedelta(days=1)


def window_of(extent: Extent, today: date) -> Extent:
    """With both ends: from the first day on which an execution was accepted or ended at the earliest, up to today at the latest.
    Of a workflow that is younger than thirty days, today counts as a whole day: that says too little rather than too much.
    It holds no day where there is none of these."""
    return window_from(extent, _first_day(extent), today)


def window_from(extent: Extent, first: date | None, today: date) -> Extent:
    """The same for whoever knows that first day."""
    if first is None:
        return replace(extent, since=today, until=today)
    until = min(extent.until or today, today + ONE)
    since = extent.since or date.fromordinal(max(1, until.toordinal() - USUAL))
    if extent.until is None and (extent.since or first > since):
        until = today + ONE
    return replace(extent, since=min(max(since, first), until), until=until)


def days_in(window: Extent) -> int:
    return (window.until - window.since).days


def _first_day(extent: Extent) -> date | None:
    life = replace(extent, since=None, until=None)
    rows = Reading(life).executions(("day",), ("accepted", "completed", "failed"))
    return min((row["day"] for row in rows if row["accepted"] or row["completed"] or row["failed"]), default=None)
