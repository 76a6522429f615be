"""A summary in one sentence, with the evidence that it stands on: what a mail begins with. Of a summary as the API shows it."""

from decimal import Decimal
from typing import Any

CENT = Decimal("0.01")
Said = dict[str, Any]


def headline(summary: Said) -> str:
    """`Saved 94.12% of 2,340.00 USD, repriced warm, estimated, n = 412.`"""
    return f"{_found(summary)}{''.join(f', {word}' for word in evidence(summary))}."


def evidence(summary: Said) -> list[str]:
    """The method and how many executions stand behind it; and what makes the figure worth less than it looks."""
    baseline, found = summary["baseline"], []
    if baseline["n"]:
        found = [baseline["method"].replace("_", " "), *(["estimated"] if baseline["estimated"] else [])]
        found.append(f"n = {baseline['n']:,}")
    words = {
        "simulated": summary["simulated"],
        "unproven": summary["unproven"],
        "overridden": bool(summary["overridden"]),
        "incomplete": not summary["complete"],
    }
    return [*found, *(word for word, holds in words.items() if holds)]


def is_empty(summary: Said) -> bool:
    """Nothing was accepted or ended, and nothing was paid."""
    counts = ("executions", "finished", "completed", "unpriced_calls")
    return not any(summary[name] for name in counts) and Decimal(summary["total_cost"] or 0) == 0


def _found(summary: Said) -> str:
    savings, whole = summary["savings"], summary["if_all_frontier"]
    if is_empty(summary):
        return "No execution, and no cost"
    if savings is None:
        unpriced = summary["unpriced_calls"] or summary["baseline"]["unpriced"]
        what = "calls have no price" if summary["unpriced_calls"] else "answers have no price to compare with"
        return f"Savings unknown: {unpriced:,} {what}" if unpriced else "Savings unknown"
    if not Decimal(whole):
        return f"Spent {usd(summary['total_cost'])}, with no execution completed that it could have saved on"
    if Decimal(savings) < 0:
        return f"Cost {usd(savings.removeprefix('-'))} more than the {usd(whole)} of all-frontier"
    return f"Saved {summary['savings_percent']}% of {usd(whole)}"


def usd(text: str) -> str:
    """For a sentence: to the cent from a dollar on; below it every digit says something. The table has it exactly."""
    amount = Decimal(text)
    return f"{amount.quantize(CENT):,} USD" if abs(amount) >= 1 else f"{text} USD"
