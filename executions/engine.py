"""The engine: one generator that takes an execution from its last checkpoint to its end.

It yields what it needs (`effects`) and is sent the answers; it never waits, connects or writes. Every driver runs this
same generator, so an execution means the same in a test, in the embedded worker and in a fleet.
"""

from collections.abc import Generator, Sequence

from workflows.definition import EdgeCase, Step
from workflows.references import steps_read
from workflows.sandbox import truth_of

from . import lanes
from .coverage import Finding, broken_schema
from .effects import Completed, Effect, Ending, Evaluate, Pause, Stopped
from .evaluating import raise_failure, shaped
from .run import Run
from .steps import items, judging, kinds, plain
from .steps.judging import SentBack

Advance = Generator[Effect, object, Ending]


def advance(run: Run) -> Advance:
    """Runs to the end, or to where it has to stand still. The journal holds what the last effect did not commit."""
    try:
        yield from lanes.choose(run)
        yield from _steps(run)
        output = yield from result(run)
    except Stopped as stopped:
        return stopped.ending
    return Completed(output)


def _steps(run: Run) -> Generator[Effect, object, None]:
    definition = run.compiled.definition
    escalating = [case for case in run.compiled.edge_cases if case.when is not None]
    undecided, fresh = escalating, not run.outputs
    while step := next((step for step in definition.steps if step.id not in run.outputs), None):
        ready = [case for case in undecided if steps_read(case.when) <= run.outputs.keys()]
        undecided = [case for case in undecided if case not in ready]
        wanted = yield from threshold(run, step, ready, covers=fresh)
        fresh = False
        try:
            yield from perform(run, step, wanted)
        except SentBack as sent:
            gone = judging.take_back(run, sent)
            undecided += [case for case in escalating if case not in undecided and steps_read(case.when) & gone]
        if run.has_had_its_turn:
            yield Pause(0)
    yield from threshold(run, None, undecided, covers=False)


def threshold(
    run: Run, step: Step | None, ready: Sequence[EdgeCase], *, covers: bool
) -> Generator[Effect, object, bool]:
    """Before a step: the preconditions, the edge cases that can be decided now, and whether the step is wanted at all.

    All of it is one visit to the sandbox. Raises `Stopped` where a person has to be asked.
    """
    checks = run.compiled.definition.covers if covers else ()
    when = [step.when] if step is not None and step.when is not None and not step.chooses_items else []
    conditions = [check.check for check in checks] + [case.when for case in ready] + when
    if not conditions:
        return True
    values = yield Evaluate(tuple(map(truth_of, conditions)), run.names())
    for check, value in zip(checks, values, strict=False):
        raise_failure(run, value, f"The precondition {check.check}")
        if not value:
            raise run.ask_person(Finding("uncovered", "precondition", check.complaint))
    for case, value in zip(ready, values[len(checks) :], strict=False):
        raise_failure(run, value, f"The condition of the edge case {case.id}")
        if value:
            explanation = f"The design escalates this case: {case.case}"
            raise run.ask_person(Finding("rule", "edge_case", explanation, edge_case=case.id))
    if when:
        raise_failure(run, values[-1], f"The condition `when` of the step {step.id}")
        return values[-1]
    return True


def perform(run: Run, step: Step, wanted: bool) -> Generator[Effect, object, None]:
    if not wanted:
        yield from plain.skip(run, step)
    elif step.for_each is not None:
        yield from items.perform(run, step)
    else:
        yield from kinds.perform(run, step)


def result(run: Run) -> Generator[Effect, object, object]:
    definition = run.compiled.definition
    if not definition.has_result:
        output = run.outputs[definition.steps[-1].id]
    else:
        output = run.policy.value((yield from shaped(run, definition.result, "The result")))
    if run.compiled.output_schema and (faults := run.compiled.output_schema.faults(output)):
        raise run.ask_person(broken_schema("The result does not follow output_schema", faults))
    return output
