"""What a decision of a person takes in a workflow: stated from a moment on, like a baseline, and measured by nobody."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from projects import audit
from projects.audit import Verb
from wire.money import pico_text
from wire.times import rfc3339

from .models import HumanEffort, Workflow


@transaction.atomic
def state(
    workflow: Workflow, minutes: Decimal, cost_per_hour: int | None, since: datetime | None, by: str
) -> HumanEffort:
    """`cost_per_hour` in pico-dollars. The first statement holds from the workflow's beginning, later ones from now, unless `since`
    says otherwise."""
    beginning = timezone.now() if workflow.human_efforts.exists() else workflow.created_at
    stated = workflow.human_efforts.create(
        minutes_per_review=minutes, cost_per_hour=cost_per_hour, valid_from=since or beginning, stated_by=by
    )
    told = {"minutes_per_review": f"{minutes:.2f}", "cost_per_hour": pico_text(cost_per_hour)}
    told["from"] = rfc3339(stated.valid_from)
    audit.record(workflow.project_id, by, Verb.STATED, stated, workflow.name, **told)
    return stated


def in_force(workflow: Workflow, moment: datetime) -> HumanEffort | None:
    return workflow.human_efforts.filter(valid_from__lte=moment).order_by("-valid_from", "-pk").first()
