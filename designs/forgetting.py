"""Texts of designs that ended longer ago than their project keeps texts. What was asked for lives on in the draft's design context,
which is part of a version; what it cost stays in the ledger.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from gateway.models import Payload
from projects.models import Project

from .models import Design

AT_ONCE = 100


def forget_the_old() -> None:
    """A worker's duty."""
    now = timezone.now()
    for project, days in Project.objects.exclude(retention_days=None).values_list("pk", "retention_days"):
        _forget(project, now - timedelta(days=days))


@transaction.atomic
def _forget(project: int, before: datetime) -> None:
    old = Design.objects.filter(project=project, finished_at__lt=before, purged_at=None).prefetch_related("rounds")
    for design in old.select_for_update(skip_locked=True, no_key=True, of=("self",))[:AT_ONCE]:
        calls = [pk for each in design.rounds.all() for pk in each.calls]
        Payload.objects.filter(pk__in=calls).delete()
        design.rounds.update(answer="", faults=[])
        Design.objects.filter(pk=design.pk).update(
            brief={}, examples=[], answer=None, said="", purged_at=timezone.now()
        )
