"""Everything that was paid, line by line, and what it is held against; each line leads to the rows behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

from analytics.costs import Summary
from analytics.pages.saying import AGAINST

from ..charts.chart import Cell, counted, money
from ..numbers import percent
from .asking import Asked


@dataclass(frozen=True)
class Line:
    """`kind`: `part` of what was paid, `sum`, or `told` of both. `about`: what it is, in a sentence."""

    label: str
    cell: Cell
    kind: str
    about: str


# Figures of a balance that are sums of the ledger's rows: their names in the address of the rows.
PARTS = {
    "execution_cost": ("Execution", "Every call of a production execution, used or not."),
    "design_measured": ("Design and redesign", "What the frontier was paid for designing."),
    "evaluation_cost": ("Evaluation", "Proving versions over cases, and trying them out."),
    "shadow_cost": ("Shadows", "Running a share again on the frontier, to measure."),
    "in_doubt_cost": ("In doubt", "Calls of which nobody knows whether they were paid, at their upper bound."),
}


def bill(summary: Summary, about: Asked) -> list[Line]:
    return list(_lines(summary, about))


def _lines(summary: Summary, about: Asked) -> Iterator[Line]:
    balance = summary.balance
    for name, (label, what) in PARTS.items():
        amount = getattr(balance, name)
        yield Line(label, money(amount, about.to("calls", figure=name)), "part", what)
        if name == "design_measured" and balance.design_declared:
            declared = balance.design_declared
            yield Line("Design, declared", money(declared), "part", "What people said that it cost.")
    yield Line(
        "Total cost", money(balance.total_cost, about.to("calls", figure="total_cost")), "sum", "The sum of these."
    )
    frontier, saved = balance.if_all_frontier, balance.savings
    yield Line(
        "If all frontier", money(frontier, about.to("calls", figure="if_all_frontier")), "sum", _against(summary)
    )
    yield Line("Saved", money(saved), "sum", "If all frontier, less the total cost.")
    yield Line(
        "Return on cost", Cell(percent(balance.roi_percent), is_number=True), "told", "Saved, per dollar that was paid."
    )
    each = balance.cost_per_completed
    yield Line("Everything, per completed", money(each), "told", "The total cost by what completed.")
    done = counted(balance.completed, about.to("executions", which="completed"))
    yield Line("Completed", done, "told", "Executions that completed, and whose answer nobody rejected.")


def _against(summary: Summary) -> str:
    said = AGAINST[summary.method].format(model=summary.model or "the frontier model")
    return said[:1].upper() + said[1:] + "."
