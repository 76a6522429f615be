"""What designing is of what executions cost, by how many there are: the more, the less."""

from fractions import Fraction

from analytics.projection.arithmetic import COUNTS, Pace, Share, shares

from ..numbers import count, from_pico, of_percent
from .chart import Cell, Chart, Key, money
from .kinds import Axis, Told, columns

NAME = "design-share"
TITLE = "Design against executions"
DRAWN = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
COLUMNS = (
    "Executions",
    "Design, of what they cost",
    "Design, of the total",
    "Design",
    "Executing",
    "Total",
    "All-frontier",
    "Saved",
)
KEYS = (Key("ours", "design, in percent of what so many executions cost"),)
NOTE = "The first share is design ÷ executing, the second design ÷ (design + executing); the design is paid once."


def design_share(design: int | None, pace: Pace) -> Chart:
    """`design`: pico-dollars of all designing to date."""
    told = list(shares(design, pace))
    rows = [_row(design, share) for share in told]
    said = _said(design, told)
    if design is None or not pace.completed or None in [share.of_execution_cost for share in told]:
        return Chart(NAME, TITLE, said, None, COLUMNS, rows if pace.completed else ())
    drawn = list(shares(design, pace, DRAWN))
    values = [float(share.of_execution_cost) for share in drawn]
    names = [count(share.executions) for share in drawn]
    picture = columns(Told(NAME, TITLE), names, {"ours": values}, _axis(max(values)))
    return Chart(NAME, TITLE, said, picture, COLUMNS, rows, KEYS, NOTE)


def _axis(top: float) -> Axis:
    places = 0 if top >= 20 else 1
    return lambda value: f"{value:,.{places}f}%"


def _row(design: int | None, share: Share) -> list[Cell]:
    return [
        Cell(count(share.executions)),
        share_cell(share.of_execution_cost),
        share_cell(share.of_total),
        money(from_pico(design)),
        *(money(from_pico(one)) for one in (share.execution_cost, share.cost, share.if_all_frontier, share.savings)),
    ]


def share_cell(value: Fraction | None) -> Cell:
    return Cell(of_percent(value), is_number=True)


def _said(design: int | None, told: list[Share]) -> str:
    known = [share.of_execution_cost for share in told]
    if None in known:
        return "What designing is of it is not known: nothing completed in these days, or calls of it have no price."
    if not design:
        return "Designing cost nothing that is known here, so it is no part of what executions cost."
    parts = ", ".join(of_percent(one) for one in known)
    counts = ", ".join(count(one) for one in COUNTS)
    return f"At {counts} executions the design is {parts} of what they cost: it is paid once."
