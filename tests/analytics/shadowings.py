"""Executions that were shadowed, as rows."""

from datetime import UTC, datetime
from decimal import Decimal

from executions.models import Execution
from shadows.models import Shadow
from wire.money import to_pico
from workflows.models import Workflow

from .ledgers import NOON, OPUS, make_answer, make_execution, make_flag


def make_shadow(execution: Execution, cost: str | None, *, same: bool | None = True, **fields) -> Shadow:
    """One that came to an answer; `cost` in USD."""
    said = {
        "project": execution.project,
        "workflow": execution.workflow,
        "version": execution.version,
        "past": execution,
        "flagged": execution.flags.exists(),
        "day": execution.finished_at.astimezone(UTC).date(),
        "subject": "workflow",
        "model": OPUS,
        "simulated": execution.simulated,
        "status": Shadow.Status.COMPLETED,
        "cost": None if cost is None else to_pico(Decimal(cost)),
        "same": same,
        "finished_at": execution.finished_at,
    }
    return Shadow.objects.create(**{**said, **fields})


def make_shadowed(
    workflow: Workflow, costs: list[str], *, at: datetime = NOON, flagged: bool = False, **fields
) -> None:
    """An execution with one used answer for each of these costs of its shadow."""
    for cost in costs:
        execution = make_execution(workflow, at, **{k: v for k, v in fields.items() if k == "version"})
        make_answer(execution)
        if flagged:
            make_flag(execution, waiting=False)
        make_shadow(execution, cost, **{k: v for k, v in fields.items() if k != "version"})
