"""What a caller can still do with an execution that was accepted. Each verb returns the id of the execution it is about."""

from django.db import transaction
from django.utils import timezone

from wire.problems import Conflict
from wire.times import rfc3339
from workflows.models import Publication, Version

from . import queue, states, store
from .models import FINAL, Execution, Flag, Status, deadline

CANCELLABLE = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.ESCALATED)


@transaction.atomic
def cancel(execution: Execution, actor: str) -> str:
    """Ends it where it stands. A call in flight is finished, paid, recorded and not used: its worker finds the fence down. Where
    that worker is gone, the call is in doubt (see `queue.bury`), and at once where it gave the execution back.

    Raises `Conflict` where it has ended already. Its flags stay open for review, but for what
    the design asks; nothing stands still for them any more.
    """
    ended = {"finished_at": timezone.now(), "waiting_for": "", "resume_at": None}
    # Locked, or it could change between two of the attempts.
    held = Execution.objects.select_for_update().get(pk=execution.pk)
    if not any(states.move(execution.pk, before, Status.CANCELLED, actor=actor, **ended) for before in CANCELLABLE):
        raise _conflict(execution, "Only an execution that has not ended can be cancelled.")
    if held.worker_id is None:
        store.settle_doubts(held.pk)
    waiting = Flag.objects.filter(execution=execution, state=Flag.State.OPEN, waiting=True)
    asked_no_more = {"state": Flag.State.DISMISSED, "resolved_by": actor, "resolved_at": ended["finished_at"]}
    waiting.filter(reason=Flag.Reason.REVIEW).update(**asked_no_more, waiting=False)
    waiting.update(waiting=False)
    return str(execution.pk)


@transaction.atomic
def retry(execution: Execution, actor: str) -> str:
    """A failed execution goes on behind its last checkpoint, with a new deadline. Raises `Conflict` for any other."""
    anew = {"finished_at": None, "deaths": 0, "deadline_at": deadline()}
    if not queue.requeue(execution.pk, Status.FAILED, actor, **anew):
        _refuse_purged(execution)
        raise _conflict(
            execution, "Only a failed execution can be retried; name a version to run it again from the start."
        )
    return str(execution.pk)


def rerun(execution: Execution, version: Version, publication: Publication | None, actor: str) -> str:
    """A new execution of the same input, from the start; its id. Raises `Conflict` while the old one may still end by
    itself: then its work would be done twice."""
    _refuse_purged(execution)
    if execution.status not in FINAL:
        raise _conflict(execution, "This execution has not ended; cancel it first.")
    metadata = execution.metadata
    again = queue.submit(version, publication, execution.input, actor=actor, metadata=metadata, rerun_of=execution)
    return str(again.pk)


def _refuse_purged(execution: Execution) -> None:
    """Raises `Conflict` where its texts are gone."""
    execution.refresh_from_db(fields=["purged_at"])
    if execution.purged_at:
        said = f"The texts of this execution were deleted on {execution.purged_at:%Y-%m-%d}: there is no input to run again."
        raise Conflict(said, state=execution.status, purged_at=rfc3339(execution.purged_at))


def _conflict(execution: Execution, sentence: str) -> Conflict:
    execution.refresh_from_db(fields=["status"])
    return Conflict(f"{sentence} It is {execution.status}.", state=execution.status)
