"""Figures of an evaluation as a page tells them: shares in words, and the one sentence that says what came of it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..models import Evaluation

Row = Mapping[str, object]
SHARES = {
    "quality": ("Right", "of the cases with an expected answer"),
    "escalation_recall": ("Flagged what it should flag", "of the cases that expect a flag"),
    "false_escalation": ("Flagged without need", "of the cases with an expected answer"),
    "silent_failure": ("Wrong, and nobody would have noticed", "of what completed without a flag"),
}
MONEY = {
    "cost": "Cost",
    "cost_per_case": "Cost per execution",
    "cost_per_right": "Cost per right case",
}


@dataclass(frozen=True)
class Line:
    """One figure of both arms. `about`: of what it is a share."""

    label: str
    about: str
    candidate: str
    reference: str


def percent(rate: object) -> str:
    """`"0.8350"` → `83.5%`."""
    return f"{points(rate)}%"


def share(found: Row | None) -> str:
    """`38 of 40, 95.0% (83.5–98.6%)`."""
    if not found:
        return "–"
    if not found["n"]:
        return "none to count"
    return f"{found['count']} of {found['n']}, {percent(found['rate'])} ({interval(found)})"


def interval(found: Row) -> str:
    low, high = found["interval"]
    return f"{points(low)}–{percent(high)}"


def other(evaluation: Evaluation) -> str:
    """What it is compared with; empty: nothing."""
    match evaluation.against:
        case Evaluation.Against.FRONTIER:
            return "the frontier"
        case Evaluation.Against.INCUMBENT:
            number = evaluation.incumbent.version.number if evaluation.incumbent else ""
            return f"the incumbent {number}".strip()
    return ""


def headline(evaluation: Evaluation) -> str:
    """What came of it, in a sentence; empty while nothing did."""
    if not evaluation.figures:
        return ""
    arms = evaluation.figures["arms"]
    ours = arms["candidate"]["quality"]
    said = "No case has an expected answer"
    if ours["n"]:
        said = f"Right in {ours['count']} of {ours['n']} cases ({interval(ours)})"
        if theirs := arms.get("reference", {}).get("quality"):
            said += f", {other(evaluation)} in {theirs['count']}"
    verdict = evaluation.figures["verdict"]
    if verdict is None:
        return f"{said}. It was compared with nothing, so there is no verdict."
    if verdict["passed"]:
        return f"{said}: passes, {_passing(verdict)}."
    return f"{said}: refused, because {'; and '.join(_causes(verdict, arms['candidate']))}."


def _passing(verdict: Row) -> str:
    lower = Decimal(verdict["lower_limit"])
    if lower >= 0:
        return "surely no worse"
    return f"at worst {points(-lower)} points worse, and {points(verdict['margin'])} are allowed"


def _causes(verdict: Row, ours: Row) -> Iterator[str]:
    """The reasons, short: they stand in full below."""
    lower, recall = verdict["lower_limit"], ours["escalation_recall"]
    if lower is None:
        yield "there is nothing that it could be right in"
    elif Decimal(lower) <= -Decimal(verdict["margin"]):
        yield (
            f"it may be as much as {points(-Decimal(lower))} points worse, and {points(verdict['margin'])} are allowed"
        )
    if verdict["recall"] is not None and Decimal(verdict["recall"]) < Decimal(verdict["min_recall"]):
        yield f"it flags {recall['count']} of {recall['n']} cases that it should flag"
    if ours["not_tried"]:
        yield f"{ours['not_tried']} executions could not be tried"


def lines(arms: Row) -> list[Line]:
    """The arms side by side."""
    ours, theirs = arms["candidate"], arms.get("reference")
    found = [_line(name, about, share, ours, theirs, key) for key, (name, about) in SHARES.items()]
    found += [_line(name, "", money, ours, theirs, key) for key, name in MONEY.items()]
    for at, name in (("p50", "Half end within"), ("p95", "Nineteen in twenty within")):
        found.append(Line(name, "", *(milliseconds(arm, at) for arm in (ours, theirs))))
    if ours.get("unstable"):
        found.append(_line("Not the same every time", "of all cases", share, ours, theirs, "unstable"))
    if ours["not_tried"] or (theirs or {}).get("not_tried"):
        found.append(_line("Could not be tried", "executions", str, ours, theirs, "not_tried"))
    return found


def _line(label: str, about: str, tell: object, ours: Row, theirs: Row | None, key: str) -> Line:
    return Line(label, about, tell(ours[key]), tell(theirs[key]) if theirs else "–")


def money(usd: object) -> str:
    return "–" if usd is None else f"{usd} USD"


def milliseconds(arm: Row | None, at: str) -> str:
    found = (arm or {}).get("latency_ms", {}).get(at)
    return "–" if found is None else f"{found} ms"


def steps(arms: Row) -> list[dict[str, object]]:
    """Of each step what both arms came to, in the order of the candidate's."""
    ours, theirs = arms["candidate"]["steps"], arms.get("reference", {}).get("steps", {})
    names = dict.fromkeys([*ours, *theirs])
    return [{"step": name, "arms": [_step(one.get(name)) for one in (ours, theirs)]} for name in names]


def _step(found: Row | None) -> dict[str, object] | None:
    if found is None:
        return None
    quality = found["quality"]
    return {
        "quality": share(quality) if quality["n"] else "no case says",
        "models": found["models"],
        "cost": money(found["cost_per_case"]),
        "took": milliseconds(found, "p50"),
    }


def pairs(found: Row) -> dict[str, object]:
    """Who was right, two by two, and what that says."""
    if not found["n"]:
        return {"n": 0}
    low, high = (points(one) for one in found["interval"])
    return {
        **found,
        "points": f"{points(found['difference'])} points, between {low} and {high}",
        "chance": f"{found['mcnemar']['mid_p']} (exact: {found['mcnemar']['exact']})",
    }


def judge(found: Row) -> str:
    """What a judge was asked and how far it can be trusted, in sentences."""
    said = f"A judge was asked about {found['answers']} answers, in {found['calls']} calls ({money(found['cost'])})."
    said += f" Undecided, for it said another thing in each order: {share(found['undecided'])}."
    agreed = found["agreement"]
    if not agreed["n"]:
        return f"{said} No reviewer has said yet whether it is right."
    kappa = "" if found["kappa"] is None else f", kappa {found['kappa']}"
    return f"{said} It agrees with reviewers in {share(agreed)}{kappa}."


def points(rate: object) -> str:
    """A part of a whole in hundredths, with one place and a true minus."""
    return f"{100 * Decimal(str(rate)):.1f}".replace("-", "−")
