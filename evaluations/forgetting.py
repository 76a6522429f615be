"""What results say of answers goes with the texts of their executions. What was right, and what it cost, stays; a case is kept
until somebody retires it: it was written down to be kept."""

from collections.abc import Sequence
from uuid import UUID

from .models import Result


def forget(executions: Sequence[UUID], **kwargs: object) -> None:
    results = list(Result.objects.filter(execution__in=executions))
    for result in results:
        result.said = ""
        result.questions = [{**one, "reason": ""} for one in result.questions]
        result.steps = {step: {**found, "said": ""} for step, found in result.steps.items()}
    Result.objects.bulk_update(results, ["said", "steps", "questions"], batch_size=200)
