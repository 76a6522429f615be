"""The only place that enqueues. A row is accepted first and the broker's bell rung after: losing the bell loses nothing."""

import heapq
import logging
import random
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import ceil
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Window
from django.db.models.functions import RowNumber
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from projects.keeping import redaction
from wire import crash
from wire.problems import Invalid
from workflows import calls
from workflows.compiled import compiled
from workflows.models import Budget, Publication, Version

from . import lanes, statements, states, store, streams, worker
from .bell import ring, ring_for
from .models import Execution, Flag, Record, Status, Worker, deadline

logger = logging.getLogger(__name__)

T = TypeVar("T")

SWEPT_AT_ONCE = 1000
SETTLED_AT_ONCE = DROPPED_AT_ONCE = 200
# What a wait leaves behind in no execution that goes on.
AGAIN = {"waiting_for": "", "resume_at": None, "error": None, "caller_told": None}


def submit(
    version: Version,
    publication: Publication | None,
    input: object,
    *,
    actor: str,
    metadata: dict | None = None,
    lane: str | None = None,
    rerun_of: Execution | None = None,
) -> Execution:
    """Accepts an execution of a publication, or, with none, a trial of a draft. `lane`: None leaves it to the design. Raises
    `Invalid` for a wrong input: what is looked at is the input as it is kept, without secrets."""
    kept = redaction(version.workflow.project_id).counted(input)
    if faults := compiled(version.pk).input_schema.faults(kept[0]):
        raise Invalid.of([fault.under("/input") for fault in faults])
    return _accept(_built(version, publication, [kept], metadata, lane, rerun_of), actor)[0]


def submit_batch(
    version: Version,
    publication: Publication | None,
    inputs: Sequence[object],
    *,
    actor: str,
    metadata: dict | None = None,
    lane: str | None = None,
    ids: Sequence[UUID] | None = None,
) -> list[Execution]:
    """Accepts all of them, or none: one wrong input refuses the batch, and every wrong one is named. `ids`: those that they are
    to have, where the caller wrote them down before."""
    schema, policy = compiled(version.pk).input_schema, redaction(version.workflow.project_id)
    kept = [policy.counted(input) for input in inputs]
    faults = [fault.under(f"/inputs/{n}") for n, (input, _) in enumerate(kept) for fault in schema.faults(input)]
    if faults:
        raise Invalid.of(faults)
    built = _built(version, publication, kept, metadata, lane)
    for execution, pk in zip(built, ids or (), strict=bool(ids)):
        execution.pk = pk
    return _accept(built, actor)


def submit_again(
    version: Version,
    publication: Publication | None,
    again: Sequence[tuple[Execution, tuple[object, int]]],
    *,
    actor: str,
) -> list[Execution]:
    """Accepts each of them anew, from the start. They are of one lane, and each comes with its input without secrets, which fits
    the version, and how many values were taken out."""
    if not again:
        return []
    policy = redaction(version.workflow.project_id)
    built = _built(version, publication, [kept for _, kept in again], None, lanes.handed_on(again[0][0].lane))
    for new, (old, _) in zip(built, again, strict=True):
        new.rerun_of = old
        new.metadata, redacted = policy.counted(old.metadata)
        new.redacted += redacted
    return _accept(built, actor)


@dataclass(frozen=True)
class Test:
    """An execution of an evaluation, or a shadow: its id, its input, and what tools, reviews and called workflows answer in it, by
    step."""

    id: UUID
    input: object
    answers: dict[str, object]


def submit_tests(
    version: Version,
    publication: Publication | None,
    tests: Sequence[Test],
    *,
    tiers: dict[str, str],
    lane: str | None,
    actor: str,
    purpose: Execution.Purpose = Execution.Purpose.EVALUATION,
) -> None:
    """Accepts executions of an evaluation, or shadows: nobody is asked, no side effect happens, and their cost is evaluation's, or
    the shadows'. Raises `Conflict` where the workflow is not in use."""
    policy = redaction(version.workflow.project_id)
    kept = [policy.counted(test.input) for test in tests]
    built = _built(version, publication, kept, None, lane, tiers=tiers)
    for execution, test in zip(built, tests, strict=True):
        execution.pk, execution.purpose = test.id, purpose
    _accept(built, actor, [Record(execution_id=test.id, answers=test.answers) for test in tests])


