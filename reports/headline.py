"""A summary in one sentence, with the evidence that it stands on: what a mail begins with. Of a summary as the API shows it."""

from decimal import Decimal
from typing import Any

from analytics.baselines import Method
from analytics.shadowed import FEWEST

CENT = Decimal("0.01")
Said = dict[str, Any]


def headline(summary: Said) -> str:
    """`Saved 94.1% (92.0–95.3) of 2,340.00 USD, agreement 97.8% (95.1–99.1), n = 412, measured.`"""
    return f"{_found(summary)}{''.join(f', {word}' for word in evidence(summary))}."


def evidence(summary: Said) -> list[str]:
    """How often the answers agreed, how many executions or shadows stand behind it, and by which method; and what makes the figure
    worth less than it looks."""
    baseline, found = summary["baseline"], []
    if baseline["agreement"] is not None:
        interval = [_hundredfold(end) for end in baseline["agreement_interval"]]
        found.append(f"agreement {percent(_hundredfold(baseline['agreement']), interval)}")
    if baseline["n"]:
        found += [f"n = {baseline['n']:,}", baseline["method"].replace("_", " ")]
        found += ["estimated"] if baseline["estimated"] else []
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
        return f"Savings unknown{_why_unknown(summary)}"
    if not Decimal(whole):
        return f"Spent {usd(summary['total_cost'])}, with no execution completed that it could have saved on"
    if Decimal(savings) < 0:
        return f"Cost {usd(savings.removeprefix('-'))} more than the {usd(whole)} of all-frontier"
    interval = summary["baseline"]["savings_percent_interval"]
    return f"Saved {percent(Decimal(summary['savings_percent']), [Decimal(end) for end in interval or ()])} of {usd(whole)}"


def _why_unknown(summary: Said) -> str:
    unpriced, without = summary["unpriced_calls"], summary["baseline"]["unpriced"]
    if unpriced:
        return f": {unpriced:,} {'call has' if unpriced == 1 else 'calls have'} no price"
    if summary["baseline"]["method"] == Method.MEASURED:
        return f": it takes {FEWEST} shadows of each workflow"
    return (
        f": {without:,} {'answer has' if without == 1 else 'answers have'} no price to compare with" if without else ""
    )


def percent(value: Decimal, interval: list[Decimal]) -> str:
    """`94.1% (92.0–95.3)`: to a tenth, and closer where that would say all or nothing of what is not quite."""
    places = 2 if abs(value) < Decimal("0.05") or Decimal("99.95") <= value < 100 else 1
    ends = "–".join(f"{end:.{places}f}".replace("-", "−") for end in interval)
    return f"{value:.{places}f}%" + (f" ({ends})" if ends else "")


def _hundredfold(rate: str) -> Decimal:
    return 100 * Decimal(rate)


def usd(text: str) -> str:
    """For a sentence: to the cent from a dollar on; below it every digit says something. The table has it exactly."""
    amount = Decimal(text)
    return f"{amount.quantize(CENT):,} USD" if abs(amount) >= 1 else f"{text} USD"
