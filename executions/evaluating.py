"""Asking the sandbox, for whoever in the engine needs the value of a shape or of checks."""

import json
from collections.abc import Generator, Sequence

from workflows import prompts, shapes
from workflows.definition import Check, ModelStep, ReviewStep
from workflows.sandbox import MAX_RESULT, Failure, truth_of

from .coverage import Finding
from .effects import Effect, Evaluate
from .models import StepResult
from .run import Run


def shaped(run: Run, shape: object, what: str, **more: object) -> Generator[Effect, object, object]:
    """The value of a shape. Raises `Stopped` (`code_error`) where one of its expressions fails."""
    expressions = shapes.expressions(shape)
    values = (yield Evaluate(tuple(expressions), run.names(**more))) if expressions else []
    for value in values:
        raise_failure(run, value, what)
    filled = shapes.filled(shape, iter(values))
    if len(values) > 1 and len(json.dumps(filled)) > MAX_RESULT:
        raise_failure(run, Failure(f"It has more than {MAX_RESULT} bytes."), what)
    return filled


def rendered(run: Run, step: ModelStep | ReviewStep, marker: str | None) -> str:
    """The prompt of this execution. Raises `Stopped` (`code_error`) where it cannot be rendered."""
    try:
        return prompts.render(step.prompt, run.names(), marker)
    except prompts.PromptError as error:
        row = run.attempt(step, StepResult.Status.FLAGGED, has_output=False)
        finding = Finding("code_error", "sandbox", f"The prompt of {step.id} failed: {error}")
        raise run.ask_person(finding, row) from error


def complaints(run: Run, checks: Sequence[Check], output: object) -> Generator[Effect, object, list[str] | Failure]:
    """The messages of the checks that this output fails; a `Failure` where a check itself breaks."""
    if not checks:
        return []
    values = yield Evaluate(tuple(truth_of(check.check) for check in checks), run.names(output=output))
    for value in values:
        if isinstance(value, Failure):
            return value
    return [check.complaint for check, value in zip(checks, values, strict=True) if not value]


def raise_failure(run: Run, value: object, what: str, row: StepResult | None = None) -> None:
    if isinstance(value, Failure):
        raise run.ask_person(Finding("code_error", "sandbox", f"{what} failed: {value.detail}"), row)
