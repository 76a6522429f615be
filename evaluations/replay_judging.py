"""How an execution compares with the past one that it repeats. Nothing has to be right: what is said is whether it changes. Reads,
and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from executions.models import Execution, Flag, Status
from gateway.models import Call
from wire.problems import Problem
from workflows.models import Version

from . import asking, graders, judging
from .judging import SAID, Step
from .models import ReplayedExecution

FORGOTTEN, REFUSED, INPUT = "forgotten", "refused", "input"  # why one could not be tried, beside the codes of errors
ANSWERED = Status.COMPLETED


@dataclass(frozen=True)
class Compared:
    """The columns of a `ReplayedExecution`. `same` None: it could not be tried, and `code` says why."""

    same: bool | None
    code: str = ""
    said: str = ""
    human: bool = False
    before: dict | None = None
    after: dict | None = None
    steps: dict[str, dict] = field(default_factory=dict)
    cost: int | None = 0


def compare(replayed: ReplayedExecution, execution: Execution, rules: Mapping[str, object]) -> Compared:
    cost = judging.cost_of(execution.pk)
    spent = cost.pico if cost.known else None
    past = replayed.past
    if past.purged_at:
        return _forgotten(spent)
    flags_before, flags_after = judging.flags_of(past), judging.flags_of(execution)
    same, said = _whole(past, execution, flags_after, rules["graders"])
    return Compared(
        same=same,
        code=_code(execution) if same is None else "",
        said=said[:SAID],
        human=past.resolved_by == Execution.Resolver.HUMAN,
        before=_side(past, flags_before),
        after=_side(execution, flags_after),
        steps=_steps(past, execution, rules["step_graders"], flags_before, flags_after),
        cost=spent,
    )


def unfit(version: Version, replayed: ReplayedExecution) -> Compared | None:
    """What becomes of one that is not executed; None: it is."""
    if replayed.past.purged_at:
        return _forgotten(0)
    said = asking.not_taken(version, replayed.past.input)
    return Compared(None, INPUT, said[:SAID]) if said else None


def refused(problem: Problem) -> Compared:
    return Compared(None, REFUSED, problem.detail[:SAID])


def _forgotten(spent: int | None) -> Compared:
    return Compared(None, FORGOTTEN, "The texts of the past execution are deleted by now.", cost=spent)


def _code(execution: Execution) -> str:
    return str((execution.error or {}).get("code", execution.status))[:40]


def _whole(past: Execution, execution: Execution, flags: Sequence[Flag], asked: list[dict]) -> tuple[bool | None, str]:
    """Whether the result is the same, and what has changed. That nobody had answered it, and nobody does now, is the same too."""
    if said := judging.broken(execution):
        return None, said
    before, now = past.status == ANSWERED, execution.status == ANSWERED
    if before and now:
        grade = graders.grade(asked, past.output, execution.output, past.input)
        return grade.right, grade.said
    if before:
        return False, f"{judging.stands(execution, flags)}, and was answered before."
    if now:
        return False, f"It is answered, and was {past.status} before."
    if past.status == Status.FAILED:
        return False, f"{judging.stands(execution, flags)}, and had failed before."
    return True, ""


def _side(execution: Execution, flags: Iterable[Flag]) -> dict[str, object]:
    """`cost`: of its own calls. What it called is answered from the record the second time, so it is on neither side."""
    return {
        "status": execution.status,
        "resolved_by": execution.resolved_by,
        "flags": judging.detectors(flags),
        "cost": _own_cost(execution),
    }


def _own_cost(execution: Execution) -> int | None:
    costs = list(Call.objects.filter(execution=execution.pk).values_list("cost", flat=True))
    return None if None in costs else sum(costs)


def _steps(
    past: Execution,
    execution: Execution,
    asked: Mapping[str, list[dict]],
    flags_before: Iterable[Flag],
    flags_after: Iterable[Flag],
) -> dict[str, dict]:
    """In the order of now; behind them those that are not executed any more."""
    before, after = judging.steps_of(past), judging.steps_of(execution)
    flagged_before, flagged_after = ({flag.step for flag in flags} for flags in (flags_before, flags_after))
    return {
        step: {
            **_compared(before.get(step), after.get(step), asked.get(step, []), past.input),
            "before": _facts(before.get(step), step in flagged_before),
            "after": _facts(after.get(step), step in flagged_after),
        }
        for step in {**after, **before}
    }


def _compared(before: Step | None, after: Step | None, asked: list[dict], given: object) -> dict[str, object]:
    """`same` None: it was executed on one side only."""
    if before is None or after is None:
        return {"same": None, "said": ""}
    if before.held and after.held:
        grade = graders.grade(asked, before.output, after.output, given)
        return {"same": grade.right, "said": grade.said[:SAID]}
    said = "It has no output any more." if before.held else "It has an output, and had none before."
    return {"same": before.held == after.held, "said": said if before.held != after.held else ""}


def _facts(step: Step | None, flagged: bool) -> dict | None:
    return None if step is None else {**step.facts, "flagged": flagged}
