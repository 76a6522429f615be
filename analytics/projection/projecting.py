"""The projection of a workflow: takes its summaries, of everything and of some days, and says what comes of them."""

from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from shadows.models import Subject
from wire.money import to_pico, to_usd

from ..baselines import Method
from ..cells import Cells
from ..costs import Summary, summarise, summarise_from
from ..extent import Extent
from ..measuring import Measuring
from ..savings import Balance
from ..snapshot import snapshot
from .arithmetic import Outlook, Pace, Period, Share, Why, outlook, periods, shares
from .predicted import Predicted, predicted
from .windows import days_in, window_from, window_of


@dataclass(frozen=True)
class Projection:
    """`life`: the summary of everything until now. `recent`: of the days that the rates come from."""

    life: Summary
    recent: Summary
    pace: Pace
    predicted: Predicted | None
    outlook: Outlook
    shares: list[Share]
    periods: list[Period]

    @property
    def paid_back_on(self) -> date | None:
        """The last day on which it was; it need not be today."""
        return self.life.paid_back_on


def project(extent: Extent, method: Method | None, today: date) -> Projection:
    """As of one moment. The days of `extent` are those that the rates come from."""
    with snapshot():
        life = summarise(replace(extent, since=None, until=None), method)
        recent = summarise(window_of(extent, today), life.method)
        said = predicted(extent)
    pace = pace_of(recent)
    return Projection(
        life=life,
        recent=recent,
        pace=pace,
        predicted=said,
        outlook=outlook_of(life.balance, pace, today),
        shares=list(shares(_pico(life.balance, "design_cost"), pace)),
        periods=list(periods(pace)),
    )


class Prospect(NamedTuple):
    """Of a projection what a page says beside a summary: when it pays itself back. As of today, whatever days the summary is of."""

    outlook: Outlook
    pace: Pace
    paid_back_on: date | None = None


def prospect(summary: Summary, source: Cells, today: date, subject: Subject | None = None) -> Prospect:
    """For whoever has a summary, and the source to date that it was made of. The days of its extent are those that the rates come
    from."""
    extent, ever = summary.extent, replace(summary.extent, since=None, until=None)
    if extent.until is not None:  # there may be more since
        source = Cells(ever)
        summary = summarise_from(ever, summary.method, source, subject)
    window = window_from(extent, _first_day(source), today)
    recent = _within(summary, window)
    if summary.method == Method.MEASURED:
        cost = Measuring(source, subject, window).cost(window)
        recent = replace(recent, if_all_frontier=None if cost is None else to_usd(cost))
    pace = pace_from(recent, days_in(window))
    return Prospect(outlook_of(summary.to_date, pace, today), pace, summary.paid_back_on)


def _within(life: Summary, window: Extent) -> Balance:
    return sum((balance for day, balance in life.days.items() if window.covers(day)), Balance())


def _first_day(source: Cells) -> date | None:
    days = (row["day"] for row in source.ended if row["accepted"] or row["completed"] or row["failed"])
    return min(days, default=None)


def pace_of(summary: Summary) -> Pace:
    return pace_from(summary.balance, days_in(summary.extent))


def pace_from(balance: Balance, days: int) -> Pace:
    running = [_pico(balance, name) for name in ("execution_cost", "in_doubt_cost")]
    testing = [_pico(balance, name) for name in ("evaluation_cost", "shadow_cost")]
    return Pace(
        days=days,
        completed=balance.completed,
        running=None if None in running else sum(running),
        testing=None if None in testing else sum(testing),
        if_all_frontier=None if balance.if_all_frontier is None else to_pico(balance.if_all_frontier),
    )


def outlook_of(life: Balance, pace: Pace, today: date) -> Outlook:
    """Before anything was paid nothing is owed, and nothing has come back either."""
    if life.total_cost == 0 and not life.completed and life.complete:
        return Outlook(None, why=Why.NOTHING_COMPLETED)
    savings = None if life.savings is None else to_pico(life.savings)
    return outlook(savings, life.complete, pace, today)


def _pico(balance: Balance, name: str) -> int | None:
    """None where a call has no price: which figure it would stand in does not matter, the sum would be too low."""
    return to_pico(getattr(balance, name)) if balance.complete else None
