"""The results of an evaluation, case by case and both arms beside each other: what went wrong stands first."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.paginator import Page
from django.db import models
from django.db.models import Case as FirstOf
from django.db.models import Count, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from executions.pages.texts import deleted
from projects.admin import usd
from projects.lists import Bounded

from ..models import Evaluation, Result
from .told import other

ON_A_PAGE = 25
NEWEST = 5
SHORT = 400  # characters of a text; the page of the execution has the whole
FILTERS = {"": "All", "failures": "Failures", "differences": "Where the two differ"}


@dataclass(frozen=True)
class Answer:
    """What an arm made of a case. `text`: its output, or why there is none."""

    right: bool | None
    text: str
    said: str
    flags: list[str]
    cost: str
    execution: object


@dataclass(frozen=True)
class Shown:
    """A case, and its answers: the candidate's, and the reference's where there is one."""

    result: Result
    input: str
    expected: str
    answers: list[Answer]


def page(evaluation: Evaluation, only: str, number: str) -> tuple[list[Shown], Page]:
    """Those that have ended. A candidate that is wrong or could not be tried stands before one that is right, and what the
    reference was right in before what neither was."""
    theirs = evaluation.results.filter(arm=Result.Arm.REFERENCE, case=OuterRef("case"), repeat=OuterRef("repeat"))
    rows = evaluation.results.filter(arm=Result.Arm.CANDIDATE, finished_at__isnull=False)
    rows = rows.annotate(
        ours=Coalesce("right", Value(False)),
        theirs=Subquery(
            theirs.filter(finished_at__isnull=False).annotate(was=Coalesce("right", Value(False))).values("was")[:1]
        ),
    )
    differ = Q(ours=True, theirs=False) | Q(ours=False, theirs=True)
    if only == "failures":
        rows = rows.filter(ours=False)
    elif only == "differences":
        rows = rows.filter(differ)
    rank = FirstOf(
        When(ours=False, theirs=True, then=0),
        When(ours=False, then=1),
        When(ours=True, theirs=False, then=2),
        default=3,
        output_field=models.IntegerField(),
    )
    found = Bounded(_read(rows).order_by(rank, "pk"), ON_A_PAGE).get_page(number)
    return list(_shown(evaluation, found.object_list)), found


def so_far(evaluation: Evaluation) -> list[tuple[str, dict[str, int]]]:
    """While there is no verdict: of each arm, whose it is and how many were right, wrong, and not to be judged."""
    ended = evaluation.results.filter(finished_at__isnull=False).values_list("arm", "right")
    found = {(arm, right): count for arm, right, count in ended.annotate(count=Count("pk")).order_by()}
    arms = {Result.Arm.CANDIDATE: "", **({Result.Arm.REFERENCE: other(evaluation)} if other(evaluation) else {})}
    words = {"right": True, "wrong": False, "unjudged": None}
    return [(name, {word: found.get((arm, right), 0) for word, right in words.items()}) for arm, name in arms.items()]


def newest(evaluation: Evaluation) -> list[Shown]:
    """Of the candidate, those that were judged last."""
    rows = evaluation.results.filter(arm=Result.Arm.CANDIDATE, finished_at__isnull=False)
    return list(_shown(evaluation, _read(rows).order_by("-finished_at", "-pk")[:NEWEST]))


def _read(rows: models.QuerySet[Result]) -> models.QuerySet[Result]:
    return rows.select_related("case", "execution").defer(
        "execution__input", "execution__metadata", "execution__tier_map"
    )


def _shown(evaluation: Evaluation, results: Iterable[Result]) -> Iterable[Shown]:
    results = list(results)
    cases = {result.case_id for result in results}
    others = _read(evaluation.results.filter(arm=Result.Arm.REFERENCE, case__in=cases, finished_at__isnull=False))
    beside = {(one.case_id, one.repeat): one for one in others}
    for result in results:
        case, other = result.case, beside.get((result.case_id, result.repeat))
        expected = "a flag" if case.expects_flag else short(case.expected)
        answers = [_answer(one, evaluation.simulated) for one in (result, other) if one is not None]
        yield Shown(result, short(case.input), expected, answers)


def _answer(result: Result, simulated: bool) -> Answer:
    execution = result.execution
    gone = deleted(execution) if execution else ""
    answered = execution is not None and bool(result.resolved_by)
    return Answer(
        right=result.right,
        text=gone or (short(execution.output) if answered else ""),
        said=gone or result.said,
        flags=[f"{one['reason']} ({one['detector']})" for one in result.detectors],
        cost=usd(result.cost, simulated=simulated),
        execution=result.execution_id,
    )


def short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"
