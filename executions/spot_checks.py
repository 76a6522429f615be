"""Spot checks: a small share of the executions that nobody flagged stands before a reviewer all the same. Only so is it known how
often an answer is wrong and nobody notices.

Which ones are chosen follows from their ids alone, so that anybody can say afterwards that none was picked.
"""

from hashlib import sha256
from uuid import UUID

from django.db.models.signals import post_save
from django.dispatch import receiver

from projects.models import Project
from projects.remembered import PerProject

from .coverage import Finding
from .effects import Completed, Ending
from .models import Execution, Flag
from .run import Run

ASKED = "Chosen by chance, and nothing is wrong that anybody knows of: is this answer right?"
PARTS = 2**64

_share = PerProject(lambda project: Project.objects.values_list("spot_check_percent", flat=True).get(pk=project))


def is_chosen(execution: UUID, percent: float) -> bool:
    """Whether the first 8 bytes of the SHA-256 of its id, as a fraction of 2⁶⁴, lie below the share."""
    return int.from_bytes(sha256(execution.bytes).digest()[:8], "big") * 100 < percent * PARTS


def look(run: Run, ending: Ending) -> None:
    """Journals the flag of a completed production execution that is chosen and had no other."""
    execution = run.execution
    if not isinstance(ending, Completed) or execution.purpose != Execution.Purpose.PRODUCTION:
        return
    if not is_chosen(execution.pk, _share.of(execution.project_id)) or run.journal.flags:
        return
    if execution.token > 1 and Flag.objects.filter(execution=execution.pk).exists():
        return
    run.flag(Finding("spot_check", "sample", ASKED), answered_by=Execution.Resolver.WORKFLOW)


@receiver(post_save, sender=Project)
def _forget(instance: Project, **kwargs: object) -> None:
    _share.forget(instance.pk)
