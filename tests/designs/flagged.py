"""Flags of executions whose inputs the test says, without executing anything."""

from executions.models import Flag
from tests.analytics.ledgers import HAIKU, SHORT, build_call, make_execution
from workflows.models import Workflow


def flagged(
    workflow: Workflow,
    message: str,
    *,
    explanation: str = "",
    step: str = "classify",
    reason: str = "uncovered",
    waiting: bool = False,
    cost: int | None = None,
    **fields: object,
) -> Flag:
    """An execution of this message that has cost so much, in pico-dollars, and its flag."""
    status = "escalated" if waiting else "completed"
    execution = make_execution(workflow, status=status, finished_at=None, input={"message": message})
    if cost is not None:
        call = build_call(execution, HAIKU, SHORT)
        call.cost = cost
        call.save(force_insert=True)
    told = {"step": step, "reason": reason, "explanation": explanation, "waiting": waiting}
    return Flag.objects.create(execution=execution, detector="self_report", **told, **fields)
