"""The shadow of a task: its model is asked once, as an errand, and a second time where what came is no answer. Where it stands is
in its row; whoever comes by next goes on."""

from __future__ import annotations

import random
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from evaluations.judging import SAID
from executions import errands, worker
from executions.errands import Errand, Later
from gateway import gateway, retry
from gateway.gateway import Answer, Cause, Reply
from gateway.models import Call
from gateway.types import Outcome, Purpose
from projects.keeping import redaction
from wire import crash, strict_json
from wire.problems import Problem
from workflows.compiled import compiled

from . import comparing, prompt
from .comparing import Compared
from .ending import failing, finish, locked
from .models import Plan, Shadow, Subject

MOST_PAID = 2  # calls of one shadow that may cost
LATEST = timedelta(hours=24)  # after it was drawn: what waits for longer says nothing of today's workflow
NOT_WHOLE = {Outcome.TRUNCATED: "The answer was cut at its greatest length.", Outcome.REFUSED: "It was refused."}


def to_ask(workflow: int) -> QuerySet[Shadow]:
    """Those that run, of this workflow, and whose next call may leave now."""
    due = Q(again_at=None) | Q(again_at__lte=timezone.now())
    return _running().filter(due, workflow=workflow, intent=None, answered=False)


def _running() -> QuerySet[Shadow]:
    return Shadow.objects.to_come().filter(subject=Subject.TASK, status=Shadow.Status.RUNNING)


def ask(pk: object) -> bool:
    """Asks it, where it can be asked now; whether it was. Who asks commits an intent for it first."""
    asked: list[Errand] = []
    try:
        _plan(pk, asked)
    except BaseException:
        errands.drop(asked)
        raise
    errands.send(asked)
    return bool(asked)


@transaction.atomic
def _plan(pk: object, asked: list[Errand]) -> None:
    held = locked(_running().filter(pk=pk, intent=None, answered=False), skip_locked=True)
    if held is None:
        return
    if said := _over(held):
        return finish(held, Compared(Shadow.Status.FAILED, said=said))
    schema = compiled(held.version_id).definition.output_schema
    model = held.model.partition(":")[2]
    begun = errands.begin(
        held.pk, _settle, held.model, prompt.request(model, held.prompt, held.past.input, schema), _cause(held)
    )
    match begun:
        case Later(seconds, why):
            _later(held, seconds, why)
            _save(held)
        case Errand():
            asked.append(begun)
            held.intent, held.again_at, held.said = begun.intent.pk, None, ""
            _save(held)


def _over(held: Shadow) -> str:
    """Why it is not asked any more; nothing of it is on its way."""
    if held.past.purged_at:
        return comparing.FORGOTTEN
    if timezone.now() > held.created_at + LATEST:
        return "It had no answer within 24 hours."
    if held.workflow.archived_at:
        return "The workflow was archived before it had an answer."
    enabled = Plan.objects.filter(workflow=held.workflow_id, enabled=True).exists()
    return "" if enabled else "The plan was switched off before it had an answer."


def _cause(held: Shadow) -> Cause:
    """Of no execution: what the past one cost stays what it was."""
    return Cause(
        project=held.project_id,
        purpose=Purpose.SHADOW,
        attempt=len(held.calls) + 1,
        workflow=held.workflow_id,
        version=held.version_id,
        tier="frontier",
        prompt_format=prompt.FORMAT,
        worker=worker.current(),
    )


@transaction.atomic
def _settle(pk: object, reply: Reply) -> None:
    """The call, its texts and what was said, or none of them."""
    crash.at("after-response")
    answer = gateway.settle(reply)
    held = locked(Shadow.objects.filter(pk=pk))
    counts = errands.book(answer, keeps_texts=held.past.purged_at is None)
    if counts:  # else it was called in doubt meanwhile: the ledger has what it cost, and `cost` knows of no doubt
        _take(held, answer)


def end_doubts() -> None:
    """Of calls that nobody works on any more: their worker ended, or it is this one and has lost them."""
    for pk, intent in _running().filter(intent__isnull=False).values_list("pk", "intent"):
        if not errands.is_on_its_way(intent):
            with failing(pk):
                _end_doubt(pk)


@transaction.atomic
def _end_doubt(pk: object) -> None:
    held = locked(_running().filter(pk=pk, intent__isnull=False), skip_locked=True)
    if held is None or errands.is_on_its_way(held.intent) or (answer := errands.doubted(held.intent)) is None:
        return
    _take(held, answer)


def _take(held: Shadow, answer: Answer) -> None:
    call = answer.call
    held.intent, held.calls = None, [*held.calls, str(call.pk)]
    if call.outcome == Outcome.MODEL_MISMATCH:
        return finish(held, Compared(Shadow.Status.FAILED, said=call.error[:SAID]))
    if answer.completion is not None:
        output, why = _read(held, answer)
        if not why:
            return _keep(held, output)
        return _again(held, 0, why)
    held.failed += 1
    return _again(held, retry.delay(held.failed, answer.error, random.random), answer.error.detail)


def _keep(held: Shadow, output: object) -> None:
    """Compared later, outside of a lock: a grader may take its time. What was forgotten stays forgotten."""
    held.answered, held.output = True, None if held.past.purged_at else output
    _save(held)


def _read(held: Shadow, answer: Answer) -> tuple[object, str]:
    """(what was answered, without what the project takes out of texts; why it is no answer); one of both."""
    if said := NOT_WHOLE.get(answer.call.outcome) or answer.call.error:
        return None, said
    try:
        output = strict_json.loads(answer.completion.text)
    except Problem:
        return None, "What it answered is no JSON that can be kept."
    schema = compiled(held.version_id).output_schema
    fault = next(iter(schema.faults(output)), None) if schema else None
    if fault:
        return None, f"What it answered breaks the schema: {fault.pointer} {fault.detail}"
    return redaction(held.project_id).value(output), ""


def _again(held: Shadow, seconds: float | None, why: str) -> None:
    if seconds is None or _paid(held) >= MOST_PAID:
        return finish(held, Compared(Shadow.Status.FAILED, said=why[:SAID]))
    _later(held, seconds, why)
    return _save(held)


def _paid(held: Shadow) -> int:
    """Of its calls those that have cost something, or may have; an answer of a model without a price is paid too."""
    calls = Call.objects.filter(pk__in=held.calls)
    return sum(cost != 0 or outcome == Outcome.OK for cost, outcome in calls.values_list("cost", "outcome"))


def _later(held: Shadow, seconds: float, why: str) -> None:
    """What it waits for stands in it meanwhile, and may speak of an answer."""
    said = "" if held.past.purged_at else f"It waits: {why}"[:SAID]
    held.again_at, held.said = timezone.now() + timedelta(seconds=seconds), said


def _save(held: Shadow) -> None:
    held.save(update_fields=["intent", "calls", "failed", "again_at", "said", "answered", "output"])