def called_by(caller: Execution, publication: Publication, input: object, redacted: int) -> Execution:
    """The execution that a step of another one is, unsaved. It shares the caller's purpose, and its lane where that is not
    the usual one. Raises `Conflict` where it cannot be accepted."""
    lane = lanes.handed_on(caller.lane)
    [called] = _built(publication.version, publication, [(input, redacted)], None, lane)
    called.purpose, called.caller_id = caller.purpose, caller.pk
    return called


def _built(
    version: Version,
    publication: Publication | None,
    inputs: Sequence[tuple[object, int]],
    metadata: dict | None,
    lane: str | None = None,
    rerun_of: Execution | None = None,
    tiers: dict[str, str] | None = None,
) -> list[Execution]:
    """The rows, unsaved, of inputs without secrets, each with how many were taken out. What takes time happens here and
    before: an embedded database has one write lock."""
    workflow = version.workflow
    workflow.must_be_in_use()
    metadata, redacted = redaction(workflow.project_id).counted(metadata or {})
    tiers = tiers or (publication.tier_map if publication else version.tiers())
    baseline_model = workflow.baseline_model_at(timezone.now()) or tiers.get("frontier", "")
    definition = compiled(version.pk).definition
    simulated = lanes.is_simulated(workflow.project_id, definition, tiers, lane)
    if publication and definition.callees and not definition.reachable_tiers:
        simulated = any(calls.kinds(publication))  # it asks none itself
    return [
        Execution(
            project=workflow.project,
            workflow=workflow,
            version=version,
            publication=publication,
            tier_map=tiers,
            baseline_model=baseline_model,
            simulated=simulated,
            purpose=Execution.Purpose.PRODUCTION if publication else Execution.Purpose.TRIAL,
            lane=lanes.at_first(definition, lane),
            input=input,
            metadata=metadata,
            redacted=redacted + in_input,
            rerun_of=rerun_of,
        )
        for input, in_input in inputs
    ]


def _accept(executions: list[Execution], actor: str, records: Sequence[Record] = ()) -> list[Execution]:
    """Commits them with their first events, and rings after."""
    rows = [(store.EXECUTION, one) for one in executions]
    rows += [(store.RECORD, one) for one in records]
    rows += [(store.EVENT, store.accepted(one, actor)) for one in executions]
    statements.write(statements.ALWAYS, [], rows)
    transaction.on_commit(partial(ring_for, [one.pk for one in executions]))
    return executions


def requeue(execution_id: UUID, before: Status, actor: str, **fields: object) -> bool:
    """Puts a waiting or escalated execution back into the queue, at its end, and rings after the commit."""
    moved = states.move(
        execution_id, before, Status.QUEUED, actor=actor, **{**AGAIN, "queued_at": timezone.now(), **fields}
    )
    if moved:
        transaction.on_commit(partial(ring, execution_id))
    return moved


@receiver([post_save, post_delete], sender=Budget)
def _resume_parked(instance: Budget, **kwargs: object) -> None:
    """A budget was raised, or is gone: what it had parked goes on in the next round, with a new deadline."""
    parked = Execution.objects.filter(status=Status.WAITING, waiting_for="budget", project=instance.project_id)
    parked.update(resume_at=timezone.now(), deadline_at=deadline())


