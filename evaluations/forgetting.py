"""What results say of answers goes with the texts of their executions. What was right, or has changed, and what it cost, stays; a
case is kept until somebody retires it: it was written down to be kept."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet

from .models import ReplayedExecution, Result


def forget(executions: Sequence[UUID], **kwargs: object) -> None:
    _silence(Result.objects.filter(execution__in=executions), "questions")
    _silence(ReplayedExecution.objects.filter(Q(execution__in=executions) | Q(past__in=executions)))


def _silence(rows: QuerySet, *lists: str) -> None:
    """Locked: what is judged meanwhile is not overwritten. `lists`: columns of reasons."""
    results = list(rows.select_for_update(no_key=True))
    for result in results:
        result.said = ""
        result.steps = {step: {**found, "said": ""} for step, found in result.steps.items()}
        for name in lists:
            setattr(result, name, [{**one, "reason": ""} for one in getattr(result, name)])
    rows.model.objects.bulk_update(results, ["said", "steps", *lists], batch_size=200)
