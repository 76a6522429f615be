"""What was paid and what all-frontier would have cost, added up from the first day on, and the day on which it paid itself back."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from analytics.costs import Summary
from analytics.savings import Balance

from ..numbers import day as day_text
from ..numbers import usd
from .chart import Cell, Chart, Key, money
from .drawing import money_axis
from .kinds import Told, lines

POINTS = 120  # of a line: more are not seen
NAME = "cumulative"
TITLE = "Paid so far, against all-frontier"
KEYS = (Key("ours", "paid, everything included"), Key("theirs", "all-frontier"), Key("point", "paid back"))
COLUMNS = ("Day (UTC)", "Paid so far", "All-frontier so far", "Saved so far")


def cumulative(summary: Summary) -> Chart:
    """From the beginning to the end of the window: what came before a window is not paid back in it."""
    days = _calendar(summary.days)
    paid, frontier = _added_up(summary.days, days)
    paid_back = days.index(summary.paid_back_on) if summary.paid_back_on else None
    shown = _thinned(len(days), paid_back)
    said = _said(summary, days, paid, frontier)
    rows = [_row(days[at], paid[at], frontier[at]) for at in shown]
    if len(days) < 2 or None in frontier:
        return Chart(NAME, TITLE, said, None, COLUMNS, rows)
    names = [f"{days[at].day} {days[at]:%b}" for at in shown]
    series = {"ours": [float(paid[at]) for at in shown], "theirs": [float(frontier[at]) for at in shown]}
    axis = money_axis(max(*series["ours"], *series["theirs"]))
    point = None if paid_back is None else shown.index(paid_back)
    picture = lines(Told(NAME, TITLE, said), names, series, axis, point)
    keys = KEYS if paid_back is not None else KEYS[:2]
    return Chart(NAME, TITLE, said, picture, COLUMNS, rows, keys, unit="USD")


def _calendar(of: Mapping[date, Balance]) -> list[date]:
    """Every day from the first to the last, also those on which nothing happened: time goes on at one pace."""
    if not of:
        return []
    first, last = min(of), max(of)
    return [first + timedelta(days=after) for after in range((last - first).days + 1)]


def _added_up(of: Mapping[date, Balance], days: list[date]) -> tuple[list[Decimal], list[Decimal | None]]:
    """From the first day without a figure on, nothing is known of all-frontier."""
    balances = [of.get(day, Balance()) for day in days]
    paid = list(accumulate(balance.total_cost for balance in balances))
    frontier = accumulate(
        (balance.if_all_frontier for balance in balances),
        lambda sum_, one: None if sum_ is None or one is None else sum_ + one,
    )
    return paid, list(frontier)


def _thinned(count: int, kept: int | None) -> list[int]:
    """Places of at most so many days, evenly, with the last one and the one that is kept."""
    if count <= POINTS:
        return list(range(count))
    places = {round(at * (count - 1) / (POINTS - 1)) for at in range(POINTS)}
    return sorted(places | ({kept} if kept is not None else set()))


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
    if summary.paid_back_on:
        return f"{both} It paid itself back on {day_text(summary.paid_back_on)}."
    return f"{both} It has not paid itself back yet." if frontier[-1] < paid[-1] else both
