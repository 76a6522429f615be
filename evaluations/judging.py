"""What became of one case: its execution, and how it compares with what was expected. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from executions import calling
from executions.models import Execution, Flag, Status, StepResult
from gateway.models import Call
from gateway.types import Purpose
from wire.problems import Problem
from workflows.models import Version

from . import asking, graders
from .graders import Grade
from .models import Case, Result
from .rubric import Said

SAID = 500  # characters
WHOLE = ""  # in the place of a step: the whole answer

Place = tuple[str, int]  # of a judge: the step, and where it stands among the graders


@dataclass(frozen=True)
class Judged:
    """The columns of a `Result` that come of its execution."""

    right: bool | None
    said: str = ""
    detectors: list[dict] = field(default_factory=list)
    steps: dict[str, dict] = field(default_factory=dict)
    resolved_by: str = ""
    cost: int | None = 0
    judge_cost: int | None = 0
    latency_ms: int | None = None


class Step(NamedTuple):
    """`facts`: model, tier, confidence, answered_by, attempts, latency_ms, cost. `held`: that it has an output."""

    facts: dict
    held: bool
    output: object


class Cost(NamedTuple):
    """Pico-dollars; `known` False where a call has no price."""

    pico: int
    known: bool


@dataclass
class Hearing:
    """What judges have said of a result, and which of them are to be asked before anything is decided."""

    heard: Mapping[Place, Sequence[Said]]
    to_ask: list[Place] = field(default_factory=list)

    def grade(self, step: str, asked: list[dict], expected: object, output: object, input: object) -> Grade:
        mine = {index: said for (of, index), said in self.heard.items() if of == step}
        found = graders.grade(asked, expected, output, input, mine)
        self.to_ask += [(step, index) for index in found.to_ask]
        return found


def judge(result: Result, execution: Execution, rules: dict, hearing: Hearing) -> Judged:
    """`right`: answered as expected, or, where a flag is expected, flagged. What a person had to be asked is not answered. Where
    the hearing has somebody `to_ask` behind it, this is not the last word."""
    case = result.case
    if execution.purged_at:
        return Judged(right=None, said="Its texts are deleted.")
    flags = flags_of(execution)
    right, said = _whole(case, execution, flags, rules["graders"], hearing)
    cost, judges = cost_of(execution.pk), _judge_cost(execution.pk)
    steps = _steps(case, execution, rules["step_graders"], hearing)
    return Judged(
        right=right,
        said=said[:SAID],
        detectors=detectors(flags),
        steps=steps,
        resolved_by=execution.resolved_by,
        cost=cost.pico if cost.known else None,
        judge_cost=judges.pico if judges.known else None,
        latency_ms=_latency(execution),
    )


def unfit(version: Version, result: Result) -> Judged | None:
    """Of a case that the version does not take: it is not executed. The candidate is wrong there; of the reference nothing is
    known: as a wrong one it would let anything pass. None: it is executed."""
    said = asking.not_taken(version, result.case.input)
    right = None if result.arm == Result.Arm.REFERENCE else False
    return Judged(right=right, said=said[:SAID]) if said else None


def refused(problem: Problem) -> Judged:
    return Judged(right=None, said=problem.detail[:SAID])


def flags_of(execution: Execution) -> list[Flag]:
    return list(Flag.objects.escalating().filter(execution=execution.pk).order_by("pk"))


def detectors(flags: Iterable[Flag]) -> list[dict]:
    return [
        {"reason": one.reason, "detector": one.detector, "step": one.step, "edge_case": one.edge_case} for one in flags
    ]


def broken(execution: Execution) -> str:
    """Why nothing can be said of it, in a sentence; empty where something can."""
    if execution.status == Status.FAILED:
        error = execution.error or {}
        return f"It broke ({error.get('code')}): {error.get('detail')}"
    return "It was cancelled." if execution.status == Status.CANCELLED else ""


def stands(execution: Execution, flags: Sequence[Flag]) -> str:
    reasons = ", ".join(dict.fromkeys(one.reason for one in flags))
    return f"It stands before a person ({reasons or execution.status})"


def cost_of(execution_id: UUID) -> Cost:
    """With what it called, and without what judging it cost: that says nothing of its models."""
    below = calling.below([execution_id])[execution_id]
    calls = Call.objects.filter(execution__in=[execution_id, *below]).exclude(purpose=Purpose.JUDGE.value)
    return _cost(calls.values_list("cost", flat=True))


def _judge_cost(execution_id: UUID) -> Cost:
    calls = Call.objects.filter(execution=execution_id, purpose=Purpose.JUDGE.value)
    return _cost(calls.values_list("cost", flat=True))


def _whole(
    case: Case, execution: Execution, flags: Sequence[Flag], asked: list[dict], hearing: Hearing
) -> tuple[bool | None, str]:
    if said := broken(execution):
        return None, said
    if case.expects_flag:
        return bool(flags), "" if flags else "A flag was expected, and it was answered without one."
    if execution.status != Status.COMPLETED:
        return False, f"{stands(execution, flags)}, and an answer was expected."
    grade = hearing.grade(WHOLE, asked, case.expected, execution.output, case.input)
    return grade.right, grade.said


def _steps(case: Case, execution: Execution, asked: dict[str, list[dict]], hearing: Hearing) -> dict[str, dict]:
    found = steps_of(execution)
    return {step: one.facts | _right(case, step, one, asked.get(step, []), hearing) for step, one in found.items()}


def _right(case: Case, step: str, found: Step, asked: list[dict], hearing: Hearing) -> dict:
    """Nothing, where nothing is expected of it; nothing of `right` where a judge could not be asked."""
    if step not in case.steps:
        return {}
    if not found.held:
        return {"right": False, "said": "It has no output."}
    grade = hearing.grade(step, asked, case.steps[step], found.output, case.input)
    return {"said": grade.said[:SAID]} | ({} if grade.right is None else {"right": grade.right})


def step_output(execution_id: UUID, step: str) -> object:
    return _output(_held(StepResult.objects.filter(execution=execution_id, step=step).order_by("pk")))


def steps_of(execution: Execution) -> dict[str, Step]:
    """In their order: the attempt that held, else its last one; of a list, all items together."""
    by_step: dict[str, list[StepResult]] = {}
    for row in StepResult.objects.filter(execution=execution.pk).order_by("pk"):
        by_step.setdefault(row.step, []).append(row)
    costs = _costs(execution.pk)
    return {step: _step(rows, costs.get(step, Cost(0, True))) for step, rows in by_step.items()}


def _held(rows: Iterable[StepResult]) -> list[StepResult]:
    return [row for row in rows if row.status in (StepResult.Status.DONE, StepResult.Status.SKIPPED)]


def _step(rows: list[StepResult], cost: Cost) -> Step:
    held = _held(rows)
    last = (held or rows)[-1]
    first = next((row for row in rows if row.confidence is not None), None)
    found = {"model": last.model, "tier": last.tier, "confidence": first and first.confidence}
    found |= {"answered_by": last.answered_by, "attempts": len(rows), "latency_ms": sum(row.latency_ms for row in rows)}
    found["cost"] = cost.pico if cost.known else None
    return Step(found, bool(held), _output(held))


def _output(held: Sequence[StepResult]) -> object:
    """A step's output; of a list the outputs in the order of its items."""
    if any(row.iteration is not None for row in held):
        items = {row.iteration: row.output for row in held if row.iteration is not None}
        return [items[index] for index in sorted(items)]
    return held[-1].output if held else None


def _costs(execution_id: UUID) -> dict[str, Cost]:
    by_step: dict[str, list[int | None]] = {}
    calls = Call.objects.filter(execution=execution_id).exclude(purpose=Purpose.JUDGE.value)
    for step, cost in calls.values_list("step", "cost"):
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
