"""That the rows behind each figure of a summary make it up, to the last digit, by the cells and by the ledger itself."""

from analytics.baselines import Method, method_of
from analytics.behind.answers import MOST, OF_ANSWERS, Answers
from analytics.behind.calls import DECLARED_TOO, OF_CALLS, Calls
from analytics.behind.executions import NAMES, Executions
from analytics.costs import declared_designs, summarise
from analytics.extent import Extent
from analytics.snapshot import snapshot
from wire.money import to_usd

FEW = 300  # that are turned over page by page
KEPT = (Method.REPRICED_WARM, Method.REPRICED_COLD)


def assert_rows_make_it_up(extent: Extent, method: Method | None = None) -> None:
    method = method or method_of(extent.workflow)
    summary = summarise(extent, method)
    counted = {"unpriced": summary.balance.unpriced_calls, "retries": summary.rates.repair_calls}
    declared = to_usd(sum(cost for _, cost in declared_designs(extent)))
    with snapshot():
        for figure in OF_CALLS:
            calls = Calls(extent, figure)
            if figure == "cache_savings":  # the cells do not count what a cache held
                assert calls.by_cells.usd == calls.by_rows.usd
            else:
                assert calls.by_cells == calls.by_rows
            assert calls.by_rows.count > FEW or len(all_of(calls)) == calls.by_rows.count
            if figure in counted:
                assert calls.by_rows.count == counted[figure]
                continue
            said = getattr(summary if figure.endswith("savings") else summary.balance, figure)
            assert (
                said == calls.by_rows.usd + (declared if figure in DECLARED_TOO else 0)
                if said is not None
                else (calls.by_rows.usd is None)
            )
        for figure in OF_ANSWERS:
            answers = Answers(extent, figure, method)
            if answers.is_sum and answers.by_cells.count <= MOST:
                assert answers.by_cells == answers.by_rows
        if method in KEPT:
            assert answers.by_cells.usd == summary.balance.if_all_frontier
        if method in KEPT and answers.by_cells.count <= FEW:
            assert len(all_of(answers)) == answers.by_rows.count
            shown = [getattr(one, method.removeprefix("repriced_")) for one in all_of(answers)]
            unknown = None in shown
            assert (None if unknown else to_usd(sum(shown))) == summary.balance.if_all_frontier


def assert_executions_make_it_up(extent: Extent) -> None:
    summary = summarise(extent)
    counts = {"completed": summary.balance.completed, "reported": summary.reported.executions}
    rates = {"accepted": "executions", "finished": "finished", "escalated": "escalated"}
    counts |= {which: getattr(summary.rates, figure) for which, figure in rates.items()}
    with snapshot():
        for which in NAMES:
            found = Executions(extent, which)
            assert found.by_cells == found.by_rows == len(all_of(found))
            if which in counts:
                assert found.by_cells + found.waiting == counts[which]


def all_of(rows: Calls | Answers | Executions) -> list:
    """Page by page."""
    found, more, after = [], True, None
    while more:
        page, more = rows.page(after)
        found += page
        after = page and getattr(page[-1], "call", page[-1]).pk
    return found
