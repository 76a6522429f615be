"""What a tier search found: of each step its models, cheapest right answer first, and which is chosen; and what executing all of it
costs in several ways, beside asking the frontier alone. Pure: counts, money and sentences.

A step's model is ranked by the step's own cost, its repairs and rungs with it, for each right answer of the whole: what the other
steps cost is the same beside each of them, and changes with what they are moved to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from wire.money import percent_text

from .figures import Pairs, Row, Tried, figures, pairs, share, usd
from .models import Result

RANK = ("cheap", "standard", "frontier")
Assignment = dict[str, str]  # model step → provider:model


@dataclass(frozen=True)
class Measured:
    """An assignment that was tried. `rungs_cost`: what its rungs cost, in pico-dollars, None where one has no price."""

    assignment: Assignment
    evaluation: str
    rows: Sequence[Tried]
    rungs_cost: int | None = 0

    @property
    def cost(self) -> int | None:
        return _sum(row.cost for row in self.rows)

    def cost_of(self, step: str) -> int | None:
        return _sum(row.steps.get(step, {}).get("cost", 0) for row in self.rows)

    @property
    def right(self) -> int:
        return sum(bool(row.right) for row in self.rows if not row.expects_flag)


@dataclass(frozen=True)
class Searched:
    """Everything that was measured. `tiers`: tier → model; `designed`: model step → the tier that it has."""

    designed: Mapping[str, str]
    candidates: Mapping[str, Sequence[str]]
    tiers: Mapping[str, str]
    rules: Mapping[str, object]
    reference: Measured
    measured: Sequence[Measured] = field(default_factory=list)

    @property
    def frontier(self) -> Assignment:
        return frontier(self.designed, self.tiers)

    def at(self, assignment: Assignment) -> Measured | None:
        """What was measured of this assignment."""
        return next((one for one in [self.reference, *self.measured] if one.assignment == assignment), None)

    def whole(self, assignment: Assignment) -> Row | None:
        """The figures of an assignment, and its verdict against the frontier; None before it was measured."""
        found = self.at(assignment)
        return found and self.compared(found)

    def compared(self, one: Measured) -> Row:
        ours = [replace(row, arm=Result.Arm.CANDIDATE) for row in one.rows]
        theirs = [replace(row, arm=Result.Arm.REFERENCE) for row in self.reference.rows]
        return figures([*ours, *theirs], "frontier", self.rules)


@dataclass(frozen=True)
class Tier:
    """A model on a step. `passed`: against the frontier, which passes itself."""

    step: str
    model: str
    measured: Measured
    found: Row
    passed: bool

    @property
    def per_right(self) -> Decimal | None:
        cost = self.measured.cost_of(self.step)
        return Decimal(cost) / self.measured.right if cost is not None and self.measured.right else None


def frontier(designed: Mapping[str, str], tiers: Mapping[str, str]) -> Assignment:
    return {step: tiers["frontier"] for step in designed}


def as_designed(designed: Mapping[str, str], tiers: Mapping[str, str]) -> Assignment:
    return {step: tiers[tier] for step, tier in designed.items()}


def to_measure(
    designed: Mapping[str, str], candidates: Mapping[str, Sequence[str]], tiers: Mapping[str, str]
) -> list[Assignment]:
    """The version as it is designed, and every model on every step with the others on the frontier; but for the frontier alone,
    which all of them are compared with."""
    alone = frontier(designed, tiers)
    wanted = [as_designed(designed, tiers)]
    wanted += [{**alone, step: model} for step, models in candidates.items() for model in models]
    return [one for n, one in enumerate(wanted) if one != alone and one not in wanted[:n]]


def ranked(searched: Searched, step: str) -> list[Tier]:
    """The models of a step, cheapest right answer first; those of which it is not known last."""
    models = dict.fromkeys([*searched.candidates[step], searched.frontier[step]])
    found = []
    for model in models:
        measured = searched.at({**searched.frontier, step: model})
        compared = searched.compared(measured)
        passed = measured is searched.reference or compared["verdict"]["passed"]
        found.append(Tier(step, model, measured, compared, passed))
    return sorted(found, key=lambda one: (one.per_right is None, one.per_right or 0))


def chosen(searched: Searched) -> Assignment:
    """The cheapest that passes, of each step; the frontier where none does."""
    return {step: _choice(ranked(searched, step), searched.frontier[step]).model for step in searched.designed}


def all_cheap(searched: Searched) -> Assignment:
    """Every step on what costs least there, right or wrong."""
    found = {}
    for step in searched.designed:
        priced = [one for one in ranked(searched, step) if one.measured.cost_of(step) is not None]
        least = min(priced, key=lambda one: one.measured.cost_of(step), default=None)
        found[step] = least.model if least else searched.frontier[step]
    return found


def evidence(searched: Searched) -> Row:
    """`steps`: the table of each; `ways`: all of it, executed in several ways, against the frontier alone."""
    ways = {"frontier": searched.frontier, "chosen": chosen(searched), "all_cheap": all_cheap(searched)}
    ways["as_designed"] = as_designed(searched.designed, searched.tiers)
    return {
        "steps": {step: _step(searched, step) for step in searched.designed},
        "ways": {name: _way(searched, measured) for name, one in ways.items() if (measured := searched.at(one))},
    }


def _choice(several: Sequence[Tier], otherwise: str) -> Tier:
    known = (one for one in several if one.passed and one.per_right is not None)
    return next(known, None) or next(one for one in several if one.model == otherwise)


def _step(searched: Searched, step: str) -> Row:
    several = ranked(searched, step)
    choice = _choice(several, searched.frontier[step])
    now = searched.tiers[searched.designed[step]]
    before = next((one for one in several if one.model == now), None)
    return {
        "now": now,
        "chosen": choice.model,
        "moves": _moves(searched, step, choice.model),
        "improves": _improves(choice, before),
        "said": " ".join(_sentences(searched, choice, before, several)),
        "models": [_model(searched, one) for one in several],
    }


def _moves(searched: Searched, step: str, model: str) -> str:
    """`down`, `up` or `stays`; `aside` to a model that no tier has."""
    if model == searched.tiers[searched.designed[step]]:
        return "stays"
    tiers = _tiers_of(searched, model)
    if not tiers:
        return "aside"
    return "down" if RANK.index(tiers[0]) < RANK.index(searched.designed[step]) else "up"


def _improves(choice: Tier, before: Tier | None) -> bool:
    """Whether it is right in more cases than the model that the step has now, where that was tried."""
    found = before and _pairs(choice, before)
    return bool(found and found.candidate_only > found.reference_only)


def _pairs(one: Tier, other: Tier) -> Pairs:
    return pairs(one.measured.rows, other.measured.rows)


def _sentences(searched: Searched, choice: Tier, before: Tier | None, several: Sequence[Tier]) -> Iterator[str]:
    yield _moving(searched, choice, before, several)
    if _improves(choice, before) and _pairs(choice, before).interval(0.95).low <= 0:
        yield "So few cases differ that this may be chance."
    for one in several:
        if one.per_right is None:
            yield f"What a right answer of {one.model} costs is not known: it has no price, or was never right."
        elif _dearer_and_worse(one, choice):
            yield f"Dearer is not better here: {one.model} costs more for a right answer, and has {_count(one)}."


def _dearer_and_worse(one: Tier, choice: Tier) -> bool:
    known = choice.per_right is not None and one.per_right is not None
    return known and one.per_right > choice.per_right and one.measured.right < choice.measured.right


def _moving(searched: Searched, choice: Tier, before: Tier | None, several: Sequence[Tier]) -> str:
    step, moves = choice.step, _moves(searched, choice.step, choice.model)
    now = searched.tiers[searched.designed[step]]
    if moves == "stays":
        going, other = f"{step} stays on {_named(searched, now)}", searched.frontier[step]
    else:
        way = "" if moves == "aside" else f" {moves}"
        going, other = f"{step} moves{way} from {_named(searched, now)} to {_named(searched, choice.model)}", now
    improves = " and improves" if _improves(choice, before) else ""
    compared = next((f", {one.model} {_count(one)}" for one in several if one.model == other != choice.model), "")
    return f"{going}{improves}: it has {_count(choice)}{compared}."


def _count(one: Tier) -> str:
    quality = one.found["arms"]["candidate"]["quality"]
    return f"{quality['count']} of {quality['n']} cases right"


def _model(searched: Searched, one: Tier) -> Row:
    arm, compared = one.found["arms"]["candidate"], one.found["pairs"]
    step = arm["steps"].get(one.step, {})
    cases = len(one.measured.rows)
    is_reference = one.measured is searched.reference
    return {
        "model": one.model,
        "tiers": _tiers_of(searched, one.model),
        "evaluation": one.measured.evaluation,
        "n": arm["quality"]["n"],
        "quality": arm["quality"],
        "difference": None if is_reference else compared["difference"],
        "interval": None if is_reference else compared["interval"],
        "escalation_recall": arm["escalation_recall"],
        "cost_per_case": usd(one.measured.cost_of(one.step), cases),
        "cost_per_right": usd(one.measured.cost_of(one.step), one.measured.right),
        "execution_cost_per_case": usd(one.measured.cost, cases),
        "latency_ms": step.get("latency_ms", {"p50": None, "p95": None}),
        "passed": one.passed,
        "reasons": [] if is_reference else one.found["verdict"]["reasons"],
    }


def _way(searched: Searched, one: Measured) -> Row:
    found, cases = searched.compared(one), len(one.rows)
    arm = found["arms"]["candidate"]
    asked = sum(any(step.get("answered_by") == "frontier" for step in row.steps.values()) for row in one.rows)
    return {
        "models": one.assignment,
        "evaluation": one.evaluation,
        "quality": arm["quality"],
        "escalation_recall": arm["escalation_recall"],
        "silent_failure": arm["silent_failure"],
        "answered_by_a_rung": share(asked, cases),
        "cost_per_case": usd(one.cost, cases),
        "cost_per_right": usd(one.cost, one.right),
        "latency_ms": arm["latency_ms"],
        "saving": _saving(one.cost, cases, searched.reference),
        "passed": one is searched.reference or found["verdict"]["passed"],
        "without_rungs": _without_rungs(searched, one),
    }


def _without_rungs(searched: Searched, one: Measured) -> Row:
    """As if nobody were asked again: what was flagged is not answered. What came behind a rung's answer stays in the cost."""
    rows = [row if row.expects_flag else replace(row, right=bool(row.right) and not row.flagged) for row in one.rows]
    alone = Measured(one.assignment, one.evaluation, rows)
    cost = None if None in (one.cost, one.rungs_cost) else one.cost - one.rungs_cost
    asked = sum(not row.expects_flag for row in rows)
    return {
        "quality": share(alone.right, asked),
        "cost_per_case": usd(cost, len(rows)),
        "cost_per_right": usd(cost, alone.right),
        "saving": _saving(cost, len(rows), searched.reference),
    }


