"""Shadows at work: begins those that were drawn as the month's budget has room, and compares those that have come to an end.

Where each stands is in its row. Every worker does a little of it each round, and goes on where another one ended.
"""

import logging
import time

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from executions import errands, queue
from executions.lanes import QUALITY
from executions.models import STANDING, Execution
from executions.proposing import answers_of
from executions.queue import Test
from wire.ids import new_id
from wire.money import pico_text
from wire.problems import Problem

from . import comparing, spending, task
from .ending import ACTOR, failing, finish, skip
from .models import Plan, Shadow, Subject

logger = logging.getLogger(__name__)

SECONDS = 0.5  # that a round of the housekeeping gives it
AT_ONCE = 8  # of a workflow on their way: what is drawn does not hurry, and holds up no execution for long
AT_A_TIME = 50  # compared in one go
MEASURED = 200  # of those that completed, that say what the next one costs
TIERS = ("cheap", "standard", "frontier")


def advance_all() -> None:
    """A worker's duty: again and again while something happens, for a short time."""
    until = time.monotonic() + SECONDS
    errands.settle()
    task.end_doubts()
    moving = list(Shadow.objects.to_come().values_list("workflow", flat=True).distinct().order_by("workflow"))
    begins = True
    while moving and time.monotonic() < until:
        moving = [one for one in moving if time.monotonic() < until and _advanced(one, begins)]
        begins = False  # once a round: it asks what the month has spent


def _advanced(workflow: int, begins: bool) -> bool:
    """What is wrong with one holds up no other."""
    try:
        return advance(workflow, begins)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("the shadows of workflow %s could not go on; the next round tries again", workflow)
        return False


def advance(workflow: int, begins: bool = True) -> bool:
    """Whether it did anything. Safe to call twice, from anywhere."""
    did = errands.settle()
    did |= _compare_ended(workflow)
    did |= begins and _begin_more(workflow)
    for pk in task.to_ask(workflow).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        with failing(pk):
            did |= task.ask(pk)
    return did


def _compare_ended(workflow: int) -> bool:
    """Outside of any lock: two workers may compare the same, and the first to write it down holds."""
    has_ended = Q(answered=True) | Q(execution__status__in=STANDING)
    ended = Shadow.objects.to_come().filter(has_ended, workflow=workflow).order_by("pk")
    found = list(ended.select_related("past", "execution__version", "workflow")[:AT_A_TIME])
    for shadow in found:
        with failing(shadow.pk):
            finish(shadow, comparing.of_task(shadow) if shadow.answered else comparing.of_workflow(shadow))
    return bool(found)


@transaction.atomic
def _begin_more(workflow: int) -> bool:
    """Behind the row of the plan: of two workers one begins a shadow, and the other comes by again."""
    locked = Plan.objects.select_for_update(skip_locked=True, of=("self",)).select_related("workflow__project")
    plan = locked.filter(pk=workflow).first()
    drawn = Shadow.objects.filter(workflow=workflow, status=Shadow.Status.DRAWN, finished_at=None).order_by("pk")
    first = drawn.first() if plan else None
    if first is None:
        return False
    if said := _switched_off(plan):
        return skip(list(drawn.values_list("pk", flat=True)), said)
    drawn = drawn.filter(**_kind(first))
    moving = Shadow.objects.filter(workflow=workflow, status=Shadow.Status.RUNNING, finished_at=None).count()
    fitting, said = _fitting(plan, first, moving)
    if said:
        return skip(list(drawn.values_list("pk", flat=True)), said)
    fresh = list(drawn.select_related("version__workflow")[: max(0, min(fitting, AT_ONCE - moving))])
    for shadow in fresh:
        with failing(shadow.pk), transaction.atomic():
            _begin(shadow)
    return bool(fresh)


def _kind(shadow: Shadow) -> dict[str, object]:
    """What is alike costs alike, and has room in the budget alike."""
    return {"simulated": shadow.simulated, "subject": shadow.subject, "model": shadow.model}


def _switched_off(plan: Plan) -> str:
    if plan.workflow.archived_at:
        return "The workflow was archived before it began."
    return "" if plan.enabled else "The plan was switched off before it began."


def _fitting(plan: Plan, shadow: Shadow, moving: int) -> tuple[int, str]:
    """How many the month's budget has room for, by what those cost that have completed; why it has none. Before one has,
    nobody knows, so the first goes alone."""
    if not shadow.simulated and not spending.is_priced(shadow.project_id, shadow.model):
        return 0, f"{shadow.model} has no price, so no budget could hold."
    spent = spending.spent(plan.pk, shadow.simulated)
    left, expected = plan.monthly_budget - spent, _expected(shadow)
    if left > 0 and expected is None:
        return 1 - moving, ""
    fit = left // expected - moving if expected else AT_ONCE
    if left > 0 and (fit > 0 or moving):
        return fit, ""
    said = f"The month's budget of {pico_text(plan.monthly_budget)} USD has no room: {pico_text(spent)} are spent"
    return 0, f"{said}, and a shadow costs about {pico_text(expected)}." if expected else f"{said}."


def _expected(shadow: Shadow) -> int | None:
    alike = Shadow.objects.counted().filter(workflow=shadow.workflow_id, **_kind(shadow))
    costs = list(alike.order_by("-finished_at").values_list("cost", flat=True)[:MEASURED])
    return -(-sum(costs) // len(costs)) if costs else None


def _begin(shadow: Shadow) -> None:
    """Behind the lock of the past one: what is deleted meanwhile is copied nowhere."""
    shadow.past = Execution.objects.select_for_update(no_key=True).get(pk=shadow.past_id)
    if shadow.past.purged_at:
        skip([shadow.pk], "The texts of the past execution were deleted before it began.")
    elif shadow.subject == Subject.TASK:
        Shadow.objects.filter(pk=shadow.pk).update(status=Shadow.Status.RUNNING)
    else:
        _execute(shadow)


def _execute(shadow: Shadow) -> None:
    """The same version on the same input, each model step on the baseline's model; what its tools, reviews and called workflows
    answered is answered again."""
    test = Test(new_id(), shadow.past.input, answers_of(shadow.past))
    tiers = dict.fromkeys((*TIERS, *shadow.version.tiers()), shadow.model)
    how = {"tiers": tiers, "lane": QUALITY, "actor": ACTOR, "purpose": Execution.Purpose.SHADOW}
    try:
        with transaction.atomic():
            queue.submit_tests(shadow.version, None, [test], **how)
            Shadow.objects.filter(pk=shadow.pk).update(status=Shadow.Status.RUNNING, execution=test.id)
    except Problem as problem:
        skip([shadow.pk], problem.detail)
