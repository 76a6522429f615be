"""The workflows of a project as the rows of a table: what each saved and cost, at what quality, and whether it is paid back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from analytics.baselines import Method
from analytics.by_workflow import Line
from analytics.measuring import subject_of
from analytics.projection.arithmetic import Outlook, Why
from analytics.savings import Balance, ratio
from analytics.shadowed import Share
from workflows.models import Publication

from ..charts.chart import Cell, counted
from ..numbers import NOTHING, count, day, exact, percent, rate, usd
from .asking import Asked

Evidence = Publication.Evidence
BETWEEN = "\u2060–\u2060"  # an interval that is not broken over two lines
SORTS = ("saved", "cost", "completed", "name")
GATE = {
    Evidence.PASSED: Cell("passed", "The evaluation behind what is live passed its gate."),
    Evidence.OVERRIDDEN: Cell("overridden", "It was published without a verdict that passed."),
    Evidence.NONE: Cell("unproven", "No evaluation stands behind what is live."),
    None: Cell("nothing is live yet", "No version of it was published."),
}
WHY = {
    Why.NOTHING_COMPLETED: "nothing completed lately",
    Why.UNPRICED: "not known: calls have no price",
    Why.NO_BASELINE: "not known: no all-frontier figure",
    Why.SAVES_NOTHING: "not at this pace",
    Why.TOO_FAR: "in more than a hundred years",
}


@dataclass(frozen=True)
class Row:
    """`words`: what has to be known of its figures. `share`: the savings in percent, below them."""

    name: Cell
    words: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    share: str = ""


def ordered(lines: Sequence[Line], sort: str) -> list[Line]:
    """Those of workflows, the most first; what is not known comes last, and of equal ones the name decides."""
    named = sorted((line for line in lines if line.workflow), key=lambda line: line.workflow.name)
    if sort == "name":
        return named
    return sorted(named, key=lambda line: _weight(line.balance, sort), reverse=True)


def _weight(balance: Balance, sort: str) -> tuple[bool, Decimal | int]:
    value = {"saved": balance.savings, "cost": balance.total_cost, "completed": balance.completed}[sort]
    return value is not None, value or 0


def rows_of(lines: Sequence[Line], agreed: Mapping[int, Share], about: Asked) -> list[Row]:
    return [_row(line, agreed.get(line.workflow.pk), about) for line in lines]


def _row(line: Line, agreed: Share | None, about: Asked) -> Row:
    page = address(line, about)
    bare = about.to("workflow", workflow=line.workflow, sort=None, page=None)
    executions = partial(about.to, "executions", workflow=line.workflow, sort=None, page=None)
    cells = _figures(line.balance, f"{page}#bill", f"{page}#waterfall")
    return Row(
        Cell(line.workflow.name, href=bare),
        _words(line, about),
        [
            *cells[:-1],
            Cell(cells[-1].text, href=executions(which="completed"), is_number=True),
            _escalated(line, executions(which="escalated")),
            _quality(line, agreed),
            Cell(_paid_back(line), href=f"{page}#cumulative" if line.balance.completed else ""),
        ],
        percent(line.balance.savings_percent) if line.balance.savings_percent is not None else "",
    )


def address(line: Line, about: Asked) -> str:
    """Of the workflow's page, of the same days and by the same method: there the same amounts stand."""
    measured = (about.subject or subject_of(None)).value if line.method == Method.MEASURED else None
    compared = {"baseline": line.method.value, "subject": measured}
    return about.to("workflow", workflow=line.workflow, sort=None, page=None, **compared)


def _words(line: Line, about: Asked) -> list[str]:
    words = {
        "archived": line.workflow.archived_at is not None,
        "simulated": about.extent.simulated,
        "unproven": line.evidence == Evidence.NONE,
        "overridden": line.evidence == Evidence.OVERRIDDEN,
        "estimated": bool(line.balance.completed) and line.method in (Method.REPRICED_WARM, Method.REPRICED_COLD),
        "incomplete": not line.balance.complete,
    }
    return [word for word, holds in words.items() if holds]


def of_none(line: Line) -> Row:
    """What belongs to no workflow: calls of designs that came to none, say."""
    return Row(
        Cell("Of no workflow", "Calls of designs that made no workflow yet, and the like."), [], _plain(line.balance)
    )


def together(balance: Balance) -> Row:
    """The figures of the project: the sum of the rows above."""
    share = percent(balance.savings_percent) if balance.savings_percent is not None else ""
    return Row(Cell("Together"), [], _plain(balance), share)


def _plain(balance: Balance) -> list[Cell]:
    return [*_figures(balance), Cell(""), Cell(""), Cell("")]


def _figures(balance: Balance, bill: str = "", falls: str = "") -> list[Cell]:
    """Saved, total cost, if all frontier, cost per completed, and completed."""
    return [
        _usd(balance.savings, falls),
        _usd(balance.total_cost, bill),
        _usd(balance.if_all_frontier, falls),
        _usd(balance.cost_per_completed, bill),
        counted(balance.completed),
    ]


def _usd(amount: Decimal | None, href: str = "") -> Cell:
    """The head of the column says the currency."""
    return Cell(usd(amount).removesuffix(" USD"), exact(amount), "" if amount is None else href, is_number=True)


def _escalated(line: Line, href: str) -> Cell:
    share = ratio(line.escalated, line.finished)
    told = f"{count(line.escalated)} of {count(line.finished)}" if line.finished else ""
    return Cell(rate(share), told, href if line.escalated else "", is_number=True)


def _quality(line: Line, agreed: Share | None) -> Cell:
    """What shadows measured; where they are too few, what the gate said."""
    if agreed is None or not agreed.says:
        return GATE[line.evidence]
    told = f"{count(agreed.same)} of {count(agreed.compared)} answers were the same on the frontier; a 95% interval."
    return Cell(rate(agreed.rate, agreed.interval).replace("–", BETWEEN), told)


def _paid_back(line: Line) -> str:
    """Of everything to date, whatever the window."""
    if line.paid_back_on and line.outlook.paid_back:
        return day(line.paid_back_on)
    return "yes" if line.outlook.paid_back else _to_come(line.outlook)


def _to_come(outlook: Outlook) -> str:
    if outlook.on:
        return f"expected {day(outlook.on)}"
    if outlook.why == Why.TOO_FEW:
        return f"after {count(outlook.executions_left)} more"
    return WHY[outlook.why] if outlook.why else NOTHING
