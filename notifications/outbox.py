"""What waits to be told: how it is put there, sent once more, and taken away when it is old."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from projects import audit
from projects.audit import Verb

from . import messages
from .models import TEST, Delivery, Endpoint, Kind, Secret

GATHERED = timedelta(minutes=1)  # so long a mail waits for more that may go with it
KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1_000


def delivery(endpoint: Endpoint, type: str, body: str, now: datetime, event: int | None = None) -> Delivery:
    """Unsaved."""
    due_at = now + GATHERED if endpoint.kind == Kind.EMAIL else now
    return Delivery(endpoint=endpoint, event=event, type=type, body=body, due_at=due_at)


@transaction.atomic
def try_out(endpoint: Endpoint, by: str) -> Delivery:
    """Something to see whether it arrives; at once, by mail too."""
    now = timezone.now()
    audit.record(endpoint.project_id, by, Verb.TESTED, endpoint, endpoint.called)
    return Delivery.objects.create(endpoint=endpoint, type=TEST, body=messages.of_test(endpoint, now), due_at=now)


@transaction.atomic
def forget_the_old_ones() -> None:
    """A worker's duty: deletes a batch of what was told long ago, and of what endpoints have left that are gone. Ids grow
    with time, so the oldest stand first, and no more are looked at."""
    before = timezone.now() - KEPT
    oldest = Delivery.objects.order_by("pk").values_list("pk", "created_at")[:FORGOTTEN_AT_ONCE]
    _delete([pk for pk, created_at in oldest if created_at < before])
    Secret.objects.filter(expires_at__lt=timezone.now()).delete()
    for endpoint in Endpoint.objects.exclude(deleted_at=None)[:10]:
        left = list(endpoint.deliveries.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
        _delete(left)
        if len(left) < FORGOTTEN_AT_ONCE:
            endpoint.delete()


def _delete(ids: list) -> None:
    """Of several workers each takes what no other has in hand. Nothing refers to a delivery, so Django need not look."""
    free = Delivery.objects.filter(pk__in=ids).select_for_update(skip_locked=True)
    found = Delivery.objects.filter(pk__in=list(free.values_list("pk", flat=True)))
    found._raw_delete(found.db)
