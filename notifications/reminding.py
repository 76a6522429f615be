"""Groups of flags that wait for too long: of one workflow, step and reason. An endpoint is told of one once, and again only after
the group was cleared in between: none of its flags waited for so long any more.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Min, QuerySet
from django.db.models.functions import Now

from executions.models import Flag

from . import messages
from .models import Cursor, Delivery, Endpoint, Overdue, Type
from .outbox import delivery

EVERY = timedelta(minutes=1)
TOLD_AT_ONCE = 100  # groups an endpoint and minute

Group = tuple[int, str, str]  # workflow, step, reason


@transaction.atomic
def remind() -> int:
    """Once a minute, by one worker; how many groups were told."""
    cursor = Cursor.held()
    now = Cursor.objects.values_list(Now(), flat=True).first()
    if cursor is None or (cursor.reminded_at and cursor.reminded_at > now - EVERY):
        return 0
    cursor.reminded_at = now
    cursor.save(update_fields=["reminded_at"])
    listening = [each for each in Endpoint.objects.listening() if Type.OVERDUE in each.events]
    return sum(_remind(endpoint, now) for endpoint in listening)


def _remind(endpoint: Endpoint, now: datetime) -> int:
    overdue = _overdue(endpoint, now)
    told = {(one.workflow, one.step, one.reason): one.pk for one in endpoint.overdue.all()}
    Overdue.objects.filter(pk__in=[pk for group, pk in told.items() if group not in overdue]).delete()
    new = [group for group in overdue if group not in told][:TOLD_AT_ONCE]
    for workflow, step, reason in new:
        Overdue.objects.create(endpoint=endpoint, workflow=workflow, step=step, reason=reason, told_at=now)
    bodies = [_body(endpoint, group, overdue[group], now) for group in new]
    Delivery.objects.bulk_create(delivery(endpoint, Type.OVERDUE, body, now) for body in bodies)
    return len(new)


def _waiting(endpoint: Endpoint) -> QuerySet[Flag]:
    waiting = Flag.objects.filter(state=Flag.State.OPEN, waiting=True, execution__project=endpoint.project_id)
    return waiting.filter(execution__workflow=endpoint.workflow_id) if endpoint.workflow_id else waiting


def _overdue(endpoint: Endpoint, now: datetime) -> dict[Group, int]:
    """How many wait in each group whose oldest waits for too long, the oldest group first."""
    groups = _waiting(endpoint).values_list("execution__workflow", "step", "reason")
    counted = groups.annotate(count=Count("pk"), oldest=Min("created_at")).order_by("oldest")
    found = counted.filter(oldest__lte=now - timedelta(hours=endpoint.hours))
    return {(workflow, step, reason): count for workflow, step, reason, count, _ in found}


def _body(endpoint: Endpoint, group: Group, count: int, now: datetime) -> str:
    workflow, step, reason = group
    flags = _waiting(endpoint).filter(execution__workflow=workflow, step=step, reason=reason)
    oldest = flags.select_related("execution__workflow").earliest("created_at")
    return messages.of_group(oldest.execution.workflow.name, oldest, count, endpoint.hours, now)
