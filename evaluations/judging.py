"""What became of one case: its execution, and how it compares with what was expected. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from executions import calling
from executions.models import Execution, Flag, Status, StepResult
from gateway.models import Call

from . import graders
from .models import Case, Result

SAID = 500  # characters


@dataclass(frozen=True)
class Judged:
    """The columns of a `Result` that come of its execution."""

    right: bool | None
    said: str = ""
    detectors: list[dict] = field(default_factory=list)
    steps: dict[str, dict] = field(default_factory=dict)
    resolved_by: str = ""
    cost: int | None = 0
    latency_ms: int | None = None


class Cost(NamedTuple):
    """Pico-dollars; `known` False where a call has no price."""

    pico: int
    known: bool


def judge(result: Result, execution: Execution, rules: dict) -> Judged:
    """`right`: answered as expected, or, where a flag is expected, flagged. What a person had to be asked is not answered."""
    case = result.case
    flags = list(Flag.objects.escalating().filter(execution=execution.pk).order_by("pk"))
    right, said = _whole(case, execution, flags, rules["graders"])
    cost = cost_of(execution.pk)
    steps = _steps(case, execution, rules["step_graders"])
    return Judged(
        right=right,
        said=said[:SAID],
        detectors=[
            {"reason": one.reason, "detector": one.detector, "step": one.step, "edge_case": one.edge_case}
            for one in flags
        ],
        steps=steps,
        resolved_by=execution.resolved_by,
        cost=cost.pico if cost.known else None,
        latency_ms=_latency(execution),
    )


def cost_of(execution_id: UUID) -> Cost:
    """With what it called."""
    below = calling.below([execution_id])[execution_id]
    return _cost(Call.objects.filter(execution__in=[execution_id, *below]).values_list("cost", flat=True))


def _whole(case: Case, execution: Execution, flags: Sequence[Flag], asked: list[dict]) -> tuple[bool | None, str]:
    if execution.status == Status.FAILED:
        error = execution.error or {}
        return None, f"It broke ({error.get('code')}): {error.get('detail')}"
    if execution.status == Status.CANCELLED:
        return None, "It was cancelled."
    if case.expects_flag:
        return bool(flags), "" if flags else "A flag was expected, and it was answered without one."
    if execution.status != Status.COMPLETED:
        reasons = ", ".join(dict.fromkeys(one.reason for one in flags))
        return False, f"It stands before a person ({reasons or execution.status}), and an answer was expected."
    grade = graders.grade(asked, case.expected, execution.output, case.input)
    return grade.right, grade.said


def _steps(case: Case, execution: Execution, asked: dict[str, list[dict]]) -> dict[str, dict]:
    """Of each step: the attempt that held, else its last one; of a list, of all items together."""
    rows = StepResult.objects.filter(execution=execution.pk).order_by("pk")
    by_step: dict[str, list[StepResult]] = {}
    for row in rows:
        by_step.setdefault(row.step, []).append(row)
    costs = _costs(execution.pk)
    return {step: _step(case, step, several, asked.get(step, []), costs) for step, several in by_step.items()}


def _step(case: Case, step: str, rows: list[StepResult], asked: list[dict], costs: dict[str, Cost]) -> dict:
    held = [row for row in rows if row.status in (StepResult.Status.DONE, StepResult.Status.SKIPPED)]
    last = (held or rows)[-1]
    first = next((row for row in rows if row.confidence is not None), None)
    found = {"model": last.model, "tier": last.tier, "confidence": first and first.confidence}
    found |= {"answered_by": last.answered_by, "attempts": len(rows), "latency_ms": sum(row.latency_ms for row in rows)}
    cost = costs.get(step, Cost(0, True))
    found["cost"] = cost.pico if cost.known else None
    if step in case.steps:
        output = _output(held)
        grade = graders.grade(asked, case.steps[step], output, case.input)
        found |= {"right": bool(held) and grade.right, "said": grade.said[:SAID] if held else "It has no output."}
    return found


def _output(held: Sequence[StepResult]) -> object:
    """A step's output; of a list the outputs in the order of its items."""
    if any(row.iteration is not None for row in held):
        items = {row.iteration: row.output for row in held if row.iteration is not None}
        return [items[index] for index in sorted(items)]
    return held[-1].output if held else None


def _costs(execution_id: UUID) -> dict[str, Cost]:
    by_step: dict[str, list[int | None]] = {}
    for step, cost in Call.objects.filter(execution=execution_id).values_list("step", "cost"):
        by_step.setdefault(step, []).append(cost)
    return {step: _cost(several) for step, several in by_step.items()}


def _cost(costs: Iterable[int | None]) -> Cost:
    found = list(costs)
    return Cost(sum(cost or 0 for cost in found), None not in found)


def _latency(execution: Execution) -> int | None:
    """From the first turn to the end: how long it stood in the queue says nothing of the version."""
    if execution.started_at is None or execution.finished_at is None:
        return None
    return round((execution.finished_at - execution.started_at).total_seconds() * 1000)
