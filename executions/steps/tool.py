"""A tool step: what a person registered. One with side effects is called once, or a person is asked."""

from collections.abc import Generator

from django.utils import timezone

from projects.tools import NoAnswer, NotCalled, NotTaken, RegisteredTool, ToolError
from workflows.definition import ToolStep

from ..coverage import Finding
from ..effects import CallTool, Effect, KnowTool
from ..evaluating import shaped
from ..models import StepResult
from ..run import Run
from . import plain, record


def perform(run: Run, step: ToolStep) -> Generator[Effect, object, None]:
    row = run.started.get(run.place(step))
    if row and row.output is not None:  # it answered, and a hiccup came before the answer was judged
        run.journal.steps.append(row)
        yield from plain.take(run, step, row, row.output)
        return
    known = yield KnowTool(step.tool)
    if run.record is not None and known and known.side_effects:
        raise record.missing(run, step, "has side effects")
    if row and not (known and known.takes_key):  # a call that a crash interrupted: what came of it is not known
        run.journal.steps.append(row)
        said = f"A worker ended while {step.tool} was being called. Whether it took effect is not known."
        raise plain.refuse(run, row, Finding("in_doubt", "crash", said))
    arguments = yield from shaped(run, step.arguments, f"An argument of the step {step.id}")
    row, answer = yield from _called(run, step, known, row, arguments)
    if not isinstance(answer, ToolError):
        yield from plain.take(run, step, row, answer)
    elif isinstance(answer, NoAnswer) and known and known.side_effects:
        raise plain.refuse(run, row, Finding("in_doubt", "timeout", f"{answer} Whether it took effect is not known."))
    elif step.has_otherwise:
        output = yield from shaped(run, step.otherwise, f"`otherwise` of the step {step.id}", error=str(answer))
        yield from plain.take(run, step, row, output)
    else:
        raise plain.refuse(run, row, Finding("uncovered", "tool", f"{step.tool} answered an error: {answer}"))


def _called(
    run: Run, step: ToolStep, known: RegisteredTool | None, row: StepResult | None, arguments: dict
) -> Generator[Effect, object, tuple[StepResult, object]]:
    """The answer and its attempt. Before a side effect the attempt is committed as `started`, and stays so until the answer
    is judged: no hiccup calls it again. A look-up that is interrupted is simply made again, so nothing is remembered of it."""
    began = timezone.now()
    started = None
    if known and known.side_effects and row is None:
        row = started = run.next_attempt(step, StepResult.Status.STARTED, started_at=began)
    for _ in range(1 + (known.retries if known else 0)):
        answer = yield CallTool(step.tool, arguments, f"{run.execution.pk}:{step.id}:{run.iteration or 0}", started)
        started = None
        if not isinstance(answer, NoAnswer | NotTaken):
            break
    if row is None:
        row = run.attempt(step, StepResult.Status.FLAGGED, started_at=began)
    else:
        run.journal.steps.append(row)
    row.finished_at = timezone.now()
    if isinstance(answer, NotCalled):
        row.status = StepResult.Status.FLAGGED
    elif not isinstance(answer, ToolError):
        row.output = answer
    return row, answer