def sweep() -> int:
    """Puts back into the queue what waited for a time that has come, to its old place; how many. Every worker does it, once a
    second, and takes what no other has in hand at this moment.

    Of every project that is due an equal share: what one of them has delayed by the thousand delays no other.
    """
    share = Window(RowNumber(), partition_by="project", order_by="resume_at")
    due = dict(Execution.objects.due().order_by(share, "resume_at").values_list("pk", "waiting_for")[:SWEPT_AT_ONCE])
    if not due:
        return 0
    with transaction.atomic():
        moved = states.move_all(list(due), Status.WAITING, Status.QUEUED, actor="sweeper", **AGAIN)
        if "review" in due.values():
            _close_reviews(moved)
        transaction.on_commit(partial(ring_for, moved))
    return len(moved)


def _close_reviews(execution_ids: Sequence[UUID]) -> None:
    """What they were to be asked until now is not asked any more."""
    overdue = {"state": Flag.State.RESOLVED, "resolution": Flag.Resolution.OVERDUE, "resolved_by": "sweeper"}
    asked = Flag.objects.filter(execution__in=execution_ids, reason=Flag.Reason.REVIEW, state=Flag.State.OPEN)
    asked.update(**overdue, waiting=False, resolved_at=timezone.now())


def bury() -> None:
    """Marks the dead. What a dead worker was running is taken over by whoever looks for work; what was cancelled in its hands
    nobody takes over, so what it had paid for is settled here."""
    for dead in Worker.objects.silent():
        if Worker.objects.silent().filter(pk=dead.pk).update(ended_at=timezone.now()):
            logger.warning("the worker %s is dead; what it held is taken over", dead)
            crash.at("in-sweeper")
    most = SETTLED_AT_ONCE + len(worker.in_hands())
    left = set(Execution.objects.left_behind(worker.current()).values_list("pk", flat=True)[:most])
    # Whose hands are asked again, behind the database: what is cancelled is never taken up any more.
    for execution_id in left - worker.in_hands():
        _settle(execution_id)


@transaction.atomic
def _settle(execution_id: UUID) -> None:
    """Once: one that is settled names no worker."""
    if Execution.objects.filter(pk=execution_id, status=Status.CANCELLED).exclude(worker=None).update(worker=None):
        store.settle_doubts(execution_id)


def dropped(worker_id: UUID, in_hands: Set[UUID]) -> list[UUID]:
    """What nobody works on although it is running; some of it, the rest is found in the next round. Of the suspects, which
    one more death would end, a worker takes one at a time: then that death is its own, and not its neighbour's."""
    found = Execution.objects.dropped(worker_id).order_by("deaths", "pk").values_list("pk", "deaths")
    found = found[: DROPPED_AT_ONCE + len(in_hands)]
    suspects = [execution_id for execution_id, deaths in found if deaths >= store.MAX_DEATHS - 1]
    later = suspects[1:] if in_hands.isdisjoint(suspects) else suspects
    return [execution_id for execution_id, _ in found if execution_id not in in_hands and execution_id not in later]


def next_for(
    room: int, most: Mapping[int, int] | None = None, without: Collection[int] = ()
) -> tuple[dict[UUID, int], bool]:
    """The queued executions to take next, each with its stream: at most so many, of a stream at most `most`, and none of the
    projects `without`; and whether there may be more.

    Of every project that waits an equal share, its oldest first: a backlog of one project delays another's by a share, not by
    its length. Which project comes first is different each time: where there is less room than projects, each has its turn.
    """
    most = most or {}
    waiting = streams.waiting()
    at_once = ceil(room / max(1, len(waiting)))
    lines = [
        heapq.merge(*(streams.oldest(stream, at_once, most.get(stream, room)) for stream in several))
        for project, several in waiting.items()
        if project not in without
    ]
    random.shuffle(lines)
    found = {execution_id: stream for _, execution_id, stream in islice(_in_turn(lines), room)}
    limited = without or any(stream in most for several in waiting.values() for stream in several)
    return found, bool(waiting and limited) or len(found) >= room


def _in_turn(lines: Iterable[Iterator[T]]) -> Iterator[T]:
    """One of each, again and again."""
    turns = deque(lines)
    while turns:
        line = turns.popleft()
        for one in line:
            yield one
            turns.append(line)
            break
