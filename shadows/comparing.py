"""How a shadow compares with the execution that it repeats. Reads, and writes nothing.

A shadow that stands before a person, or that went where the record has no answer, has come to no result: it is completed all the
same, for all-frontier would have cost that too, and it is compared and not the same. Only what broke, such as a provider that
refuses, has failed. Without a grader but a judge nothing is compared, whatever came of it: counting those alone that came to no
result would make agreement look worse than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evaluations import graders, judging
from evaluations.graders import judges_of
from evaluations.judging import SAID, Step
from evaluations.models import gate_of
from evaluations.replaying import without_judges
from executions.models import Execution, Status
from executions.proposing import OUTSIDE

from .models import Shadow

NO_RECORD = "no_record"
ONLY_JUDGES = "Only a judge is asked of this, and a shadow asks none."
FORGOTTEN = "The texts of the past execution were deleted meanwhile."


@dataclass(frozen=True)
class Compared:
    """The columns of a `Shadow`."""

    status: str
    same: bool | None = None
    said: str = ""
    steps: dict[str, dict] = field(default_factory=dict)
    output: object = None


def of_workflow(shadow: Shadow) -> Compared:
    """Of an execution that nothing happens to any more."""
    past, execution = shadow.past, shadow.execution
    if _broke(execution):
        return Compared(Shadow.Status.FAILED, said=judging.broken(execution)[:SAID])
    if past.purged_at or execution.purged_at:
        return Compared(Shadow.Status.COMPLETED, said=FORGOTTEN)
    rules = gate_of(shadow.workflow).rules
    same, said = _whole(past, execution, rules["graders"])
    steps = _steps(past, execution, rules["step_graders"])
    return Compared(Shadow.Status.COMPLETED, same, said[:SAID], steps, execution.output)


def of_task(shadow: Shadow) -> Compared:
    """Of one that is answered."""
    past, output = shadow.past, shadow.output
    if past.purged_at:
        return Compared(Shadow.Status.COMPLETED, said=FORGOTTEN)
    same, said = _grade(gate_of(shadow.workflow).rules["graders"], past.output, output, past.input)
    return Compared(Shadow.Status.COMPLETED, same, said[:SAID], output=output)


def _broke(execution: Execution) -> bool:
    """What went another way than the past one, to where the record has no answer, did not break: no other model is to blame."""
    if execution.status == Status.FAILED:
        return (execution.error or {}).get("code") != NO_RECORD
    return execution.status == Status.CANCELLED


def _whole(past: Execution, execution: Execution, asked: list[dict]) -> tuple[bool | None, str]:
    if execution.status == Status.COMPLETED:
        return _grade(asked, past.output, execution.output, past.input)
    if not _usable(asked):
        return None, ONLY_JUDGES
    if execution.status == Status.ESCALATED:
        return False, f"{judging.stands(execution, judging.flags_of(execution))}, and was answered before."
    return False, "It went another way than the past one, to a step that its record has no answer of."


def _steps(past: Execution, execution: Execution, asked: Mapping[str, list[dict]]) -> dict[str, dict]:
    """Those that were executed on both sides, without those that the record answers: they are the same by themselves."""
    outside = {step.id for step in execution.version.parsed().steps if step.kind in OUTSIDE}
    before, after = judging.steps_of(past), judging.steps_of(execution)
    both = [step for step in after if step in before and step not in outside]
    return {step: _step(before[step], after[step], asked.get(step, []), past.input) for step in both}


def _step(before: Step, after: Step, asked: list[dict], given: object) -> dict[str, object]:
    if before.held and after.held:
        same, said = _grade(asked, before.output, after.output, given)
        return {"same": same, "said": said[:SAID]}
    if not _usable(asked):
        return {"same": None, "said": ONLY_JUDGES}
    return {
        "same": before.held == after.held,
        "said": "" if before.held == after.held else "One of both has no output.",
    }


def _grade(asked: list[dict], before: object, now: object, given: object) -> tuple[bool | None, str]:
    if not _usable(asked):
        return None, ONLY_JUDGES
    grade = graders.grade(without_judges(asked), before, now, given)
    return grade.right, grade.said


def _usable(asked: Sequence[dict]) -> bool:
    """Whether something beside judges is asked; where nothing is, each letter counts."""
    return len(list(judges_of(asked))) < len(asked) or not asked
