"""A tier search as tables in a terminal."""

from rich.console import Console
from rich.table import Table

from .figures import Row
from .models import TierSearch


def show(search: TierSearch, console: Console) -> None:
    evidence = search.evidence or {}
    for step, found in evidence.get("steps", {}).items():
        console.print(_step(step, found, search.simulated))
    if ways := evidence.get("ways"):
        console.print(_ways(ways))
    console.print(search.said, markup=False)


def _step(step: str, found: Row, simulated: bool) -> Table:
    kind = " (simulated)" if simulated else ""
    table = Table(title=f"Step {step}{kind}, cheapest right answer first", title_justify="left")
    table.add_column("model", overflow="fold")
    for name in ("right", "USD a right answer", "p50, ms", ""):
        table.add_column(name, justify="right")
    for one in found["models"]:
        quality, chosen = one["quality"], " (chosen)" if one["model"] == found["chosen"] else ""
        low, high = quality["interval"] or ("?", "?")
        right = f"{quality['count']} of {quality['n']} ({low}–{high})"
        verdict = f"{'passes' if one['passed'] else 'does not pass'}{chosen}"
        table.add_row(one["model"], right, _text(one["cost_per_right"]), _text(one["latency_ms"]["p50"]), verdict)
    return table


def _ways(ways: Row) -> Table:
    table = Table(title="All of it, against the frontier alone", title_justify="left")
    table.add_column("")
    for name in ("right", "USD a case", "saves, USD a case", "saves, %"):
        table.add_column(name, justify="right")
    for name, way in ways.items():
        quality, saving = way["quality"], way["saving"]
        cells = (way["cost_per_case"], saving["per_case"], saving["percent"])
        table.add_row(name.replace("_", " "), f"{quality['count']} of {quality['n']}", *map(_text, cells))
    return table


def _text(value: object) -> str:
    return "unknown" if value is None else str(value)
