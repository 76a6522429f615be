"""A step with `for_each`: performed once per item. Each item has its own checkpoint, checks, repair and flag; the others are
finished while one waits for a person, and the execution stands still behind the last one."""

import json
from collections.abc import Generator

from workflows.definition import Step
from workflows.sandbox import Failure, truth_of

from ..coverage import Finding
from ..effects import CALLED, Called, Effect, Ending, Escalated, Evaluate, Pause, Stopped
from ..evaluating import raise_failure
from ..models import Flag, StepResult
from ..run import Item, Run
from . import kinds, plain

MAX_ITEMS = 1000
MAX_BYTES = 8 * 2**20  # of JSON, of a list's outputs together: every step below reads it as a whole


def perform(run: Run, step: Step) -> Generator[Effect, object, None]:
    values = yield from _values(run, step)
    if not values:
        run.settle(run.attempt(step, StepResult.Status.DONE), [])
        return
    waits, room = [], MAX_BYTES
    for index, value in enumerate(values):
        run.item = Item(index, value)
        if not run.has(run.place(step)):
            if room <= 0:
                raise _too_much(run, step)
            waits.append((yield from _waits(run, step)))
        if run.has_had_its_turn:
            yield Pause(0)
        room -= _size(run.items[step.id].get(index))
    run.item = None
    if any(waits):
        raise Stopped(max(filter(None, waits), key=_comes_first))
    run.outputs[step.id] = [run.items[step.id][index] for index in range(len(values))]


def _values(run: Run, step: Step) -> Generator[Effect, object, list]:
    what = f"`for_each` of the step {step.id}"
    [values] = yield Evaluate((step.for_each,), run.names())
    if isinstance(values, Failure):
        raise plain.refuse(
            run, run.attempt(step, StepResult.Status.FLAGGED), _broken(f"{what} failed: {values.detail}")
        )
    if isinstance(values, list) and len(values) <= MAX_ITEMS:
        return values
    found = f"a list of {len(values)}" if isinstance(values, list) else "no list"
    said = f"{what} gives a list of at most {MAX_ITEMS} items, and this is {found}."
    raise plain.refuse(run, run.attempt(step, StepResult.Status.FLAGGED), _broken(said))


def _too_much(run: Run, step: Step) -> Exception:
    """Of the list as a whole: what no item can mend."""
    said = f"The outputs of {step.id} have more than {MAX_BYTES} bytes together, before item {run.iteration}."
    run.item = None
    return plain.refuse(run, run.attempt(step, StepResult.Status.FLAGGED), _broken(said))


def _waits(run: Run, step: Step) -> Generator[Effect, object, Ending | None]:
    """Performs the item that is at work; what it waits for, a person or an execution that it called. What stops the whole
    execution goes through."""
    if run.place(step) in run.waiting:
        return Escalated("items")
    try:
        yield from _item(run, step)
    except Stopped as stopped:
        if not isinstance(stopped.ending, Escalated | Called) or stopped.ending == Escalated(Flag.Reason.BUDGET):
            run.item = None
            raise
        return stopped.ending
    return None


def _comes_first(ending: Ending) -> int:
    """A person who has to decide here; what is on its way; a person who decides about what was called."""
    return 1 if isinstance(ending, Called) else 0 if ending == Escalated(CALLED) else 2


def _item(run: Run, step: Step) -> Generator[Effect, object, None]:
    if step.chooses_items:
        [wanted] = yield Evaluate((truth_of(step.when),), run.names())
        raise_failure(run, wanted, f"The condition `when` of the step {step.id}")
        if not wanted:
            yield from plain.skip(run, step)
            return
    yield from kinds.perform(run, step)


def _broken(said: str) -> Finding:
    return Finding("code_error", "sandbox", said)


def _size(output: object) -> int:
    return len(json.dumps(output))
