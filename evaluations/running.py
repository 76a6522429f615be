"""An evaluation at work: begins executions as there is room for, judges those that have ended, and closes it behind the last.

Where it stands is in its rows. Every worker does a little of it each round, and goes on where another one ended.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Sum
from django.utils import timezone

from executions import control, queue
from executions.models import STANDING, Execution, Status
from executions.queue import Test
from gateway.models import Call
from projects import audit
from projects.audit import Verb
from wire.ids import new_id
from wire.problems import Conflict, Problem

from . import asking, figures, judges, judging
from .asking import served
from .judging import Hearing
from .models import Evaluation, Result

logger = logging.getLogger(__name__)

BY = "evaluation"
SECONDS = 0.5  # that a round of the housekeeping gives it
AT_A_TIME = 50  # results judged or begun in one go


def advance_all() -> None:
    """A worker's duty: again and again while something happens, for a short time."""
    until = time.monotonic() + SECONDS
    _settle_the_ended()
    moving = list(Evaluation.objects.in_motion().order_by("pk"))
    while moving and time.monotonic() < until:
        moving = [evaluation for evaluation in moving if time.monotonic() < until and advance(evaluation)]


def advance(evaluation: Evaluation) -> bool:
    """Judges what has ended, begins what there is room for, and closes it where nothing is left; whether it did anything. Safe to
    call twice, from anywhere."""
    asked = judges.advance(evaluation)
    judged = _judge_ended(evaluation)
    begun = _begin_more(evaluation)
    _close(evaluation)
    return asked or judged or begun


def _settle_the_ended() -> None:
    """What judges were asked for an evaluation that was cancelled meanwhile is paid, and written down."""
    judges.settle()
    asking_still = Result.objects.filter(evaluation=OuterRef("pk"), asks_judge=True)
    for evaluation in Evaluation.objects.filter(Exists(asking_still), status=Evaluation.Status.CANCELLED):
        judges.advance(evaluation)


def _judge_ended(evaluation: Evaluation) -> bool:
    """Outside of any lock: two workers may judge the same, and the first to write it down holds. What a judge has to say
    something of waits for it."""
    ended = evaluation.results.filter(finished_at=None, asks_judge=False, execution__status__in=STANDING).order_by("pk")
    found = list(ended.select_related("case", "execution")[:AT_A_TIME])
    for result in found:
        hearing = Hearing(judges.heard(result.questions))
        judged = judging.judge(result, result.execution, evaluation.rules, hearing)
        if hearing.to_ask:
            judges.take_up(result.pk, hearing.to_ask)
            continue
        _write(result, judged)
        if result.execution.status == Status.ESCALATED:
            _end(result.execution)
    return bool(found)


def cancel(evaluation: Evaluation, by: str) -> None:
    """Ends it, and what of it is on its way; what was judged stays. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        moving = Evaluation.objects.filter(
            pk=evaluation.pk, status__in=(Evaluation.Status.RUNNING, Evaluation.Status.WAITING)
        )
        if not moving.update(status=Evaluation.Status.CANCELLED, finished_at=timezone.now()):
            evaluation.refresh_from_db(fields=["status"])
            raise Conflict(f"This evaluation is {evaluation.status}.", state=evaluation.status)
        audit.record(evaluation.project_id, by, Verb.CHANGED, evaluation, state="cancelled")
    for result in evaluation.results.filter(finished_at=None, execution__isnull=False).select_related("execution"):
        _end(result.execution)


def raise_budget(evaluation: Evaluation, budget: int | None, by: str) -> None:
    """Pico-dollars; None: none. What waited for it goes on. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        moving = Evaluation.objects.filter(
            pk=evaluation.pk, status__in=(Evaluation.Status.RUNNING, Evaluation.Status.WAITING)
        )
        if not moving.update(budget=budget, status=Evaluation.Status.RUNNING):
            evaluation.refresh_from_db(fields=["status"])
            raise Conflict(
                f"This evaluation is {evaluation.status}: it costs nothing any more.", state=evaluation.status
            )
        audit.record(evaluation.project_id, by, Verb.CHANGED, evaluation, budget=budget)


