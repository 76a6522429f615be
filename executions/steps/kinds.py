"""Performs a step of any kind: its result is settled in the run, or the execution stands still."""

from collections.abc import Generator

from workflows.definition import CodeStep, ModelStep, ReviewStep, Step, ToolStep, WorkflowStep

from ..effects import Effect
from ..run import Run
from . import code, model, record, review, tool, workflow


def perform(run: Run, step: Step) -> Generator[Effect, object, None]:
    if (found := record.answer(run, step)) is not record.ABSENT:
        return record.take(run, step, found)
    match step:
        case CodeStep():
            return code.perform(run, step)
        case ModelStep():
            return model.perform(run, step)
        case ToolStep():
            return tool.perform(run, step)
        case WorkflowStep():
            return workflow.perform(run, step)
        case ReviewStep():
            if run.record is not None:
                raise record.missing(run, step, "asks a person")
            return review.perform(run, step)
    raise TypeError(f"no such kind of step: {step!r}")
