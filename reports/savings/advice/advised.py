"""What advice is on a page: the fit as a sentence, the reasons with their figures, the next step, and all steps as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.advice.advising import Advice
from analytics.advice.next_step import Kind, Level, Move, Test
from analytics.advice.representation import MONEY
from analytics.advice.rules import Do, Finding, Fit, Verdict
from evaluations.statistics import Interval

from ...charts.chart import Cell, money
from ...numbers import NOTHING, count, day, exact, interval, rate, usd
from ..asking import Asked
from .places import place

FITS = {
    Fit.GREAT: ("Great fit", "it saves, and nothing that was found speaks against it"),
    Fit.HYBRID: ("Hybrid", "it saves, and a part of its work stays with the frontier or with people"),
    Fit.KEEP_ON_FRONTIER: ("Keep it on the frontier", "as it is, the workflow is not worth having"),
    Fit.UNKNOWN: ("Too early to say", "something that has to be known first is missing"),
}
CODES = {
    "too_rare_to_pay": "Whether it comes often enough",
    "changing_too_often": "Whether it holds still",
    "no_cases": "Whether it was shown to be right",
    "escalates_too_much": "How much it escalates",
    "saves": "Whether it saves",
    "quality": "Whether the answers are good",
    "good": "All in all",
}
SIDES = {
    Verdict.GOOD: ("for", "What speaks for it"),
    Verdict.BAD: ("against", "What speaks against it"),
    Verdict.UNKNOWN: ("open", "What is not known yet"),
}
# What stands behind a saving, in a word and a sentence.
EVIDENCE = {
    Level.PRICE_ONLY: (
        "priced only",
        "The tokens that were used, at today's prices of both models. Nothing was tested.",
    ),
    Level.AGREEMENT_TESTED: (
        "step compared",
        "This step was compared on that model. The whole has no verdict that passed.",
    ),
    Level.GATE_PASSED: ("gate passed", "Exactly this has passed an evaluation."),
}
ASSUMED = ("assumed from repeats", "The same inputs gave the same outputs. Nothing was tested.")
STEPS = ("Step", "Now", "Then", "Costs now", "Then", "Saves a month", "Evidence", "Test")
RATES = {
    "escalation_rate",
    "break_even_share",
    "asked_agreement",
    "rejected_rate",
    "limit_rejected",
    "workflow_agreement",
    "task_agreement",
}
# Figures whose names, without their underscores, would not say what they are.
LABELS = {
    "payback_executions": "Executions that pay it back",
    "months": "Months until it is paid back",
    "limit_months": "Months at most",
    "limit": "At most",
    "min_cases": "Cases that its gate asks for",
    "interval": "95% interval of it",
    "asked_agreement": "Agreement that its gate asks for",
    "judged": "Judged by people",
    "limit_rejected": "Rejected at most",
    "workflow_same": "Shadows of the workflow with the same result",
    "workflow_compared": "Shadows of the workflow that were compared",
    "workflow_interval": "95% interval of it",
    "task_same": "Shadows of the task with the same result",
    "task_compared": "Shadows of the task that were compared",
    "task_interval": "95% interval of it",
}


@dataclass(frozen=True)
class Reason:
    """`figures`: name → value, as the sentence has them and closer. `do`: what to do, and where."""

    title: str
    said: str
    figures: list[tuple[str, str, str]]
    do: str
    href: str


@dataclass(frozen=True)
class Side:
    mark: str
    title: str
    reasons: list[Reason]


@dataclass(frozen=True)
class Next:
    """The step to move next. `saves`: a month, or in the days that are looked at."""

    title: str
    saves: Cell
    over: str
    word: str
    why: str
    said: str
    test: str
    test_href: str
    do: str
    href: str


def fit(advice: Advice) -> str:
    word, why = FITS[advice.fit]
    unproven = _without_cases(advice)
    if unproven and unproven.reason in advice.reasons:
        few = "too few confirmed cases show" if unproven.figures["confirmed_cases"] else "no confirmed case shows"
        return f"Too early to judge: {few} yet that its answers are right."
    return f"{word}: {why}."


def first(advice: Advice, about: Asked) -> Reason | None:
    """What comes before any step is moved: without cases nothing can show that the moved one is right."""
    found = _without_cases(advice)
    return found and _reason(found, about)


def _without_cases(advice: Advice) -> Finding | None:
    """The finding that there are too few confirmed cases."""
    for one in advice.findings:
        if one.code == "no_cases" and one.figures["confirmed_cases"] < one.figures["min_cases"]:
            return one
    return None


def sides(advice: Advice, about: Asked) -> Iterator[Side]:
    for verdict, (mark, title) in SIDES.items():
        several = [_reason(one, about) for one in advice.findings if one.verdict == verdict]
        if several:
            yield Side(mark, title, several)


def _reason(one: Finding, about: Asked) -> Reason:
    figures = [_figure(name, value, one.code) for name, value in one.figures.items() if value is not None]
    do, href = _do(one.do, about)
    return Reason(CODES.get(one.code, one.code), one.reason, figures, do, href)


def _do(do: Do | None, about: Asked) -> tuple[str, str]:
    return (do.say.rstrip("."), place(about, do.address)) if do else ("", "")


def _figure(name: str, value: object, code: str) -> tuple[str, str, str]:
    """(what it is, to be read, exactly)."""
    label = LABELS.get(name) or name.replace("_", " ").capitalize()
    if isinstance(value, Decimal) and name in MONEY:
        return label, usd(value), exact(value)
    return label, _text(name, value, code), ""


def _text(name: str, value: object, code: str) -> str:
    match value:
        case Interval():
            return f"{interval(*value)}%"
        case Decimal():
            is_rate = name in RATES or (name == "limit" and code == "escalates_too_much")
            return rate(value) if is_rate else f"{value:,.1f}"
        case date():
            return day(value)
    return count(value) if isinstance(value, int) else str(value).replace("_", " ")


def next_step(advice: Advice, about: Asked) -> Next | None:
    move = advice.next_step
    if move is None:
        return None
    monthly = move.saving_per_month
    word, why = evidence(move)
    do, href = _do(move.do, about)
    test = move.test
    return Next(
        title=do,
        saves=money(move.saving if monthly is None else monthly),
        over="a month, at the pace of these days"
        if monthly is not None
        else "in these days; too few to say of a month",
        word=word,
        why=why,
        said=_from_to(move),
        test=tested(test) if test else "",
        test_href=place(about, test.source) if test else "",
        do=do,
        href=href,
    )


def _from_to(move: Move) -> str:
    if move.kind == Kind.MAKE_CODE:
        return move.reason
    return f"{move.step} would go from {_named(move.model, move.tier)} to {_named(move.to_model, move.to_tier)}."


def _named(model: str | None, tier: str | None) -> str:
    """Without its provider."""
    return f"{(model or '').partition(':')[2]} ({tier})"


def evidence(move: Move) -> tuple[str, str]:
    return ASSUMED if move.kind == Kind.MAKE_CODE else EVIDENCE[move.level]


def tested(test: Test) -> str:
    """`48 of 50 right or the same, 96.0% (86.5–98.9), passed`"""
    if test.rate is None or test.interval is None:
        return "nothing was compared"
    rated = rate(test.rate, test.interval)
    verdict = {True: ", passed", False: ", failed", None: ""}[test.passed]
    return f"{count(test.right)} of {count(test.n)} right or the same, {rated}{verdict}"


def steps(advice: Advice, about: Asked) -> list[list[Cell]]:
    return [_step(move, about) for move in advice.steps]


def _step(move: Move, about: Asked) -> list[Cell]:
    word, why = evidence(move)
    test = Cell(tested(move.test), href=place(about, move.test.source)) if move.test else Cell(NOTHING)
    return [
        Cell(move.step, href=about.to("calls", step=move.step)),
        Cell(_named(move.model, move.tier)),
        Cell("code" if move.kind == Kind.MAKE_CODE else _named(move.to_model, move.to_tier)),
        money(move.now),
        money(move.then),
        money(move.saving_per_month if move.saving is not None else None),
        Cell(word if move.advised else f"{word}, not advised", why),
        test,
    ]


def nothing_to_move(advice: Advice, *, idle: bool) -> list[str]:
    """Why there is no next step, and what is to do instead. `idle`: nothing of it was ever executed."""
    workflow = advice.extent.workflow
    if workflow.live is None:
        return [
            "Nothing is live, so no step can be moved.",
            "Publish a version and execute it, and this page says what it finds.",
        ]
    if idle:
        address = f"POST /api/v1/workflows/{workflow.name}/executions"
        return [
            "Nothing of it was executed yet.",
            f"Execute the live version by {address}, and this page says what it finds.",
        ]
    if not advice.steps:
        return [
            "No step of what is live would cost less elsewhere: it was not executed in these days, or each stands on the "
            "cheapest model that the project maps.",
            "The more it is executed, the more this page has to go by.",
        ]
    return ["No step is advised: the table says which failed its test, and of which nobody knows what it saves."]
