"""The only place that enqueues. A row is accepted first and the broker's bell rung after: losing the bell loses nothing."""

import logging
from datetime import timedelta
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils import timezone

from wire.problems import Invalid
from workflows.compiled import compiled
from workflows.models import Publication, Version

from . import states, worker
from .models import Event, Execution, Status

logger = logging.getLogger(__name__)

BELL_IS_LATE = timedelta(seconds=5)
RUNG_AT_ONCE = 200


def submit(
    version: Version,
    publication: Publication | None,
    input: object,
    *,
    actor: str,
    metadata: dict | None = None,
) -> Execution:
    """Accepts an execution of a publication, or, with none, a trial of a draft. Raises `Invalid` for a wrong input.

    What takes time (compiling a version that this process has not seen) happens before the transaction: it holds the
    only write lock that an embedded database has.
    """
    if faults := compiled(version.pk).input_schema.faults(input):
        raise Invalid.of([fault.under("/input") for fault in faults])
    workflow = version.workflow
    tiers = publication.tier_map if publication else version.tiers()
    baseline = workflow.baseline_at(timezone.now())
    with transaction.atomic():
        execution = Execution.objects.create(
            project=workflow.project,
            workflow=workflow,
            version=version,
            publication=publication,
            tier_map=tiers,
            baseline_model=baseline.model if baseline and baseline.model else tiers.get("frontier", ""),
            simulated=version.is_simulated(tiers),
            purpose=Execution.Purpose.PRODUCTION if publication else Execution.Purpose.TRIAL,
            input=input,
            metadata=metadata or {},
        )
        Event.objects.create(execution=execution, kind="accepted", after=Status.QUEUED, actor=actor)
        transaction.on_commit(lambda: ring(execution.pk))
    return execution


def requeue(execution_id: UUID, before: Status, actor: str, **fields: object) -> bool:
    """Puts a waiting or escalated execution back into the queue, and rings after the commit."""
    fields = {"waiting_for": "", "resume_at": None, "rung_at": timezone.now(), "error": None, **fields}
    moved = states.move(execution_id, before, Status.QUEUED, actor=actor, **fields)
    if moved:
        transaction.on_commit(lambda: ring(execution_id))
    return moved


def ring(execution_id: UUID) -> None:
    """One wake-up, by name: the task is an edge, and stands above. Where the bell is lost, the sweeper rings again."""
    try:
        current_app.send_task("executions.advance", [str(execution_id)])
    except Exception:  # whatever the broker raises: the row is accepted, and that is what was promised
        logger.warning("the bell of execution %s was not heard; the sweeper rings again", execution_id, exc_info=True)


def sweep() -> int:
    """Wakes what nobody else will: waits that are over, bells that were lost, executions that were dropped."""
    now = timezone.now()
    for execution_id in Execution.objects.due(now).values_list("pk", flat=True)[:RUNG_AT_ONCE]:
        requeue(execution_id, Status.WAITING, actor="sweeper")
    dropped = Execution.objects.dropped(worker.current(), now).exclude(pk__in=worker.in_hands())
    found = list(dropped.values_list("pk", flat=True)[:RUNG_AT_ONCE])
    if _waiting_bells() < RUNG_AT_ONCE:
        late = Execution.objects.queued().filter(rung_at__lt=now - BELL_IS_LATE).order_by("rung_at")
        found += late.values_list("pk", flat=True)[:RUNG_AT_ONCE]
    Execution.objects.filter(pk__in=found).update(rung_at=now)
    for execution_id in found:
        ring(execution_id)
    return len(found)


def _waiting_bells() -> int:
    """How many wake-ups lie in the broker: while there are many, the late ones among them are not lost but waiting."""
    queue = current_app.conf.task_default_queue
    with current_app.connection_for_read() as connection:
        return connection.default_channel.queue_declare(queue, durable=True).message_count
