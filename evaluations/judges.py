"""Asking the judges of results: each question is an errand, with a call of its own in the ledger.

Where a question stands is in `Result.questions`, behind the lock of the result's row: who asks it, how often, and what came.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from executions import errands, worker
from executions.errands import Errand, Later
from gateway import gateway, pricing, retry
from gateway.gateway import Answer, Cause, Reply
from gateway.types import Outcome, Purpose, Request, Usage
from wire import crash

from . import rubric
from .graders import Judge, judges_of
from .judging import WHOLE, Place, step_output
from .models import Case, Evaluation, Result
from .rubric import ORDERS, Said

MOST_PAID = 3  # calls that may cost, of one question: then the judge is not heard
AT_A_TIME = 50  # results whose questions are asked in one go
BYTES_PER_TOKEN = 4
NOBODY = "none"  # prefers nothing: it could not be asked


@transaction.atomic
def take_up(pk: int, places: Sequence[Place]) -> None:
    """From now on these judges are to be asked, each in both orders; once, whoever says so."""
    result = Result.objects.select_for_update(no_key=True).filter(pk=pk, finished_at=None).first()
    if result is not None and not result.questions:
        result.questions, result.asks_judge = [_question(*place, first) for place in places for first in ORDERS], True
        result.save(update_fields=["questions", "asks_judge"])


def _question(step: str, grader: int, first: str) -> dict:
    """As a result keeps it. `intent`: of the call that is on its way. `calls`, `paid`, `failed`: how many there were, may have cost
    something, had no answer. `prefers`: what came of it, once it has."""
    counts = {"calls": 0, "paid": 0, "failed": 0}
    where = {"step": step, "grader": grader, "first": first}
    return {**where, **counts, "intent": None, "again_at": None, "prefers": None, "reason": ""}


def heard(asked: Sequence[Mapping]) -> dict[Place, list[Said]]:
    """What judges have said in both orders, in the order of `ORDERS`; without those of whom a question is open."""
    by_place: dict[Place, list[Said | None]] = {}
    for one in asked:
        said = None if one["prefers"] is None else Said(one["prefers"].replace(NOBODY, ""), one["reason"])
        by_place.setdefault((one["step"], one["grader"]), []).append(said)
    return {place: several for place, several in by_place.items() if None not in several}


def advance(evaluation: Evaluation) -> bool:
    """Writes down what has come, and asks what can be asked; whether it did anything. Safe to call twice, from anywhere."""
    did = errands.settle()
    waiting = evaluation.results.filter(asks_judge=True).order_by("pk").values_list("pk", "questions")
    for result in [pk for pk, asked in waiting if any(map(_is_to_be_looked_at, asked))][:AT_A_TIME]:
        did |= _ask(evaluation, result)
    return did


def settle_the_ended() -> None:
    """What was asked for an evaluation that was cancelled meanwhile is paid, and written down."""
    errands.settle()
    asking_still = Result.objects.filter(evaluation=OuterRef("pk"), asks_judge=True)
    for evaluation in Evaluation.objects.filter(Exists(asking_still), status=Evaluation.Status.CANCELLED):
        advance(evaluation)


def _is_to_be_looked_at(question: Mapping) -> bool:
    if question["prefers"] is not None:
        return False
    if question["intent"]:
        return not errands.is_on_its_way(question["intent"])
    again = question["again_at"]
    return again is None or datetime.fromisoformat(again) <= timezone.now()


def _ask(evaluation: Evaluation, pk: int) -> bool:
    asked: list[Errand] = []
    try:
        did = _plan(evaluation, pk, asked)
    except BaseException:
        errands.drop(asked)
        raise
    errands.send(asked)
    return did or bool(asked)


@transaction.atomic
def _plan(evaluation: Evaluation, pk: int, asked: list[Errand]) -> bool:
    """Commits an intent for each question that can be asked now: `asked` takes them up, the caller sends them. Whether
    something else was done."""
    result = _locked(pk)
    if result is None:
        return False
    before = deepcopy(result.questions)
    did = _end_doubts(result)
    goes_on = evaluation.status in (Evaluation.Status.RUNNING, Evaluation.Status.WAITING)
    for question in [one for one in result.questions if not one["intent"] and _is_to_be_looked_at(one)]:
        if not goes_on:
            continue
        if result.execution.purged_at:
            _give_up(question, "Its texts are deleted.")
            continue
        _begin(evaluation, result, question, asked)
    if not goes_on and not any(one["intent"] for one in result.questions):
        result.asks_judge = False
    if result.questions != before or not result.asks_judge:
        _save(result)
    return did


def _begin(evaluation: Evaluation, result: Result, question: dict, asked: list[Errand]) -> None:
    """Into `asked`, with its intent; or later: no gate lets it in, no budget has room, or nobody may be asked."""
    judge = dict(judges_of(_graders(evaluation, question["step"])))[question["grader"]]
    target = evaluation.judges[judge.tier]
    request = _request(result, judge, question, target)
    key = (result.pk, question["step"], question["grader"], question["first"])
    begun = errands.begin(key, _settle, target, request, _cause(evaluation, result, question, judge))
    match begun:
        case Later(seconds, why):
            _later(result, question, seconds, why)
        case Errand():
            asked.append(begun)
            question["intent"], question["again_at"] = str(begun.intent.pk), None


def _request(result: Result, judge: Judge, question: Mapping, target: str) -> Request:
    case, step = result.case, question["step"]
    expected = case.expected if step == WHOLE else case.steps[step]
    output = result.execution.output if step == WHOLE else step_output(result.execution_id, step)
    compared = judge.compared(expected, output)
    return rubric.request(target.partition(":")[2], judge.rubric, case.input, *compared, question["first"])


def _cause(evaluation: Evaluation, result: Result, question: Mapping, judge: Judge) -> Cause:
    return Cause(
        project=evaluation.project_id,
        purpose=Purpose.JUDGE,
        attempt=question["calls"] + 1,
        workflow=evaluation.workflow_id,
        version=result.execution.version_id,
        execution=result.execution_id,
        step=question["step"],
        tier=judge.tier,
        prompt_format=rubric.FORMAT,
        worker=worker.current(),
    )


def _graders(evaluation: Evaluation, step: str) -> list[dict]:
    rules = evaluation.rules
    return rules["graders"] if step == WHOLE else rules["step_graders"].get(step, [])


@transaction.atomic
def _settle(key: tuple, reply: Reply) -> None:
    """The call, its texts and what was said, or none of them."""
    crash.at("after-response")
    answer = gateway.settle(reply)
    result = _locked(key[0], wait=True)
    if not errands.book(answer, keeps_texts=not result.execution.purged_at):
        return
    question = next(one for one in result.questions if one["intent"] == str(reply.intent.pk))
    _take(result, question, answer)
    if result.execution.purged_at:  # what was emptied stays empty
        question["reason"] = ""
    _save(result)


def _take(result: Result, question: dict, answer: Answer) -> None:
    call = answer.call
    question["intent"], question["calls"] = None, question["calls"] + 1
    question["paid"] += call.cost != 0 or answer.completion is not None
    if call.outcome == Outcome.MODEL_MISMATCH:
        return _give_up(question, call.error)
    if answer.completion is not None:
        said = rubric.read(answer.completion.text, question["first"]) if call.outcome == Outcome.OK else None
        if said is not None:
            question["prefers"], question["reason"] = said.prefers, said.reason
        elif question["paid"] >= MOST_PAID:
            _give_up(question, f"What it answered {MOST_PAID} times is no verdict.")
        return None
    question["failed"] += 1
    seconds = retry.delay(question["failed"], answer.error, random.random)
    if seconds is None or question["paid"] >= MOST_PAID:
        return _give_up(question, answer.error.detail)
    return _later(result, question, seconds, answer.error.detail)


def _end_doubts(result: Result) -> bool:
    """Questions that nobody works on any more: their worker ended, or it is this one and has lost them."""
    did = False
    for question in [one for one in result.questions if one["intent"] and _is_to_be_looked_at(one)]:
        if (answer := errands.doubted(question["intent"])) is None:
            continue
        _take(result, question, answer)
        did = True
    return did


def _give_up(question: dict, reason: str) -> None:
    question |= {"prefers": NOBODY, "reason": f"The judge could not be asked: {reason}"[: rubric.MAX_REASON]}


def _later(result: Result, question: dict, seconds: float, why: str) -> None:
    """What it waits for stands in the result meanwhile."""
    question["again_at"] = (timezone.now() + timedelta(seconds=seconds)).isoformat()
    result.said = f"The judge waits: {why}"[:500]


def _locked(pk: int, wait: bool = False) -> Result | None:
    """None: another worker has it, or it was settled."""
    rows = Result.objects.filter(pk=pk) if wait else Result.objects.filter(pk=pk, asks_judge=True)
    rows = rows.select_for_update(skip_locked=not wait, no_key=True, of=("self",))
    return rows.select_related("case", "execution").first()


def _save(result: Result) -> None:
    if all(one["prefers"] is not None for one in result.questions):
        result.asks_judge, result.said = False, ""
    result.save(update_fields=["questions", "asks_judge", "said"])


def expected_costs(evaluation: Evaluation, case: Case) -> Iterator[tuple[int | None, int | None]]:
    """(expected, at most) in pico-dollars of each question about one answer to this case, as if none were the expected one:
    then it is not asked. None where the model has no price."""
    if case.expects_flag:
        return
    wanted = {WHOLE: case.expected, **case.steps}
    for step, expected in wanted.items():
        for _, judge in judges_of(_graders(evaluation, step)):
            target = evaluation.judges[judge.tier]
            shown = judge.compared(expected, expected)[0]
            for first in ORDERS:
                yield _costs(evaluation.project_id, target, judge, case, shown, first)


def _costs(
    project: int, target: str, judge: Judge, case: Case, expected: object, first: str
) -> tuple[int | None, int | None]:
    model = target.partition(":")[2]
    usual = rubric.request(model, judge.rubric, case.input, expected, expected, first)
    longest = rubric.request(model, judge.rubric, case.input, expected, "x" * rubric.MAX_ANSWER, first)
    tokens = usual.prompt_bytes // BYTES_PER_TOKEN
    price = pricing.price(project, target, timezone.now(), tokens)
    upper = gateway.plan(target, longest, Cause(project, Purpose.JUDGE)).upper_bound
    if price is None or upper is None:
        return None, None
    return price.cost(Usage(input=tokens, output=rubric.MAX_TOKENS // 2)), upper * MOST_PAID
