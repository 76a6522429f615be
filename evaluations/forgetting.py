"""What results say of answers goes with the texts of their executions. What was right, or has changed, and what it cost, stays; a
case is kept until somebody retires it: it was written down to be kept."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet

from .models import ReplayedExecution, Result


def forget(executions: Sequence[UUID], **kwargs: object) -> None:
    _silence(Result.objects.filter(execution__in=executions))
    judged = [
        result
        for result in Result.objects.select_for_update(no_key=True).filter(execution__in=executions)
        if result.questions
    ]
    for result in judged:
        result.questions = [{**one, "reason": ""} for one in result.questions]
    Result.objects.bulk_update(judged, ["questions"], batch_size=200)
    _silence(ReplayedExecution.objects.filter(Q(execution__in=executions) | Q(past__in=executions)))


def _silence(rows: QuerySet) -> None:
    results = list(rows)
    for result in results:
        result.said = ""
        result.steps = {step: {**found, "said": ""} for step, found in result.steps.items()}
    rows.model.objects.bulk_update(results, ["said", "steps"], batch_size=200)
