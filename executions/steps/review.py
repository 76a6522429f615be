"""A review step: whom the design asks. The execution waits, its flag stands in the queue, and a person answers the step."""

from collections.abc import Generator
from datetime import timedelta

from django.utils import timezone

from workflows.definition import ReviewStep

from ..coverage import Finding
from ..effects import Asked, Effect, Stopped
from ..evaluating import rendered, shaped
from ..models import StepResult
from ..run import Run

NO_TIME = timedelta(0)
OVERDUE = "overdue"  # what `otherwise` reads as `error`


def perform(run: Run, step: ReviewStep) -> Generator[Effect, object, None]:
    row = run.started.get(run.place(step))
    if row is None:
        row = _ask(run, step)
    if run.place(step) not in run.overdue:
        raise Stopped(Asked(step.patience and max(step.patience - (timezone.now() - row.started_at), NO_TIME)))
    output = yield from shaped(run, step.otherwise, f"`otherwise` of the step {step.id}", error=OVERDUE)
    row.finished_at = timezone.now()
    run.settle(row, run.policy.value(output))


def _ask(run: Run, step: ReviewStep) -> StepResult:
    """Journals what is asked."""
    asked = rendered(run, step, marker=None)
    row = run.attempt(step, StepResult.Status.STARTED, has_output=False)
    run.flag(Finding("review", "design", asked), row).role = step.to
    return row
