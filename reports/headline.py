"""A summary in one sentence, with the evidence that it stands on: what a page and a mail begin with. Of the figures as they are,
so that each is rounded once."""

from fractions import Fraction

from analytics.baselines import Method
from analytics.costs import Summary
from analytics.shadowed import FEWEST
from evaluations.statistics import wilson

from .numbers import percent, rate, usd


def headline(summary: Summary) -> str:
    """`Saved 94.1% (92.0–95.3) of 2,340.00 USD, agreement 97.8% (95.1–99.1), n = 412, measured.`"""
    if is_empty(summary):
        extent = summary.extent
        return f"{'Nothing executed in these days' if extent.since or extent.until else 'Not executed yet'}: {NOTHING}."
    return f"{_found(summary)}{''.join(f', {word}' for word in evidence(summary))}."


NOTHING = "nothing paid, nothing saved"


def evidence(summary: Summary) -> list[str]:
    """How often the answers agreed, how many executions or shadows stand behind it, and by which method; and what makes the figure
    worth less than it looks."""
    agreed = agreement(summary)
    found = [f"agreement {agreed}"] if agreed else []
    n = summary.measured.n if summary.measured else summary.balance.completed
    if n and summary.balance.savings is not None:  # else the sentence says why it is not known
        found += [f"n = {n:,}", summary.method.replace("_", " ")]
        found += ["estimated"] if is_repriced(summary) else []
    words = {
        "simulated": summary.extent.simulated,
        "unproven": summary.unproven,
        "overridden": bool(summary.overridden),
        "incomplete": not summary.balance.complete,
    }
    return [*found, *(word for word, holds in words.items() if holds)]


def agreement(summary: Summary) -> str:
    """`97.8% (95.1–99.1)`; empty under 30 shadows."""
    measured = summary.measured
    ends = wilson(measured.same, measured.compared) if measured and measured.n >= FEWEST else None
    return rate(Fraction(measured.same, measured.compared), ends) if measured and ends else ""


def is_repriced(summary: Summary) -> bool:
    return summary.method in (Method.REPRICED_WARM, Method.REPRICED_COLD)


def is_empty(summary: Summary) -> bool:
    """Nothing was accepted or ended, and nothing was paid."""
    rates, balance = summary.rates, summary.balance
    return not any((rates.executions, rates.finished, balance.completed, balance.unpriced_calls, balance.total_cost))


def _found(summary: Summary) -> str:
    balance = summary.balance
    if balance.savings is None:
        return f"Savings are not known{_why_unknown(summary)}"
    if not balance.if_all_frontier:
        return f"Spent {usd(balance.total_cost)}, with no execution completed that it could have saved on"
    whole = usd(balance.if_all_frontier)
    if balance.savings < 0:
        return f"Cost {usd(-balance.savings)} more than the {whole} of all-frontier"
    return f"Saved {percent(balance.savings_percent, _interval(summary))} of {whole}"


def _interval(summary: Summary) -> list[Fraction]:
    """Of what was saved, in percent: what the ends of all-frontier make of it."""
    found = summary.measured.interval if summary.measured else None
    paid = Fraction(summary.balance.total_cost) * 10**12
    return [100 * (1 - paid / end) for end in found] if found and all(found) else []


def _why_unknown(summary: Summary) -> str:
    unpriced, without = summary.balance.unpriced_calls, summary.baseline_unpriced
    if unpriced:
        return f": {unpriced:,} {'call has' if unpriced == 1 else 'calls have'} no price"
    if summary.measured:
        n = summary.measured.n
        there = "is 1 shadow" if n == 1 else f"are {n:,} shadows"
        return f": there {there}, and it takes {FEWEST} of each workflow"
    if summary.method == Method.DECLARED:
        return ": nobody declared what one costs on the frontier"
    have = "answer has" if without == 1 else "answers have"
    return f": {without:,} {have} no price to compare with" if without else ""
