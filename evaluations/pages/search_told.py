"""What a tier search found, as its page tells it: the models of each step, and the ways to execute all of it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, InvalidOperation

from . import told
from .told import Row

WAYS = {
    "frontier": "The frontier alone",
    "chosen": "What was chosen",
    "all_cheap": "The cheapest of every step",
    "as_designed": "As it was designed",
}
MOVES = {"down": "moves down", "up": "moves up", "aside": "moves to a model of no tier", "stays": "stays"}

FOUR = Context(prec=4)


@dataclass(frozen=True)
class Cell:
    """`worse`: that it costs more than the frontier alone, which its colour repeats."""

    text: str
    worse: bool = False


def steps(evidence: Row) -> list[dict[str, object]]:
    return [
        {
            "step": step,
            "said": found["said"],
            "moves": f"{MOVES[found['moves']]}{' and improves' if found['improves'] else ''}",
            "models": [_model(one, found) for one in found["models"]],
        }
        for step, found in evidence.get("steps", {}).items()
    ]


def _model(one: Row, of: Row) -> dict[str, object]:
    return {
        "model": one["model"],
        "tiers": ", ".join(one["tiers"]),
        "evaluation": one["evaluation"],
        "chosen": one["model"] == of["chosen"],
        "now": one["model"] == of["now"],
        "right": told.share(one["quality"]),
        "difference": _difference(one),
        "per_right": told.money(short(one["cost_per_right"])),
        "per_case": told.money(short(one["cost_per_case"])),
        "latency": _latency(one["latency_ms"]),
        "passed": one["passed"],
        "reasons": one["reasons"],
    }


def _difference(one: Row) -> str:
    if one["difference"] is None:
        return "it is the frontier"
    points = f"{told.points(one['difference'])} points"
    if one["interval"] is None:
        return points
    low, high = one["interval"]
    return f"{points} ({told.points(low)} to {told.points(high)})"


def _latency(found: Row) -> str:
    if found["p50"] is None:
        return "–"
    return f"{found['p50']} / {found['p95']} ms"


def ways(evidence: Row) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Their names, and lines of what each comes to."""
    found = [(WAYS[name], way) for name, way in evidence.get("ways", {}).items()]
    return [name for name, _ in found], [(label, cells) for label, cells in _lines([way for _, way in found])]


def _lines(several: list[Row]) -> Iterator[tuple[str, list[Cell]]]:
    yield "Right", [Cell(told.share(way["quality"])) for way in several]
    yield "Flagged what it should flag", [Cell(told.share(way["escalation_recall"])) for way in several]
    yield "Wrong, and nobody would have noticed", [Cell(told.share(way["silent_failure"])) for way in several]
    yield "Asked again of the frontier", [Cell(told.share(way["answered_by_a_rung"])) for way in several]
    yield "Cost of a case", [Cell(told.money(short(way["cost_per_case"]))) for way in several]
    yield "Cost of a right answer", [Cell(told.money(short(way["cost_per_right"]))) for way in several]
    yield "Saves, of a case", [_saving(way["saving"]) for way in several]
    yield "Half end within", [Cell(told.milliseconds(way, "p50")) for way in several]
    yield "Passes against the frontier", [Cell("yes" if way["passed"] else "no", not way["passed"]) for way in several]
    alone = [way["without_rungs"] for way in several]
    yield "Right, if nobody were asked again", [Cell(told.share(one["quality"])) for one in alone]
    yield "Saves then, of a case", [_saving(one["saving"]) for one in alone]


def _saving(found: Row) -> Cell:
    text = saving(found)
    return Cell(f"{text}: it costs more", True) if text.startswith("−") else Cell(text)


def saving(found: Mapping[str, object] | None) -> str:
    """`0.0012 USD (40.0%)`; below zero with a true minus."""
    if not found or found["per_case"] is None:
        return "not known"
    percent = "" if found["percent"] is None else f" ({found['percent']}%)"
    return f"{short(found['per_case'])} USD{percent}".replace("-", "−")


def short(usd: str | None) -> str | None:
    """With four digits that count, so that one can be held against another."""
    if usd is None:
        return None
    try:
        amount = FOUR.create_decimal(usd)
    except InvalidOperation:
        return usd
    return f"{amount:f}" if amount else "0"
