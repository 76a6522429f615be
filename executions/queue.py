"""The only place that enqueues. A row is accepted first and the broker's bell rung after: losing the bell loses nothing."""

from datetime import timedelta
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.utils import timezone

from wire.problems import Invalid
from workflows.compiled import compiled
from workflows.models import Publication, Version

from . import states
from .models import Event, Execution, Status, Worker

BELL_IS_LATE = timedelta(seconds=5)
RUNG_AT_ONCE = 200


@transaction.atomic
def submit(
    version: Version,
    publication: Publication | None,
    input: object,
    *,
    actor: str,
    metadata: dict | None = None,
) -> Execution:
    """Accepts an execution of a publication, or, with none, a trial of a draft. Raises `Invalid` for a wrong input."""
    built = compiled(version.pk)
    if faults := built.input_schema.faults(input):
        raise Invalid.of([fault.under("/input") for fault in faults])
    workflow = version.workflow
    tiers = publication.tier_map if publication else version.tiers()
    baseline = workflow.baseline_at(timezone.now())
    execution = Execution.objects.create(
        project=workflow.project,
        workflow=workflow,
        version=version,
        publication=publication,
        tier_map=tiers,
        baseline_model=baseline.model if baseline and baseline.model else tiers.get("frontier", ""),
        simulated=any(tiers[tier].startswith("scripted:") for tier in built.definition.step_tiers),
        purpose=Execution.Purpose.PRODUCTION if publication else Execution.Purpose.TRIAL,
        input=input,
        metadata=metadata or {},
    )
    Event.objects.create(execution=execution, kind="accepted", after=Status.QUEUED, actor=actor)
    transaction.on_commit(lambda: ring(execution.pk))
    return execution


def requeue(execution_id: UUID, before: Status, actor: str) -> bool:
    """Puts a waiting or escalated execution back into the queue, and rings after the commit."""
    fields = {"waiting_for": "", "resume_at": None, "rung_at": timezone.now(), "error": None}
    moved = states.move(execution_id, before, Status.QUEUED, actor=actor, **fields)
    if moved:
        transaction.on_commit(lambda: ring(execution_id))
    return moved


def ring(execution_id: UUID) -> None:
    """One wake-up, by name: the task is an edge, and stands above. Where the bell is lost, the sweeper rings again."""
    current_app.send_task("executions.advance", [str(execution_id)])


def sweep() -> int:
    """Wakes what nobody else will: waits that are over, bells that were lost, executions of dead workers."""
    now = timezone.now()
    for execution_id in Execution.objects.due(now).values_list("pk", flat=True)[:RUNG_AT_ONCE]:
        requeue(execution_id, Status.WAITING, actor="sweeper")
    late = Execution.objects.queued().filter(rung_at__lt=now - BELL_IS_LATE).order_by("rung_at")
    orphans = Execution.objects.filter(status=Status.RUNNING, worker__in=Worker.objects.dead(now))
    found = [*late.values_list("pk", flat=True)[:RUNG_AT_ONCE], *orphans.values_list("pk", flat=True)[:RUNG_AT_ONCE]]
    Execution.objects.filter(pk__in=found).update(rung_at=now)
    for execution_id in found:
        ring(execution_id)
    return len(found)
