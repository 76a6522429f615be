"""A code step: its `run(input, steps)` in the sandbox. No model, no cost, and a person where it breaks."""

from collections.abc import Generator

from django.utils import timezone

from workflows.definition import CodeStep
from workflows.sandbox import Failure

from ..coverage import Finding
from ..effects import Effect, RunCode
from ..models import StepResult
from ..run import Run
from . import plain


def perform(run: Run, step: CodeStep) -> Generator[Effect, object, None]:
    began = timezone.now()
    output = yield RunCode(step.code, run.names())
    row = run.attempt(step, StepResult.Status.FLAGGED, started_at=began)
    if isinstance(output, Failure):
        raise plain.refuse(run, row, Finding("code_error", "sandbox", f"The code of {step.id} failed: {output.detail}"))
    yield from plain.take(run, step, row, output)
