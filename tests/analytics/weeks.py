"""A week of a workflow that has a row of every kind: what the golden figures of the contract and docs/method.md are worked out of.

Prices, in USD a million tokens: of Haiku 4.5 1 in, 5 out, 0.10 read, 1.25 and 2 written, half of all that in a batch; of Opus 4.5
five times as much.
"""

from datetime import timedelta

from executions import feedback
from executions.feedback import Opinion
from executions.models import Execution, Status, StepResult
from gateway import gateway
from gateway.types import Outcome, Purpose, Usage
from workflows.models import Workflow

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    use,
)

DAY = timedelta(days=1)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (NOON + days * DAY for days in range(4))


def week_of_every_kind() -> Workflow:
    workflow = make_measured_workflow(design_cost="0.03", at=MONDAY)
    _happened_on_monday(workflow)
    _happened_on_tuesday(workflow)
    _happened_on_wednesday(workflow)
    _was_never_ours(workflow)
    return workflow


def _happened_on_monday(workflow: Workflow) -> None:
    """What came before the executions: 0.082. One with a cache: 0.0059. One cut short, broken, and repaired: 0.006."""
    about = {"project": workflow.project_id, "workflow": workflow.pk, "version": workflow.versions.get().pk, "step": ""}
    for purpose in (Purpose.DESIGN, Purpose.REDESIGN, Purpose.EVALUATION, Purpose.JUDGE, Purpose.SHADOW):
        make_call(None, OPUS, SHORT, purpose=purpose, baseline="", **about)
    make_answer(make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None))
    cached = make_execution(workflow)
    make_call(cached, HAIKU, Usage(), outcome=Outcome.THROTTLED, model_served="")
    make_answer(
        cached, usage=Usage(input=1_000, cache_read=4_000, cache_write_5m=2_000, cache_write_1h=500, output=200)
    )
    repaired = make_execution(workflow)
    make_call(repaired, HAIKU, outcome=Outcome.TRUNCATED)
    use(make_call(repaired, HAIKU), status=StepResult.Status.REJECTED).save()
    use(make_call(repaired, HAIKU, purpose=Purpose.REPAIR), attempt=2).save()


def _happened_on_tuesday(workflow: Workflow) -> None:
    """One that the frontier answered: 0.017. One that a person answered, one failed, one cancelled, one that waits, and one
    whose answer was wrong: 0.002 each."""
    asked = make_execution(workflow, TUESDAY, created_at=TUESDAY - timedelta(seconds=10))
    make_flag(asked, waiting=False)
    make_call(asked, HAIKU, at=TUESDAY)
    by_frontier = {"purpose": Purpose.ESCALATION, "answered_by": Execution.Resolver.FRONTIER}
    make_answer(asked, OPUS, Usage(input=2_000, output=200), **by_frontier)
    by_a_person = make_execution(workflow, TUESDAY, resolved_by=Execution.Resolver.HUMAN)
    make_flag(by_a_person, waiting=False)
    unsure = make_call(by_a_person, HAIKU, at=TUESDAY)
    use(unsure, status=StepResult.Status.FLAGGED).save()
    answer = use(unsure, attempt=2, answered_by=Execution.Resolver.HUMAN)
    answer.call = None
    answer.save()
    for status in (Status.FAILED, Status.CANCELLED):
        make_answer(make_execution(workflow, TUESDAY, status), at=TUESDAY)
    waits = make_execution(workflow, TUESDAY, Status.ESCALATED)
    make_flag(waits)
    make_call(waits, HAIKU, at=TUESDAY)
    wrong = make_execution(workflow, TUESDAY, created_at=TUESDAY - timedelta(minutes=1))
    make_answer(wrong)
    feedback.give(wrong, Opinion(False, "rita"))


def _happened_on_wednesday(workflow: Workflow) -> None:
    """One in a batch: 0.001, with a call that was discarded and one that matched: 0.002 each. One call in doubt: 0.007 at most,
    which turns out on Thursday to have been 0.002."""
    execution = make_execution(workflow, WEDNESDAY)
    make_answer(execution, batch=True)
    make_call(execution, HAIKU, at=WEDNESDAY, outcome=Outcome.DISCARDED)
    make_call(execution, HAIKU, at=WEDNESDAY, purpose=Purpose.MATCH)
    doubted = make_doubted_call(execution, upper_bound=7_000_000_000, at=WEDNESDAY)
    gateway.late(build_call(execution, HAIKU, SHORT, at=THURSDAY), doubted).save(force_insert=True)


def _was_never_ours(workflow: Workflow) -> None:
    """What an agent tells, and what was simulated: apart from all of the above, and from each other."""
    told = make_execution(workflow, purpose=Execution.Purpose.REPORTED)
    make_call(told, HAIKU, reported=True, baseline="")
    make_answer(make_execution(workflow, simulated=True), usage=Usage(input=3_000))
