"""What people say of the answers of an evaluation, beside what its graders say: how far a judge can be trusted."""

from django.db import transaction
from django.utils import timezone

from executions.models import Status
from projects import audit
from projects.audit import Verb
from wire.problems import Conflict

from .models import Result


@transaction.atomic
def say(result: Result, right: bool, by: str) -> None:
    """Stands beside the grade, which stays. Raises `Conflict` where there is no answer to have an opinion of."""
    if result.finished_at is None or result.execution is None or result.execution.status != Status.COMPLETED:
        raise Conflict("This result has no answer to have an opinion of: it is not judged yet, or was not completed.")
    result.person_right, result.person_by, result.person_at = right, by, timezone.now()
    result.save(update_fields=["person_right", "person_by", "person_at"])
    audit.record(result.evaluation.project_id, by, Verb.STATED, result.evaluation, result=result.pk, right=right)
