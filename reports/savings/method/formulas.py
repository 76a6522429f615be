"""Every figure of a summary as a formula with its numbers in it. The formulas are those of docs/method.md."""

from collections.abc import Iterator

from analytics.savings import Balance, ratio
from analytics.side_by_side import SideBySide

from ...charts.chart import Cell, counted, money
from ...numbers import day
from ..asking import Asked
from .line import Line, Part, percentage, plus, share


def parts(found: SideBySide, about: Asked) -> list[Part]:
    balance = found.summary.balance
    days = "Costs stand on the day on which the call finished, executions on the day on which they were accepted, and all the rest "
    days += "on the day on which the execution ended. A day is a day of UTC."
    saved = "Everything is paid from what was saved, design and doubt too; it can be negative."
    prices = "From the prices that the ledger kept with each call. Both can be negative."
    return [
        Part("costs", "What was paid", days, list(_costs(balance, about))),
        Part(
            "counts",
            "What was counted",
            "Production executions only: trials and evaluations test a version.",
            list(_counts(found, about)),
        ),
        Part("savings", "What was saved", saved, list(_savings(found, about))),
        Part("discounts", "What caches and batches took off", prices, list(_discounts(found, about))),
    ]


def rows_of(about: Asked, figure: str, **changed: object) -> str:
    """The rows behind a figure."""
    return about.to("calls", figure=figure, **changed)


def _those(about: Asked, which: str, **changed: object) -> str:
    return about.to("executions", which=which, **changed)


def _total(balance: Balance, about: Asked) -> Cell:
    return money(balance.total_cost, rows_of(about, "total_cost"))


def _costs(balance: Balance, about: Asked) -> Iterator[Line]:
    def cost(name: str) -> Cell:
        return money(getattr(balance, name), rows_of(about, name))

    yield Line("Execution", "calls of steps, repairs, escalations and matches", cost("execution_cost"))
    measured, declared = cost("design_measured"), money(balance.design_declared)
    design = money(balance.design_cost)
    yield Line("Design", "calls that design and redesign + what was declared", design, [measured, "+", declared])
    yield Line("Evaluation", "evaluations, their judge, searches for tiers, trials", cost("evaluation_cost"))
    yield Line("Shadows", "calls of shadows", cost("shadow_cost"))
    yield Line("In doubt", "calls in doubt, at their upper bound, and what corrects them", cost("in_doubt_cost"))
    five = [cost("execution_cost"), design, *map(cost, ("evaluation_cost", "shadow_cost", "in_doubt_cost"))]
    how = "execution + design + evaluation + shadows + in doubt"
    yield Line("Total cost", how, cost("total_cost"), plus(five))


def _counts(found: SideBySide, about: Asked) -> Iterator[Line]:
    balance, rates = found.summary.balance, found.summary.rates
    completed = counted(balance.completed, _those(about, "completed"))
    finished = counted(rates.finished, _those(about, "finished"))
    yield Line("Executions", "accepted in these days", counted(rates.executions, _those(about, "all")))
    yield Line("Finished", "completed, failed, or escalated at the end of these days; cancelled ones are not", finished)
    yield Line("Completed", "completed, and not rejected by feedback", completed)
    each = money(balance.cost_per_completed)
    by_hand = [_total(balance, about), "÷", completed]
    yield Line(
        "Everything, per completed",
        "total cost ÷ completed",
        each,
        by_hand if balance.cost_per_completed is not None else (),
    )
    rate = ratio(rates.escalated, rates.finished)
    escalated = counted(rates.escalated, _those(about, "escalated"))
    how = "finished executions with a flag that reached a tier or a person ÷ finished"
    yield Line("Escalation rate", how, share(rate), [escalated, "÷", finished] if rate is not None else ())
    rate = ratio(rates.repair_calls, rates.step_calls)
    calls = [counted(rates.repair_calls, rows_of(about, "retries")), "÷", counted(rates.step_calls)]
    yield Line("Retry rate", "repair calls ÷ step calls", share(rate), calls if rate is not None else ())


def _savings(found: SideBySide, about: Asked) -> Iterator[Line]:
    balance = found.summary.balance
    total, saved = _total(balance, about), money(balance.savings)
    frontier = money(balance.if_all_frontier, rows_of(about, "if_all_frontier"))
    known = balance.savings is not None
    yield Line("Saved", "all-frontier − total cost", saved, [frontier, "−", total] if known else ())
    of, roi = balance.savings_percent, balance.roi_percent
    of_frontier = ["100", "×", saved, "÷", frontier] if of is not None else ()
    yield Line("Saved, in percent", "100 × saved ÷ all-frontier", percentage(of), of_frontier)
    of_cost = ["100", "×", saved, "÷", total] if roi is not None else ()
    yield Line("Return on cost", "100 × saved ÷ total cost", percentage(roi), of_cost)
    yield _payback(found.summary.to_date, about)
    how = "the last day on which what was saved until then turned from negative to nothing or more"
    yield Line("Paid back on", how, Cell(day(found.summary.paid_back_on), is_number=True))


def _payback(life: Balance, about: Asked) -> Line:
    how = (
        "⌈(design + evaluation + shadows) ÷ ((all-frontier − execution − in doubt) ÷ completed)⌉, of everything until the end of "
        "these days; none where an execution saves nothing"
    )
    comes_to = counted(life.payback_executions)
    if life.payback_executions is None:
        return Line("Pays back after", how, comes_to)

    def cost(name: str) -> Cell:
        return money(getattr(life, name), rows_of(about, name, since=None))

    invested = plus([money(life.design_cost), cost("evaluation_cost"), cost("shadow_cost")])
    gain = [
        money(life.if_all_frontier, rows_of(about, "if_all_frontier", since=None)),
        "−",
        cost("execution_cost"),
        "−",
        cost("in_doubt_cost"),
    ]
    completed = counted(life.completed, _those(about, "completed", since=None))
    return Line("Pays back after", how, comes_to, ["⌈(", *invested, ") ÷ ((", *gain, ") ÷", completed, ")⌉"])


def _discounts(found: SideBySide, about: Asked) -> Iterator[Line]:
    read, written = found.cache
    how = "tokens read × (input price − price of reading) − tokens written × (price of writing − input price)"
    known = read is not None and written is not None
    by_hand = [money(read), "−", money(written)] if known else ()
    yield Line("Caching", how, money(found.summary.cache_savings, rows_of(about, "cache_savings")), by_hand)
    batch = money(found.summary.batch_savings, rows_of(about, "batch_savings"))
    yield Line("Batches", "the standard price − the price in a batch, of each call in one", batch)
