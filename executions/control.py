"""What a caller can still do with an execution that was accepted. Each verb returns the id of the execution it is about."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from wire.problems import Conflict
from wire.times import rfc3339
from workflows.models import Publication, Version

from . import calling, lanes, queue, states, store
from .models import Event, Execution, Flag, Status, deadline

WAKEABLE = ("provider", "rate", "service")  # a budget has to be raised, and a review answered
CANCELLABLE = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.ESCALATED)


def can_be_cancelled(execution: Execution) -> bool:
    return execution.status in CANCELLABLE and execution.purpose != Execution.Purpose.REPORTED


def can_be_retried(execution: Execution) -> bool:
    """What failed, and what waits for something that may be there before its time comes."""
    if execution.purged_at or execution.is_apart or execution.purpose == Execution.Purpose.REPORTED:
        return False
    return execution.status == Status.FAILED or _could_be_woken(execution)


def _could_be_woken(execution: Execution) -> bool:
    return execution.status == Status.WAITING and execution.waiting_for in WAKEABLE


@transaction.atomic
def cancel(execution: Execution, actor: str) -> str:
    """Ends it where it stands, and what it called with it. A call in flight is finished, paid, recorded and not used: its worker
    finds the fence down. Where that worker is gone, the call is in doubt (see `queue.bury`), and at once where it gave the
    execution back.

    Raises `Conflict` where it has ended already. Their flags stay open for review, but for what
    the design asks; nothing stands still for them any more.
    """
    if not _cancel(Execution.objects.filter(pk=execution.pk), actor, caller_told=None):
        _refuse_reported(execution)
        raise _conflict(execution, "Only an execution that has not ended can be cancelled.")
    _cancel_called([execution.pk], actor)
    if execution.caller_id is not None:
        transaction.on_commit(partial(calling.tell, [execution.caller_id]))
    return str(execution.pk)


def supersede(successors: Mapping[UUID, UUID], version: str, actor: str) -> None:
    """Ends executions, which whoever calls has locked, and what they called: each goes on as another one, of that version."""
    told = {old: f"It goes on as {new}, on {version}." for old, new in successors.items()}
    _cancel(Execution.objects.filter(pk__in=list(told)), actor, caller_told=None, told=told)
    _cancel_called(list(told), actor)
    named = [Execution(pk=old, superseded_by=new) for old, new in successors.items()]
    Execution.objects.bulk_update(named, ["superseded_by"])


def _cancel_called(level: list[UUID], actor: str) -> None:
    while level:
        called = Execution.objects.filter(caller__in=level)
        _cancel(called, actor, caller_told=True)
        level = list(called.values_list("pk", flat=True))  # under what had failed something may move


def _cancel(
    executions: QuerySet[Execution],
    actor: str,
    caller_told: bool | None,
    told: Mapping[UUID, str] = MappingProxyType({}),
) -> list[UUID]:
    """Those of them that had not ended. Locked first, or one could change before its event is written. `told`: why."""
    locked = (
        executions.select_for_update(no_key=True)
        .filter(status__in=CANCELLABLE)
        .exclude(purpose=Execution.Purpose.REPORTED)
    )
    held = list(locked.values_list("pk", "status", "worker"))
    ids, now = [pk for pk, _, _ in held], timezone.now()
    ended = {"status": Status.CANCELLED, "finished_at": now, "waiting_for": "", "resume_at": None}
    Execution.objects.filter(pk__in=ids).update(**ended, caller_told=caller_told)
    events = [(pk, Status(before), Status.CANCELLED, actor, "", told.get(pk, "")) for pk, before, _ in held]
    Event.objects.bulk_create([states.event(*one) for one in events])
    for pk, _, worker in held:
        if worker is None:
            store.settle_doubts(pk)
    waiting = Flag.objects.standing().filter(execution__in=ids)
    asked_no_more = {"state": Flag.State.DISMISSED, "resolved_by": actor, "resolved_at": now}
    waiting.filter(reason=Flag.Reason.REVIEW).update(**asked_no_more, waiting=False)
    waiting.update(waiting=False)
    return ids


@transaction.atomic
def retry(execution: Execution, actor: str) -> str:
    """A failed execution goes on behind its last checkpoint, and so does what failed under it; one that waits does not wait any
    longer; all with a new deadline. Raises `Conflict` for any other."""
    held = Execution.objects.select_for_update().get(pk=execution.pk)
    if held.purpose == Execution.Purpose.SHADOW:
        raise Conflict("This is a shadow, which is compared as it ended.", state=held.status)
    if held.purpose == Execution.Purpose.EVALUATION:
        raise Conflict("This is of an evaluation, which has judged it or will: evaluate again.", state=held.status)
    anew = {"finished_at": None, "deaths": 0, "deadline_at": deadline()}
    if not queue.requeue(held.pk, Status.WAITING if _could_be_woken(held) else Status.FAILED, actor, **anew):
        _refuse_purged(execution)
        _refuse_reported(execution)
        sentence = (
            "Only an execution that failed, or that waits for a provider, a limit or this service, can be retried"
        )
        raise _conflict(execution, f"{sentence}; name a version to run it again from the start.")
    for called in Execution.objects.filter(caller=execution.pk, status=Status.FAILED):
        retry(called, actor)
    return str(execution.pk)


def rerun(execution: Execution, version: Version, publication: Publication | None, actor: str) -> str:
    """A new execution of the same input, from the start; its id. Raises `Conflict` while the old one may still end by
    itself: then its work would be done twice."""
    _refuse_purged(execution)
    if not execution.has_ended:
        raise _conflict(execution, "This execution has not ended; cancel it first.")
    like = {"metadata": execution.metadata, "lane": lanes.handed_on(execution.lane), "rerun_of": execution}
    return str(queue.submit(version, publication, execution.input, actor=actor, **like).pk)


def _refuse_reported(execution: Execution) -> None:
    """Raises `Conflict` where an agent executed it."""
    if execution.purpose == Execution.Purpose.REPORTED:
        said = "An agent executed this and reported it: nothing of it runs here. Name a version to run its input anew."
        raise Conflict(said, state=execution.status)


def _refuse_purged(execution: Execution) -> None:
    """Raises `Conflict` where its texts are gone."""
    execution.refresh_from_db(fields=["purged_at"])
    if execution.purged_at:
        said = f"The texts of this execution were deleted on {execution.purged_at:%Y-%m-%d}: there is no input to run again."
        raise Conflict(said, state=execution.status, purged_at=rfc3339(execution.purged_at))


def _conflict(execution: Execution, sentence: str) -> Conflict:
    execution.refresh_from_db(fields=["status"])
    return Conflict(f"{sentence} It is {execution.status}.", state=execution.status)
