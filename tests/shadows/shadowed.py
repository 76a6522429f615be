"""Shadows of Alice's refund workflow, for tests: what workers do, in this thread."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from executions import errands, worker
from executions.drivers import plain
from executions.models import Execution
from shadows import drawing, running
from shadows.models import Plan, Shadow
from tests.cast import execute
from wire.money import to_pico
from workflows.models import Workflow

ROUNDS = 200
PROMPT = "Say whether the customer asks for a refund: kind is refund, or other. {{ not a template }}"


def plan(workflow: Workflow, *, budget: str = "100", **said: object) -> Plan:
    said = {"share": Decimal(1), "monthly_budget": to_pico(Decimal(budget)), **said}
    return Plan.objects.create(workflow=workflow, **said)


def with_prompt(workflow: Workflow, model: str = "scripted:claude-opus-5-5", prompt: str = PROMPT) -> None:
    workflow.state_baseline("alice", method="repriced_warm", model=model, prompt=prompt, valid_from=timezone.now())


def execute_past(workflow: Workflow, message: str = "I want a refund") -> Execution:
    """An execution that ended a minute ago."""
    return ended(execute(workflow, message))


def ended(execution: Execution, **ago: float) -> Execution:
    at = timezone.now() - timedelta(**(ago or {"minutes": 1}))
    Execution.objects.filter(pk=execution.pk).update(finished_at=at)
    execution.refresh_from_db()
    return execution


def shadow(workflow: Workflow) -> list[Shadow]:
    """Draws, and takes what was drawn to its end."""
    drawing.draw(workflow.pk)
    return complete(workflow)


def complete(workflow: Workflow) -> list[Shadow]:
    """Until nothing goes on by itself."""
    for _ in range(ROUNDS):
        did = running.advance(workflow.pk)
        of_shadows = Execution.objects.filter(purpose="shadow", status="queued")
        for execution in of_shadows.values_list("pk", flat=True):
            plain.advance(execution, worker.current())
            did = True
        errands.wait()
        if not did and not errands._came:
            return list(Shadow.objects.filter(workflow=workflow).order_by("pk"))
    raise AssertionError("it does not end")