def spent(evaluation: Evaluation) -> int:
    """Pico-dollars so far, with what is on its way."""
    judged = evaluation.results.filter(finished_at__isnull=False)
    judged = sum(sum or 0 for sum in judged.aggregate(Sum("cost"), Sum("judge_cost")).values())
    moving = evaluation.results.filter(finished_at=None, execution__isnull=False).values("execution")
    return judged + (Call.objects.filter(execution__in=moving).aggregate(sum=Sum("cost"))["sum"] or 0)


@transaction.atomic
def _begin_more(evaluation: Evaluation) -> bool:
    """Behind the evaluation's row: of two workers one begins an execution, and the other comes by again."""
    rows = Evaluation.objects.select_for_update(skip_locked=True, of=("self",)).in_motion()
    held = rows.select_related("version__workflow__project", "incumbent__version__workflow__project")
    held = held.filter(pk=evaluation.pk).first()
    if held is None:
        return False
    moving = held.results.filter(finished_at=None, execution__isnull=False).count()
    room = min(held.at_once - moving, AT_A_TIME)
    if room <= 0:
        return False
    fresh = held.results.filter(finished_at=None, execution=None).select_related("case").order_by("pk")[:room]
    if fresh and held.budget is not None and spent(held) + _expected(held) * (moving + len(fresh)) > held.budget:
        if not moving:
            Evaluation.objects.filter(pk=held.pk).update(status=Evaluation.Status.WAITING)
        return False
    by_arm: dict[str, list[Result]] = {}
    for result in fresh:
        by_arm.setdefault(result.arm, []).append(result)
    for arm, results in by_arm.items():
        _begin(held, arm, results)
    return bool(fresh)


def _expected(evaluation: Evaluation) -> int:
    """What one more execution costs, by those that were: nothing, before the first has ended."""
    judged = evaluation.results.filter(finished_at__isnull=False, cost__isnull=False)
    both = judged.filter(judge_cost__isnull=False).annotate(both=F("cost") + F("judge_cost"))
    found = list(both.order_by("-finished_at").values_list("both", flat=True)[:200])
    return sum(found) // len(found) if found else 0


def _begin(evaluation: Evaluation, arm: str, results: Sequence[Result]) -> None:
    version, publication, lane = served(evaluation, arm)
    tests, taken = [], []
    for result in results:
        if faults := asking.input_faults(version, result.case):
            said = f"{version} does not take its input: {faults[0].pointer} {faults[0].detail}"
            _write(result, judging.Judged(right=False, said=said[: judging.SAID]))
            continue
        result.execution_id = new_id()
        tests.append(Test(result.execution_id, result.case.input, result.case.answers))
        taken.append(result)
    if not tests:
        return
    tiers = evaluation.tier_map if publication is None else publication.tier_map
    try:
        with transaction.atomic():
            queue.submit_tests(version, publication, tests, tiers=tiers, lane=lane, actor=BY)
            Result.objects.bulk_update(taken, ["execution"])
    except Problem as problem:
        for result in taken:
            result.execution_id = None
            _write(result, judging.Judged(right=None, said=problem.detail[: judging.SAID]))


def _write(result: Result, judged: judging.Judged) -> None:
    """Once: the first to judge it holds."""
    columns = {**asdict(judged), "finished_at": timezone.now()}
    Result.objects.filter(pk=result.pk, finished_at=None).update(**columns)


def _end(execution: Execution) -> None:
    """Nobody is asked, so it would stand for ever."""
    try:
        control.cancel(execution, BY)
    except Conflict:
        logger.info("execution %s of an evaluation has ended by itself", execution.pk)


def _close(evaluation: Evaluation) -> None:
    if evaluation.results.filter(finished_at=None).exists():
        return
    found = figures.of(evaluation)
    ended = {"status": Evaluation.Status.COMPLETED, "finished_at": timezone.now()}
    passed = found["verdict"]["passed"] if found["verdict"] else None
    Evaluation.objects.in_motion().filter(pk=evaluation.pk).update(figures=found, passed=passed, **ended)
