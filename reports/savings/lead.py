"""What a page begins with: the sentence, what it comes to in dollars, and what each of its words means."""

from collections.abc import Iterator

from analytics.baselines import Method
from analytics.costs import Summary
from analytics.pages.saying import labels
from shadows.models import Subject

from ..headline import agreement, headline, is_empty, is_repriced
from ..numbers import count, usd

ESTIMATED = "tokens of one model at the prices of another, which may count them otherwise; shadows would measure it"
AGREEMENT = "how often the frontier gave the same result; in brackets, where the true share lies with 95% confidence"


def lead(summary: Summary) -> dict[str, object]:
    return {
        "headline": headline(summary),
        "labels": labelled(summary),
        "empty": is_empty(summary),
        "sentences": list(_in_dollars(summary)),
    }


def _in_dollars(summary: Summary) -> Iterator[str]:
    """And once on the page, what all-frontier is."""
    balance = summary.balance
    if is_empty(summary) or balance.savings is None or not balance.if_all_frontier:
        return
    if balance.savings < 0:
        yield f"{usd(balance.total_cost)} were paid for it."
    else:
        yield f"That is {usd(balance.savings)}, for {usd(balance.total_cost)} paid."
    model = (summary.model or "the frontier model").rpartition(":")[2]
    yield f"All-frontier: what {model} alone would have cost for the same work."


def labelled(summary: Summary) -> list[tuple[str, str]]:
    return [*_of_method(summary), *labels(summary)]


def _of_method(summary: Summary) -> Iterator[tuple[str, str]]:
    completed = summary.balance.completed
    if summary.measured and summary.measured.n:
        n, where = summary.measured.n, "on the frontier"
        if summary.measured.subject == Subject.TASK:
            where = "on the frontier, the whole task in one call"
        runs = "execution was also run" if n == 1 else "executions were also run"
        yield "measured", f"{count(n)} {runs} {where}: n = {count(n)}"
    if agreement(summary):
        yield "agreement", AGREEMENT
    if not completed or summary.balance.if_all_frontier is None:
        return
    executions = "1 execution" if completed == 1 else f"{count(completed)} executions"
    if summary.method == Method.DECLARED:
        yield "declared", f"what a person said that {executions} would have cost on the frontier"
    elif is_repriced(summary):
        cache = "its cache warm" if summary.method == Method.REPRICED_WARM else "without a cache"
        yield (
            summary.method.replace("_", " "),
            f"the tokens of {executions} at the frontier’s prices, {cache}: n = {count(completed)}",
        )
        yield "estimated", ESTIMATED
