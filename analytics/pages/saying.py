"""What a cost summary says, as sentences for a person. Pure."""

from dataclasses import dataclass, field

from wire.money import rounded

from ..baselines import Method
from ..costs import Summary
from ..shadowed import FEWEST

AGAINST = {
    Method.DECLARED: "what a person declared for all-frontier",
    Method.REPRICED_WARM: "the same tokens on {model}, with a warm cache",
    Method.REPRICED_COLD: "the same tokens on {model}, without a cache",
    Method.MEASURED: "what shadows on {model} cost",
}


@dataclass(frozen=True)
class Said:
    """`labels`: what has to be known of every figure of it, each a word and why. `to_date`: what was saved from the beginning to
    the end of these days, where the others are of the days."""

    cost: str
    savings: str
    to_date: str
    labels: list[tuple[str, str]] = field(default_factory=list)


def said(summary: Summary) -> Said:
    return Said(_cost(summary), _savings(summary), _to_date(summary), list(labels(summary)))


def _cost(summary: Summary) -> str:
    balance = summary.balance
    parts = {
        "executing": balance.execution_cost,
        "designing": balance.design_cost,
        "evaluating": balance.evaluation_cost,
        "shadow runs": balance.shadow_cost,
        "calls in doubt": balance.in_doubt_cost,
    }
    named = [f"{rounded(cost)} {what}" for what, cost in parts.items() if cost]
    of = f" ({', '.join(named)})" if len(named) > 1 else ""
    return f"{rounded(balance.total_cost)}{of}, {_completed(balance.completed)}."


def _completed(count: int) -> str:
    return "1 execution completed" if count == 1 else f"{count:,} executions completed"


def _savings(summary: Summary) -> str:
    balance = summary.balance
    against = AGAINST[summary.method].format(model=summary.model or "the frontier model")
    if not balance.completed:
        return "Nothing was completed, so nothing was saved."
    if summary.measured and balance.if_all_frontier is None:
        n = summary.measured.n
        there = "is 1 shadow" if n == 1 else f"are {n:,} shadows"
        enough = f"and it takes {FEWEST} of each workflow"
        return f"What it saved is not known yet: there {there} of the {summary.measured.subject}, {enough}."
    if balance.savings is None:
        return "What it saved is not known: calls, or what they would have cost all-frontier, have no price."
    percent = f" ({abs(balance.savings_percent):.0f}%)" if balance.savings_percent is not None else ""
    compared = f"against {rounded(balance.if_all_frontier)}: {against}"
    if balance.savings < 0:
        return f"It cost {rounded(-balance.savings)} more{percent} than all-frontier would have, {compared}."
    return f"It saved {rounded(balance.savings)}{percent}, {compared}."


def _to_date(summary: Summary) -> str:
    balance = summary.to_date
    if not balance.completed:
        return "Nothing was completed yet, so nothing was saved."
    if balance.savings is None:
        return "What was saved to date is not known."
    estimated = "" if summary.method == Method.MEASURED else ", estimated"
    percent = f" ({abs(balance.savings_percent):.0f}%)" if balance.savings_percent is not None else ""
    if balance.savings < 0:
        return f"Cost {rounded(-balance.savings)} more{percent} to date than all-frontier would have{estimated}."
    return f"Saved {rounded(balance.savings)} of {rounded(balance.if_all_frontier)} to date{percent}{estimated}."


def labels(summary: Summary) -> list[tuple[str, str]]:
    """What has to be known of every figure of it, each a word and why."""
    found = []
    if summary.extent.simulated:
        found.append(("simulated", "scripted models answered: a story, and no evidence"))
    if summary.unproven:
        found.append(("unproven", _unproven(summary)))
    if summary.overridden:
        told = ", ".join(f"{one.workflow} {one.version}, by {one.by}: {one.reason}" for one in summary.overridden)
        found.append(("overridden", f"published without a verdict that passed ({told})"))
    if not summary.balance.complete:
        unpriced = summary.balance.unpriced_calls
        told = "1 call has no price, and is" if unpriced == 1 else f"{unpriced:,} calls have no price, and are"
        found.append(("incomplete", f"{told} not in the costs"))
    return found


def _unproven(summary: Summary) -> str:
    lacking = summary.lacking
    if summary.extent.workflow or lacking is None:
        return "no evaluation stands behind what is live"
    workflows = "1 workflow has" if lacking.workflows == 1 else f"{lacking.workflows:,} workflows have"
    return f"{lacking.unproven:,} of {workflows} no evaluation behind what is live"
