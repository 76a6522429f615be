"""A round: the frontier is asked, and what it answers is written down. Each step is short and safe to repeat; whoever comes by
next goes on where it stands. What an answer is worth, `running` finds.
"""

import random
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from executions import errands, worker
from executions.errands import Errand, Later
from gateway import gateway, retry
from gateway.gateway import Answer, Cause, Reply
from gateway.types import AccessDenied, Outcome, Purpose, Request
from wire import crash
from wire.money import pico_text

from . import spending
from .models import Design, Round
from .prompts import FORMAT

MOST_PAID = 3  # calls of one round that may cost: then nobody is asked any more
# What came is an answer, and cannot be read: the next round says so.
NOT_WHOLE = {
    Outcome.TRUNCATED: "The answer was cut at its greatest length. Write less: shorter texts, fewer cases.",
    Outcome.REFUSED: "This was refused instead of answered.",
}


def ask(design: Design, pk: int, request: Request) -> bool:
    """Asks this round, where it can be asked now; whether it was. Who asks it commits an intent for it first."""
    asked: list[Errand] = []
    try:
        _plan(design, pk, request, asked)
    except BaseException:
        errands.drop(asked)
        raise
    errands.send(asked)
    return bool(asked)


@transaction.atomic
def _plan(design: Design, pk: int, request: Request, asked: list[Errand]) -> None:
    """Behind the row of the design, as it is now: it may have been cancelled, or its budget raised, while the request was made."""
    now = (
        Design.objects.in_motion()
        .select_for_update(no_key=True, of=("self",))
        .filter(pk=design.pk)
        .defer("examples")
        .first()
    )
    rows = Round.objects.select_for_update(skip_locked=True, no_key=True)
    held = rows.filter(pk=pk, intent=None, answered_at=None, finished_at=None).first()
    if now is None or held is None or not is_time(held):
        return
    cause = _cause(design, held)
    try:
        bound = gateway.plan(design.target, request, cause).upper_bound
    except AccessDenied as denied:  # the project has no such provider any more
        return _wait(held, Later(retry.LONG_WAIT, denied.detail))
    if said := _over_budget(now, bound):
        Design.objects.filter(pk=design.pk).update(status=Design.Status.WAITING, said=said)
        return
    begun = errands.begin(held.pk, _settle, design.target, request, cause)
    match begun:
        case Later():
            _wait(held, begun)
        case Errand():
            asked.append(begun)
            held.intent, held.again_at = begun.intent.pk, None
            _save(held)


def is_time(held: Round) -> bool:
    return held.again_at is None or held.again_at <= timezone.now()


def _wait(held: Round, later: Later) -> None:
    _later(held, later.seconds, later.why)
    _save(held)


def _over_budget(design: Design, upper_bound: int | None) -> str:
    """What is said where the call does not fit; empty where it does."""
    if design.budget is None or upper_bound is None:
        return ""
    before = spending.spent(design)
    if before + upper_bound <= design.budget:
        return ""
    told = [pico_text(pico) for pico in (design.budget, before, upper_bound)]
    return (
        f"Its budget is {told[0]} USD. {told[1]} are spent, and the next round may cost up to {told[2]}: raise the budget, and it "
        "goes on; or cancel it."
    )


def _cause(design: Design, held: Round) -> Cause:
    return Cause(
        project=design.project_id,
        purpose=Purpose.DESIGN if design.kind == Design.Kind.DESIGN else Purpose.REDESIGN,
        attempt=len(held.calls) + 1,
        workflow=design.workflow_id,
        version=design.base_id,
        tier="frontier",
        prompt_format=FORMAT,
        worker=worker.current(),
    )


@transaction.atomic
def _settle(pk: int, reply: Reply) -> None:
    """The call, its texts and what was said, or none of them."""
    crash.at("after-response")
    answer = gateway.settle(reply)
    held = Round.objects.select_for_update(no_key=True, of=("self",)).select_related("design").get(pk=pk)
    if errands.book(answer):
        _take(held, answer)
        _save(held)


@transaction.atomic
def end_doubt(pk: int) -> bool:
    """Of a round whose call nobody works on any more: its worker ended, or it is this one and has lost it."""
    held = Round.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("design")
    held = held.filter(pk=pk, intent__isnull=False).first()
    if held is None or errands.is_on_its_way(held.intent) or (answer := errands.doubted(held.intent)) is None:
        return False
    _take(held, answer)
    _save(held)
    return True


def end_doubts() -> None:
    """Also of designs that ended meanwhile: what was asked for them is paid, and written down."""
    for pk, intent in Round.objects.filter(intent__isnull=False).values_list("pk", "intent"):
        if not errands.is_on_its_way(intent):
            end_doubt(pk)


def _take(held: Round, answer: Answer) -> None:
    call = answer.call
    held.intent, held.calls = None, [*held.calls, str(call.pk)]
    held.paid += call.cost != 0 or answer.completion is not None
    if call.outcome == Outcome.MODEL_MISMATCH:
        return _end(held, call.error)
    if answer.completion is not None:
        held.answered_at, held.answer = timezone.now(), answer.completion.text
        if said := NOT_WHOLE.get(call.outcome) or call.error:
            held.faults = [{"pointer": "", "detail": said}]
        return None
    held.failed += 1
    seconds = retry.delay(held.failed, answer.error, random.random)
    if seconds is None or held.paid >= MOST_PAID:
        return _end(held, answer.error.detail)
    return _later(held, seconds, answer.error.detail)


def _later(held: Round, seconds: float, why: str) -> None:
    """What it waits for stands in its design meanwhile."""
    held.again_at = timezone.now() + timedelta(seconds=seconds)
    Design.objects.in_motion().filter(pk=held.design_id).update(said=f"It waits: {why}"[:2000])


def _end(held: Round, why: str) -> None:
    """Nobody can be asked: the design ends without a draft."""
    held.finished_at, held.faults = timezone.now(), [{"pointer": "", "detail": why}]
    said = f"{held.design.target} could not be asked: {why}"[:2000]
    Design.objects.filter(pk=held.design_id).end(Design.Status.FAILED, said=said)


def _save(held: Round) -> None:
    held.save(
        update_fields=[
            "intent",
            "calls",
            "paid",
            "failed",
            "again_at",
            "answered_at",
            "answer",
            "faults",
            "finished_at",
        ]
    )
