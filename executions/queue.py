"""The only place that enqueues. A row is accepted first and the broker's bell rung after: losing the bell loses nothing."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils import timezone

from gateway.providers.registry import is_simulated
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
    rerun_of: Execution | None = None,
) -> Execution:
    """Accepts an execution of a publication, or, with none, a trial of a draft. Raises `Invalid` for a wrong input."""
    if faults := compiled(version.pk).input_schema.faults(input):
        raise Invalid.of([fault.under("/input") for fault in faults])
    return _accept(_built(version, publication, [input], metadata, rerun_of), actor)[0]


def submit_batch(
    version: Version,
    publication: Publication | None,
    inputs: Sequence[object],
    *,
    actor: str,
    metadata: dict | None = None,
) -> list[Execution]:
    """Accepts all of them, or none: one wrong input refuses the batch, and every wrong one is named."""
    schema = compiled(version.pk).input_schema
    faults = [fault.under(f"/inputs/{n}") for n, input in enumerate(inputs) for fault in schema.faults(input)]
    if faults:
        raise Invalid.of(faults)
    return _accept(_built(version, publication, inputs, metadata), actor)


def _built(
    version: Version,
    publication: Publication | None,
    inputs: Sequence[object],
    metadata: dict | None,
    rerun_of: Execution | None = None,
) -> list[Execution]:
    """The rows, unsaved. What takes time happens here and before: an embedded database has one write lock."""
    workflow = version.workflow
    tiers = publication.tier_map if publication else version.tiers()
    baseline = workflow.baseline_at(timezone.now())
    # The models that it can reach, or, where it asks none, those of its project; publishing refuses a mixture.
    reachable = compiled(version.pk).definition.reachable_tiers or tiers
    simulated = any(is_simulated(tiers[tier]) for tier in reachable)
    return [
        Execution(
            project=workflow.project,
            workflow=workflow,
            version=version,
            publication=publication,
            tier_map=tiers,
            baseline_model=baseline.model if baseline and baseline.model else tiers.get("frontier", ""),
            simulated=simulated,
            purpose=Execution.Purpose.PRODUCTION if publication else Execution.Purpose.TRIAL,
            input=input,
            metadata=metadata or {},
            rerun_of=rerun_of,
        )
        for input in inputs
    ]


def _accept(executions: list[Execution], actor: str) -> list[Execution]:
    """Commits them with their first events, and rings after."""
    accepted = [Event(execution=one, kind="accepted", after=Status.QUEUED, actor=actor) for one in executions]
    with transaction.atomic():
        Execution.objects.bulk_create(executions)
        Event.objects.bulk_create(accepted)
        for one in executions:
            transaction.on_commit(partial(ring, one.pk))
    return executions


def requeue(execution_id: UUID, before: Status, actor: str, **fields: object) -> bool:
    """Puts a waiting or escalated execution back into the queue, and rings after the commit."""
    fields = {"waiting_for": "", "resume_at": None, "rung_at": timezone.now(), "error": None, **fields}
    moved = states.move(execution_id, before, Status.QUEUED, actor=actor, **fields)
    if moved:
        transaction.on_commit(partial(ring, execution_id))
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
    if waiting_bells() < RUNG_AT_ONCE:
        late = Execution.objects.queued().filter(rung_at__lt=now - BELL_IS_LATE).order_by("rung_at")
        found += late.values_list("pk", flat=True)[:RUNG_AT_ONCE]
    Execution.objects.filter(pk__in=found).update(rung_at=now)
    for execution_id in found:
        ring(execution_id)
    return len(found)


def waiting_bells() -> int:
    """How many wake-ups lie in the broker: while there are many, the late ones among them are not lost but waiting."""
    queue = current_app.conf.task_default_queue
    with current_app.connection_for_read() as connection:
        return connection.default_channel.queue_declare(queue, durable=True).message_count
