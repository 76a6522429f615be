"""What was paid and what all-frontier would have cost, added up from the first day on, and the day on which it paid itself back."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from markupsafe import Markup

from analytics.costs import Summary
from analytics.savings import Balance

from ..numbers import day as day_text
from ..numbers import usd
from .chart import Cell, Chart, Key, money
from .drawing import money_axis
from .kinds import Told, lines, signed_bars

POINTS = 120  # of a line: more are not seen
NAME = "cumulative"
TITLE = "Paid so far, against all-frontier"
KEYS = (Key("ours", "paid, everything included"), Key("theirs", "all-frontier"), Key("point", "paid back"))
COLUMNS = ("Day (UTC)", "Paid so far", "All-frontier so far", "Saved so far")


def cumulative(summary: Summary) -> Chart:
    """From the beginning to the end of the window: what came before a window is not paid back in it."""
    days = _shown(summary.days, summary.paid_back_on)
    paid, frontier = _added_up(summary.days, days)
    said = _said(summary, days, paid, frontier)
    rows = [_row(*of_day) for of_day in zip(days, paid, frontier, strict=True)]
    if not days or None in frontier:
        return Chart(NAME, TITLE, said, None, COLUMNS, rows)
    if len(days) == 1:
        return Chart(NAME, TITLE, said, _of_one_day(paid[0], frontier[0]), COLUMNS, rows, unit="USD")
    names = [f"{day.day} {day:%b}" for day in days]
    series = {"ours": [float(amount) for amount in paid], "theirs": [float(amount) for amount in frontier]}
    axis = money_axis(max(*series["ours"], *series["theirs"]))
    point = days.index(summary.paid_back_on) if summary.paid_back_on else None
    picture = lines(Told(NAME, TITLE), names, series, axis, point)
    keys = KEYS if point is not None else KEYS[:2]
    return Chart(NAME, TITLE, said, picture, COLUMNS, rows, keys, unit="USD")


def _of_one_day(paid: Decimal, frontier: Decimal) -> Markup:
    values = [float(frontier), float(paid)]
    return signed_bars(Told(NAME, TITLE), ["all-frontier", "paid"], values, ["theirs", "ours"], money_axis(max(values)))


def _shown(of: Mapping[date, Balance], kept: date | None) -> list[date]:
    """At most so many days, evenly from the first to the last, also those on which nothing happened: time goes on at one pace.
    With the one that is kept. However far the ends are apart, no other day is looked at."""
    if not of:
        return []
    first, last = min(of), max(of)
    after = (last - first).days
    steps = min(after, POINTS - 1)
    days = {first + timedelta(days=round(at * after / steps)) for at in range(steps + 1)} if steps else {first}
    return sorted(days | ({kept} if kept else set()))


def _added_up(of: Mapping[date, Balance], shown: list[date]) -> tuple[list[Decimal], list[Decimal | None]]:
    """Until the end of each of these days. From the first day without a figure on, nothing is known of all-frontier."""
    days = sorted(of)
    paid = list(accumulate(of[day].total_cost for day in days))
    frontier = list(
        accumulate(
            (of[day].if_all_frontier for day in days),
            lambda sum_, one: None if sum_ is None or one is None else sum_ + one,
        )
    )
    last = [bisect_right(days, day) - 1 for day in shown]
    return [paid[at] for at in last], [frontier[at] for at in last]


def _row(day: date, paid: Decimal, frontier: Decimal | None) -> list[Cell]:
    saved = None if frontier is None else frontier - paid
    return [Cell(day_text(day)), *map(money, (paid, frontier, saved))]


def _said(summary: Summary, days: list[date], paid: list[Decimal], frontier: list[Decimal | None]) -> str:
    if not days:
        return "Nothing was paid and nothing was completed yet."
    if frontier[-1] is None:
        return f"{usd(paid[-1])} were paid by {day_text(days[-1])}. What all-frontier would have cost is not known of each day."
    both = (
        f"By {day_text(days[-1])}, {usd(paid[-1])} were paid, where all-frontier would have cost {usd(frontier[-1])}."
    )
    is_below, last = frontier[-1] < paid[-1], summary.paid_back_on
    if last and is_below:
        return f"{both} It had paid itself back on {day_text(last)}, and had not again by then."
    if last:
        return f"{both} It paid itself back on {day_text(last)}."
    return f"{both} It had not paid itself back by then." if is_below else both
