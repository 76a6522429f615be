"""The one place that changes a status: checks that the change is allowed, compares and sets, and writes the event."""

from django.db import transaction

from .models import Event, Execution, Status

ALLOWED = {
    Status.QUEUED: {Status.RUNNING, Status.CANCELLED},
    Status.RUNNING: {Status.WAITING, Status.ESCALATED, Status.COMPLETED, Status.FAILED, Status.CANCELLED},
    Status.WAITING: {Status.QUEUED, Status.CANCELLED},
    Status.ESCALATED: {Status.QUEUED, Status.COMPLETED, Status.CANCELLED},
    Status.FAILED: {Status.QUEUED},
    Status.COMPLETED: set(),
    Status.CANCELLED: set(),
}


def move(
    execution_id: object, before: Status, after: Status, *, actor: str, held: int | None = None, **fields: object
) -> bool:
    """Moves the execution if it is still `before` (and still `held` by this token); says whether it did.

    Runs in the caller's transaction where there is one: the event and whatever else the caller writes stand or fall together.
    """
    if after not in ALLOWED[before]:
        raise ValueError(f"An execution never goes from {before} to {after}.")
    found = Execution.objects.filter(pk=execution_id, status=before)
    if held is not None:
        found = found.filter(token=held)
    detail = str(fields.pop("detail", ""))
    with transaction.atomic():
        moved = found.update(status=after, **fields)
        if moved:
            Event.objects.create(
                execution_id=execution_id, kind="status", before=before, after=after, actor=actor, detail=detail
            )
    return bool(moved)
