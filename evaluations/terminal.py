"""An evaluation as tables in a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from executions.estimates import Estimate
from wire.money import pico_text

from .models import Evaluation, Result

SHARES = {
    "quality": "right",
    "escalation_recall": "flagged, of those to be flagged",
    "false_escalation": "flagged, of those to be answered",
    "silent_failure": "wrong, of those without a flag",
}
SHOWN = 10  # failures
WIDTH = 60  # characters of a value


def show(evaluation: Evaluation, console: Console) -> None:
    arms = evaluation.figures["arms"]
    kind = " (simulated)" if evaluation.simulated else ""
    table = Table(title=f"{evaluation.version} over {evaluation.figures['cases']} cases{kind}", title_justify="left")
    table.add_column("")
    for arm in arms:
        table.add_column(_name(evaluation, arm), justify="right")
    for key, said in SHARES.items():
        table.add_row(said, *(_share(figures[key]) for figures in arms.values()))
    for key in ("cost_per_case", "cost_per_right"):
        table.add_row(f"{key.replace('_', ' ')}, USD", *(figures[key] or "unknown" for figures in arms.values()))
    table.add_row("latency p50 / p95, ms", *(_latency(figures["latency_ms"]) for figures in arms.values()))
    console.print(table)
    for line in _failures(evaluation):
        console.print(line, markup=False)
    for line in verdict(evaluation):
        console.print(line, markup=False)


def verdict(evaluation: Evaluation) -> Iterator[str]:
    found = evaluation.figures["verdict"]
    if found is None:
        yield "No verdict: it was compared with nothing."
        return
    pairs = evaluation.figures["pairs"]
    low, high = pairs["interval"] or ("?", "?")
    yield f"Difference of right answers: {pairs['difference']} ({low} to {high}), n = {pairs['n']}."
    yield "Passed." if found["passed"] else "Refused."
    yield from found["reasons"]
    yield from found["notes"]


def _name(evaluation: Evaluation, arm: str) -> str:
    if arm == Result.Arm.CANDIDATE:
        return "candidate"
    return "the frontier" if evaluation.incumbent is None else f"incumbent {evaluation.incumbent.version.number}"


def _share(found: dict) -> str:
    if not found["n"]:
        return "–"
    low, high = found["interval"]
    return f"{found['count']} of {found['n']}  {found['rate']} ({low}–{high})"


def _latency(found: dict) -> str:
    return " / ".join("–" if found[name] is None else str(found[name]) for name in ("p50", "p95"))


def _failures(evaluation: Evaluation) -> Iterator[str]:
    wrong = (
        evaluation.results.filter(arm=Result.Arm.CANDIDATE).exclude(right=True).select_related("case").order_by("pk")
    )
    count = wrong.count()
    if count:
        yield f"Not right: {count}{f', the first {SHOWN}' if count > SHOWN else ''}"
    for result in wrong[:SHOWN]:
        yield f"  {str(result.case.input)[:WIDTH]}: {result.said}"


def cost_in_words(found: Estimate, *, simulated: bool) -> str:
    """Of what has not begun."""
    cost = "unknown: a model has no price" if found.expected is None else f"{pico_text(found.expected)} USD"
    return f"expected cost {cost}{', simulated' if simulated else ''}."
