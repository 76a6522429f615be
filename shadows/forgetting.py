"""What shadows say of answers goes with the texts of the executions they repeat, and so do those of the executions they are. What
was the same, and what it cost, stays."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from executions.retention import purge_copies
from gateway.models import Payload

from .ending import ACTOR
from .models import Shadow


def forget(executions: Sequence[UUID], **kwargs: object) -> None:
    """Locked: what is compared meanwhile is not overwritten. An execution that a shadow is has the texts of the past one too; one
    that is on its way has them until it ends (`ending`)."""
    past = set(executions)
    mine = Shadow.objects.filter(Q(past__in=executions) | Q(execution__in=executions))
    found = list(mine.select_for_update(no_key=True, of=("self",)))
    Payload.objects.filter(pk__in=[call for shadow in found for call in shadow.calls]).delete()
    for shadow in found:
        shadow.output, shadow.prompt = None, ""
        shadow.said = shadow.said if shadow.status == Shadow.Status.SKIPPED else ""
        shadow.steps = {step: {**of, "said": ""} for step, of in shadow.steps.items()}
    Shadow.objects.bulk_update(found, ["output", "prompt", "said", "steps"], batch_size=200)
    purge_copies([shadow.execution_id for shadow in found if shadow.execution_id and shadow.past_id in past], ACTOR)
