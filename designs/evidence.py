"""What the frontier is shown of flags that belong together: what came, what was found, what the step had answered, and what people
said of it. The keys are those of the example in `templates/prompts/redesign/`."""

import json

from django.db.models import QuerySet

from executions.models import Execution, Flag, StepResult

SHOWN = 5  # flags of a group
MAX_TEXT = 8_000  # characters of one of their texts


def of(flags: QuerySet[Flag]) -> list[dict[str, object]]:
    """The first few whose texts are still there."""
    kept = flags.filter(execution__purged_at=None).select_related("execution")[:SHOWN]
    return [{name: _bounded(value) for name, value in _item(flag).items()} for flag in kept]


def _bounded(value: object) -> object:
    """As it is; where it is long its beginning, as text: it is kept with the redesign, and no more of it is told."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "… (cut)"


def _item(flag: Flag) -> dict[str, object]:
    execution = flag.execution
    found = {"input": execution.input, "flagged_because": flag.explanation}
    if flag.iteration is not None:
        found["item"] = flag.iteration
    if (kept := _kept_output(flag)) is not None:
        found["step_output"] = kept
    if flag.note:
        found["note"] = flag.note
    if execution.resolved_by == Execution.Resolver.HUMAN:
        found["answered"] = execution.output
    elif execution.resolved_by == Execution.Resolver.FRONTIER:
        found["answered_by_the_frontier"] = execution.output
    return found


def _kept_output(flag: Flag) -> object:
    """What the flagged step had answered."""
    if not flag.step or flag.attempt is None:
        return None
    rows = StepResult.objects.at(flag.execution_id, flag.step, flag.iteration)
    row = rows.filter(attempt=flag.attempt, has_output=True).first()
    return row.output if row else None
