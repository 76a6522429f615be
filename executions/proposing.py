"""Telling that an execution makes a case: whoever keeps cases listens. What is decided and what is proposed are written in one."""

from django.db.models import QuerySet
from django.dispatch import Signal

from .models import Execution, StepResult

# Sent within the transaction with `workflow` (id), `execution` (id), `input`, `expected`, `answers`, `by`, and `source`, which is
# `flag` or `feedback`. A receiver may raise `Invalid`, which undoes what was decided.
case_proposed = Signal()

OUTSIDE = ("tool", "review", "workflow")  # kinds of steps whose answers come from outside


def propose(execution: Execution, expected: object, by: str, source: str) -> None:
    """That this answer is right for the execution's input."""
    if execution.is_apart or execution.purged_at:
        return
    case_proposed.send(
        sender=Execution,
        workflow=execution.workflow_id,
        execution=execution.pk,
        input=execution.input,
        expected=expected,
        answers=answers_of(execution),
        by=by,
        source=source,
    )


def answers_of(execution: Execution) -> dict[str, object]:
    """Step → what its tool, review or workflow answered; of a list: one per item, and only where all have one."""
    found: dict[str, object] = {}
    items: dict[str, dict[int, object]] = {}
    for row in _done(execution):
        if row.iteration is None:
            found[row.step] = row.output
        else:
            items.setdefault(row.step, {})[row.iteration] = row.output
    # Null for an item without an answer would be one: such a list says nothing.
    return found | {step: [of[n] for n in range(len(of))] for step, of in items.items() if max(of) == len(of) - 1}


def _done(execution: Execution) -> QuerySet[StepResult]:
    """Items that were skipped will be again: theirs stands in for an answer that nobody asks for."""
    ended = (StepResult.Status.DONE, StepResult.Status.SKIPPED)
    rows = StepResult.objects.filter(execution=execution.pk, kind__in=OUTSIDE, status__in=ended, has_output=True)
    return rows.exclude(status=StepResult.Status.SKIPPED, iteration=None).order_by("step", "iteration", "attempt")
