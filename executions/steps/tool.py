"""A tool step: a function that a person registered. One with side effects is called once, or a person is asked."""

from collections.abc import Generator

from django.utils import timezone

from projects.tools import ToolError, registered
from workflows.definition import ToolStep

from ..coverage import Finding
from ..effects import CallTool, Effect
from ..evaluating import shaped
from ..models import StepResult
from ..run import Run
from . import plain


def perform(run: Run, step: ToolStep) -> Generator[Effect, object, None]:
    known = registered().get(step.tool)
    interrupted = run.started.get(step.id)
    if interrupted and not (known and known.takes_key):
        said = f"A worker ended while {step.tool} was being called. Whether it took effect is not known."
        raise plain.refuse(run, _again(run, interrupted), Finding("in_doubt", "crash", said))
    arguments = yield from shaped(run, step.arguments, f"An argument of the step {step.id}")
    row = _again(run, interrupted) if interrupted else run.attempt(step, StepResult.Status.STARTED)
    if not (known and known.side_effects):
        run.journal.steps.remove(row)  # nothing to remember of a look-up that a crash interrupts
    answer = yield CallTool(step.tool, arguments, f"{run.execution.pk}:{step.id}:0")
    row.finished_at = timezone.now()
    run.journal.steps.append(row)
    if not isinstance(answer, ToolError):
        yield from plain.take(run, step, row, answer)
    elif step.has_otherwise:
        output = yield from shaped(run, step.otherwise, f"`otherwise` of the step {step.id}", error=str(answer))
        yield from plain.take(run, step, row, output)
    else:
        raise plain.refuse(run, row, Finding("uncovered", "tool", f"{step.tool} answered an error: {answer}"))


def _again(run: Run, row: StepResult) -> StepResult:
    """Takes up the attempt that a crash interrupted; it is written again, not anew."""
    if row not in run.journal.steps:
        run.journal.steps.append(row)
    return row
