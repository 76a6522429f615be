"""A workflow step: an execution of another workflow. This one waits until that one has ended, and takes its result.

A flag of the called execution is this step's: this execution is escalated with it, and goes on with it. Where we broke there,
this one fails, and a retry of it retries both.
"""

from collections.abc import Generator

from django.utils import timezone

from workflows.definition import WorkflowStep

from ..coverage import Finding
from ..effects import CALLED, Called, CallWorkflow, Effect, Escalated, Failed, LookAt, Stopped
from ..evaluating import shaped
from ..models import Execution, Status, StepResult
from ..run import Run
from . import plain, record


def perform(run: Run, step: WorkflowStep) -> Generator[Effect, object, None]:
    row = run.started.get(run.place(step))
    if row is None:
        if run.execution.purpose == Execution.Purpose.SHADOW:  # what it calls has no record, and would act outside
            raise record.missing(run, step, "calls a workflow")
        yield from _call(run, step)
        raise Stopped(Called())
    there = yield LookAt(row.called)
    if there.status != Status.COMPLETED:
        raise _stopped(run, step, row, there)
    row.answered_by, row.finished_at, row.has_output = there.resolved_by, timezone.now(), True
    run.journal.steps.append(row)
    yield from plain.take(run, step, row, there.output)


def _stopped(run: Run, step: WorkflowStep, row: StepResult, there: Execution) -> Exception:
    """What it has come to instead of a result; raise what comes back."""
    name = f"The execution {there.pk} of {step.workflow}"
    match there.status:
        case Status.FAILED:
            return Stopped(Failed("called_failed", f"{name} failed: {(there.error or {}).get('detail', '')}"))
        case Status.CANCELLED:
            run.journal.steps.append(row)
            return plain.refuse(run, row, Finding("uncovered", "workflow", f"{name} was cancelled."))
        case Status.ESCALATED:
            return Stopped(Escalated(CALLED))
    return Stopped(Called())


def _call(run: Run, step: WorkflowStep) -> Generator[Effect, object, None]:
    arguments = yield from shaped(run, step.arguments, f"An argument of the step {step.id}")
    called = yield CallWorkflow(step.workflow, arguments)
    if isinstance(called, Execution):
        run.attempt(step, StepResult.Status.STARTED, has_output=False, called=called.pk)
        run.journal.called.append(called)
        return
    row = run.attempt(step, StepResult.Status.FLAGGED)
    raise plain.refuse(run, row, Finding("uncovered", "workflow", run.policy.text(called)))
