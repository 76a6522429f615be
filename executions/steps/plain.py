"""What kinds of step have in common: to be skipped, and an output that is checked with nobody to re-ask when it is wrong."""

from collections.abc import Generator

from workflows.definition import Step
from workflows.sandbox import Failure

from ..coverage import Finding, broken_schema
from ..effects import Effect
from ..evaluating import complaints, shaped
from ..models import StepResult
from ..run import Run
from . import judging


def take(run: Run, step: Step, row: StepResult, output: object) -> Generator[Effect, object, None]:
    """Makes this output the step's result where it follows the step's schema and checks; else a person is asked."""
    output = run.policy.value(output)  # the answer came without secrets; an `otherwise` may name a field of its own
    finding = yield from _judge(run, step, output)
    if finding is None:
        run.settle(row, output)
        return
    row.output = output
    judging.send_back(run, step, row, finding)
    row.status, row.has_output = StepResult.Status.FLAGGED, finding.keeps
    raise run.ask_person(finding, row)


def skip(run: Run, step: Step) -> Generator[Effect, object, None]:
    """Its output is its `otherwise`, or null."""
    output = None
    if step.has_otherwise:
        output = yield from shaped(run, step.otherwise, f"`otherwise` of the step {step.id}", error=None)
    run.settle(run.attempt(step, StepResult.Status.SKIPPED), run.policy.value(output))


def refuse(run: Run, row: StepResult, finding: Finding) -> Exception:
    """There is no output at all; raise what comes back."""
    row.status, row.has_output = StepResult.Status.FLAGGED, False
    return run.ask_person(finding, row)


def _judge(run: Run, step: Step, output: object) -> Generator[Effect, object, Finding | None]:
    schema = run.compiled.steps[step.id].schema
    if schema and (faults := schema.faults(output)):
        return broken_schema(f"The output of {step.id} does not follow its schema", faults)
    failed = yield from complaints(run, step.checks, output)
    if isinstance(failed, Failure):
        return Finding("code_error", "sandbox", f"A check of the step {step.id} failed: {failed.detail}")
    return Finding("check_failed", "check", " ".join(failed), keeps=True) if failed else None
