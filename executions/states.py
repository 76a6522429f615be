"""What changes a status: checks that the change is allowed, compares and sets, and writes the event. (A worker's own changes
are the store's statements; what is allowed and how it is told stands here.)"""

from collections.abc import Sequence
from uuid import UUID

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


def move(execution_id: object, before: Status, after: Status, *, actor: str, **fields: object) -> bool:
    """Moves the execution if it is still `before`, its texts are there, and it is ours: what was reported ran elsewhere. Says
    whether it did.

    Runs in the caller's transaction where there is one: the event and whatever else the caller writes stand or fall together.
    """
    happened = event(execution_id, before, after, actor, detail=str(fields.pop("detail", "")))
    found = Execution.objects.filter(pk=execution_id, status=before, purged_at=None)
    found = found.exclude(purpose=Execution.Purpose.REPORTED)
    with transaction.atomic():
        moved = found.update(status=after, **fields)
        if moved:
            happened.save(force_insert=True)
    return bool(moved)


def move_all(
    execution_ids: Sequence[UUID], before: Status, after: Status, *, actor: str, **fields: object
) -> list[UUID]:
    """Moves those that are still `before`, and that nobody else is moving at this moment; says which, in their order."""
    with transaction.atomic():
        free = Execution.objects.select_for_update(skip_locked=True, no_key=True)
        found = set(free.filter(pk__in=execution_ids, status=before).values_list("pk", flat=True))
        moved = [execution_id for execution_id in execution_ids if execution_id in found]
        Execution.objects.filter(pk__in=moved, status=before).update(status=after, **fields)
        Event.objects.bulk_create([event(each, before, after, actor) for each in moved])
    return moved


def event(execution_id: object, before: Status, after: Status, actor: str, code: str = "", detail: str = "") -> Event:
    """The event of this change, unsaved. `code` and `detail`: why. A change that is not allowed is a fault of ours."""
    if after not in ALLOWED[before]:
        raise ValueError(f"An execution never goes from {before} to {after}.")
    why = {"code": code, "detail": detail}
    return Event(execution_id=execution_id, kind="status", before=before, after=after, actor=actor, **why)
