"""Steps of an evaluation or a shadow that would ask the world outside: answered from its record, and never called where that has an
effect or asks a person."""

from collections.abc import Generator

from workflows.definition import Step

from ..effects import Effect, Failed, Stopped
from ..models import Execution, StepResult
from ..run import Run
from . import plain

KINDS = ("tool", "review", "workflow")
ABSENT = object()


def answer(run: Run, step: Step) -> object:
    """What the record says of this step, of a list the item that is at work; `ABSENT` where it says nothing."""
    if not run.record or step.kind not in KINDS or step.id not in run.record:
        return ABSENT
    found = run.record[step.id]
    if run.iteration is None:
        return found
    return found[run.iteration] if isinstance(found, list) and run.iteration < len(found) else ABSENT


def take(run: Run, step: Step, found: object) -> Generator[Effect, object, None]:
    """Judged like an answer that came just now."""
    yield from plain.take(run, step, run.attempt(step, StepResult.Status.FLAGGED), found)


def missing(run: Run, step: Step, why: str) -> Stopped:
    """Raise what comes back: the record says too little to go on."""
    said = f"The step {step.id} {why}, and the case has no answer of it: add one to the case's `answers`."
    if run.execution.purpose == Execution.Purpose.SHADOW:
        said = f"The step {step.id} {why}, and the past execution has no answer of it."
    return Stopped(Failed("no_record", said))
