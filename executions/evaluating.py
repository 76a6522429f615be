"""Asking the sandbox, for whoever in the engine needs the value of a shape or of checks."""

from collections.abc import Generator, Sequence

from workflows import shapes
from workflows.definition import Check
from workflows.sandbox import Failure, truth_of

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
    return shapes.filled(shape, iter(values))


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