def _saving(cost: int | None, cases: int, reference: Measured) -> Row:
    """For a case, against the frontier alone. Below zero it costs more."""
    if cost is None or reference.cost is None or not reference.rows:
        return {"per_case": None, "percent": None}
    theirs = Decimal(reference.cost) / len(reference.rows)
    saved = theirs - Decimal(cost) / cases
    percent = percent_text(100 * saved / theirs) if theirs else None
    return {"per_case": usd(round(saved)), "percent": percent}


def table(found: Row) -> Iterator[str]:
    """The evidence in lines of words."""
    for step, one in found["steps"].items():
        yield one["said"]
        for model in one["models"]:
            yield f"- {step} on {_line(model)}"
    for name, way in found["ways"].items():
        quality, saving = way["quality"], way["saving"]
        yield (
            f"- {name.replace('_', ' ')}: right in {quality['count']} of {quality['n']}, {way['cost_per_case']} USD a case, "
            f"saves {saving['per_case']} USD ({saving['percent']}%) a case against the frontier alone"
        )


def _line(model: Row) -> str:
    quality, latency = model["quality"], model["latency_ms"]
    between = " to ".join(quality["interval"]) if quality["interval"] else "unknown"
    named = f"{model['model']} ({', '.join(model['tiers'])})" if model["tiers"] else model["model"]
    return (
        f"{named}: right in {quality['count']} of n = {quality['n']} (95%: {between}), {model['cost_per_case']} USD a case, "
        f"{model['cost_per_right']} USD a right answer, {latency['p50']} ms (p95 {latency['p95']} ms), "
        f"{'passes' if model['passed'] else 'does not pass'}"
    )


def _tiers_of(searched: Searched, model: str) -> list[str]:
    return [tier for tier in RANK if searched.tiers.get(tier) == model]


def _named(searched: Searched, model: str) -> str:
    tiers = _tiers_of(searched, model)
    return f"{tiers[0]} ({model})" if tiers else model


def _sum(costs: Iterable[int | None]) -> int | None:
    found = list(costs)
    return None if None in found else sum(found)
