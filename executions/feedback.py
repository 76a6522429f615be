"""Whether an answer was right, as its caller or a reviewer says afterwards. A rejected answer that nobody had flagged is a silent
failure: it counts as no completed execution, and all-frontier would have had to pay nothing for it."""

from django.db import transaction
from django.utils import timezone

from projects.keeping import redaction
from wire.problems import Conflict, Invalid
from workflows.compiled import compiled

from .models import Event, Execution, Feedback, Flag, Status

ABSENT = object()


def give(execution: Execution, accepted: bool | None, by: str, output: object = ABSENT, note: str = "") -> Feedback:
    """Keeps it, and closes the spot check that asks for it. `accepted` None takes back what was said. Raises `Conflict` for an
    execution that has no answer, or whose texts were deleted, and `Invalid` for an output that breaks `output_schema`."""
    policy = redaction(execution.project_id)
    kept = None if output is ABSENT else policy.value(output)
    _examine(execution, output, kept)
    given = Feedback(execution=execution, accepted=accepted, output=kept, has_output=output is not ABSENT, given_by=by)
    given.note = policy.text(note)
    with transaction.atomic():
        _lock(execution, texts=bool(note) or given.has_output)
        given.save(force_insert=True)
        Execution.objects.filter(pk=execution.pk).update(rejected=None if accepted is None else not accepted)
        Event.objects.create(execution=execution, kind="feedback", actor=by, detail=str(given))
        if accepted is not None:
            _close_spot_check(given)
    return given


def of(executions: list) -> dict[object, Feedback]:
    """The latest of each of these, by execution."""
    return {row.execution_id: row for row in Feedback.objects.filter(execution__in=executions).order_by("pk")}


def _examine(execution: Execution, output: object, kept: object) -> None:
    schema = compiled(execution.version_id).output_schema
    if output is not ABSENT and schema and (faults := schema.faults(kept)):
        raise Invalid.of([fault.under("/output") for fault in faults])


def _lock(execution: Execution, *, texts: bool) -> None:
    """The execution before its flags, as whoever resolves one."""
    row = Execution.objects.select_for_update(no_key=True).values("status", "purged_at").get(pk=execution.pk)
    if row["status"] != Status.COMPLETED:
        raise Conflict(f"There is no answer to judge: the execution is {row['status']}.", state=row["status"])
    if row["purged_at"] and texts:
        raise Conflict(
            "The texts of this execution were deleted, and these would be some again: send `accepted` alone."
        )


def _close_spot_check(given: Feedback) -> None:
    right = given.accepted
    Flag.objects.filter(execution=given.execution_id, reason=Flag.Reason.SPOT_CHECK, state=Flag.State.OPEN).update(
        state=Flag.State.DISMISSED if right else Flag.State.RESOLVED,
        resolution=Flag.Resolution.DISMISSED if right else Flag.Resolution.ANSWERED,
        note=given.note,
        resolved_by=given.given_by,
        resolved_at=timezone.now(),
    )
