"""Texts of designs that ended longer ago than their project keeps texts. What was asked for lives on in the draft's design context,
which is part of a version; what it cost stays in the ledger.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from executions.models import Execution, Flag
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
        figures = design.figures and {**design.figures, "rehearsed": None}
        Design.objects.filter(pk=design.pk).update(
            brief={}, examples=[], answer=None, figures=figures, sample=None, said="", purged_at=timezone.now()
        )


def forget_evidence(executions: Sequence[UUID], **kwargs: object) -> None:
    """What the frontier was shown of these executions goes with their texts, in the same transaction."""
    flags = set(map(str, Flag.objects.filter(execution__in=executions).values_list("pk", flat=True)))
    workflows = Execution.objects.filter(pk__in=executions).values("workflow")
    kept = Design.objects.filter(kind=Design.Kind.REDESIGN, purged_at=None, workflow__in=workflows)
    for design in kept.select_for_update(no_key=True, of=("self",)):
        if flags.isdisjoint(design.resolves):
            continue
        groups = [_without_evidence(group, flags) for group in design.brief["groups"]]
        Design.objects.filter(pk=design.pk).update(brief={**design.brief, "groups": groups})


def _without_evidence(group: dict, flags: set[str]) -> dict:
    return group if flags.isdisjoint(group["flags"]) else {**group, "evidence": [], "explanation": ""}
