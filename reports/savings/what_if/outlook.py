"""What the last days say of those to come, in a sentence and in tables: the first part of the what-if page."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from analytics.advice.rules import MIN_DAYS
from analytics.projection.arithmetic import ENOUGH, Period
from analytics.projection.predicted import Predicted
from analytics.projection.projecting import Projection

from ...charts.chart import Cell, counted, money
from ...headline import headline, is_empty
from ...numbers import NOTHING, count, day, from_pico, usd
from ..asking import Asked
from ..payback import WHY

OF_PERIODS = ("Time", "Executions", "Executing", "Evaluation and shadows", "All-frontier", "Saved")
OF_PAYBACK = ("What", "Executions", "Day", "What it stands on")
LENGTHS = {"day": "a day", "month": "a month", "year": "a year"}


def pace_said(projection: Projection, about: Asked) -> tuple[str, str]:
    """What a month brings, and what that stands on; else why it is not said."""
    pace, month = projection.pace, next(one for one in projection.periods if one.name == "month")
    if is_empty(projection.life):
        return headline(projection.life), ""
    if not pace.completed:
        return "Nothing completed in these days, so nothing is said of those to come.", ""
    if month.executions is None:
        return f"Days to come are spoken of from {ENOUGH} completed executions on.", _of_days(projection)
    if not says_a_month(projection):
        are = "One day is" if pace.days == 1 else f"{pace.days} days are"
        return f"{are} too few to say something of a month; from {MIN_DAYS} on it stands here.", _of_days(projection)
    days = _these(pace.days) if {"since", "until"} & about.kept.keys() else f"the last {pace.days} days"
    executions = f"{count(round(month.executions))} executions"
    return f"If the next month is like {days}: {executions}{_paid_instead(month)}.", _of_days(projection)


def says_a_month(projection: Projection) -> bool:
    """A week has each day of the week once."""
    return projection.pace.days >= MIN_DAYS and projection.pace.is_enough


def _paid_instead(one: Period) -> str:
    """` for 11.85 USD (shadows and evaluation included) instead of 51.65 USD: 39.80 USD saved`: of the two as they are rounded, so
    that whoever subtracts them comes to the third."""
    if one.running is None or one.testing is None:
        return ""
    paid = from_pico(one.running + one.testing)
    included = " (shadows and evaluation included)" if one.testing else ""
    if one.if_all_frontier is None:
        return f" for {usd(paid)}{included}"
    frontier = from_pico(one.if_all_frontier)
    places = 2 if min(paid, frontier) >= Decimal("0.1") else 6
    paid, frontier = round(paid, places), round(frontier, places)
    saved = f"{abs(frontier - paid):,.{places}f} USD {'saved' if frontier > paid else 'more'}"
    saved = "nothing saved" if frontier == paid else saved
    return f" for {paid:,.{places}f} USD{included} instead of {frontier:,.{places}f} USD: {saved}"


def _these(days: int) -> str:
    return f"these {days} days" if days != 1 else "this one day"


def _days(count_: int) -> str:
    return f"{count_} days" if count_ != 1 else "one day"


def _of_days(projection: Projection) -> str:
    extent, pace = projection.recent.extent, projection.pace
    until = extent.until - timedelta(days=1)
    days = (
        f"the {_days(pace.days)} from {day(extent.since)} to {day(until)}"
        if pace.days != 1
        else f"one day, {day(until)}"
    )
    return f"{count(pace.completed)} executions completed in {days}."


def periods_table(projection: Projection, about: Asked) -> list[list[Cell]]:
    """The days that it stands on first: their figures lead on to their rows."""
    told = [one for one in projection.periods if one.name == "day" or says_a_month(projection)]
    return [_recorded(projection, about), *map(_period, told)]


def _recorded(projection: Projection, about: Asked) -> list[Cell]:
    extent, balance = projection.recent.extent, projection.recent.balance
    days = {"since": extent.since.isoformat(), "until": extent.until.isoformat()}
    pace, bill = projection.pace, about.to("workflow", **days) + "#bill"  # says what a sum is made of
    executing = bill if balance.in_doubt_cost else about.to("calls", figure="execution_cost", **days)
    frontier, running, testing = (from_pico(one) for one in (pace.if_all_frontier, pace.running, pace.testing))
    known = None not in (frontier, running, testing)
    return [
        Cell(_these(pace.days)),
        counted(balance.completed, about.to("executions", which="completed", **days)),
        money(running, executing),
        money(testing, bill),
        money(frontier, about.to("method", **days) + "#baselines"),
        money(frontier - running - testing if known else None),
    ]


def _period(one: Period) -> list[Cell]:
    executions = Cell(NOTHING if one.executions is None else f"{float(one.executions):,.0f}", is_number=True)
    amounts = (one.running, one.testing, one.if_all_frontier, one.savings)
    return [Cell(LENGTHS[one.name]), executions, *(money(from_pico(amount)) for amount in amounts)]


def payback_table(projection: Projection, about: Asked) -> Iterator[list[Cell]]:
    life, outlook = projection.life, projection.outlook
    yield _predicted(projection.predicted)
    after = life.balance.payback_executions
    yield [
        Cell("Actual, of everything until now"),
        counted(after),
        Cell(day(life.paid_back_on)),
        Cell(_actually(projection)),
    ]
    if not outlook.paid_back:
        left = counted(outlook.executions_left)
        why = WHY.get(outlook.why, "") if outlook.why else f"At the pace of the last {projection.pace.days} days."
        why = why or "Too few executions completed lately to name a day."
        yield [Cell("Expected, from today"), left, Cell(day(outlook.on)), Cell(why)]


def _predicted(said: Predicted | None) -> list[Cell]:
    if said is None:
        why = "Nobody designed it here: it was written by hand, or imported, and said nothing of its payback."
        return [Cell("Predicted by the design"), counted(None), Cell(NOTHING), Cell(why)]
    why = f"Said of {said.version} on {day(said.said_on)}"
    why += (
        f", for {count(said.a_month)} executions a month."
        if said.a_month
        else "; nobody said how many a month there would be."
    )
    return [Cell("Predicted by the design"), counted(said.executions), Cell(day(said.on)), Cell(why)]


def _actually(projection: Projection) -> str:
    balance = projection.life.balance
    completed = f"{count(balance.completed)} completed until now"
    if balance.payback_executions is not None:
        return f"So many executions pay for what came before them; {completed}."
    if balance.savings is None:
        return f"What was saved is not known; {completed}."
    return f"An execution saved nothing so far; {completed}."
