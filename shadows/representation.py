"""Shadows as they are shown outside."""

from collections.abc import Sequence
from decimal import Decimal

from gateway.providers.registry import is_simulated
from wire.money import pico_text, rate_text
from wire.times import rfc3339
from workflows.models import Workflow

from . import spending
from .drawing import asked
from .models import Plan, Shadow, Subject


def represent_plan(workflow: Workflow, plan: Plan | None) -> dict:
    """Where nobody stated one, nothing is drawn."""
    subject = plan.subject if plan else Subject.WORKFLOW.value
    what = asked(workflow, subject)
    simulated = bool(what) and is_simulated(workflow.project_id, what.model)
    return {
        "workflow": workflow.name,
        "enabled": bool(plan and plan.enabled),
        "subject": subject,
        "share": rate_text(Decimal(plan.share) if plan else Decimal(0)),
        "monthly_budget": plan and pico_text(plan.monthly_budget),
        "spent": pico_text(spending.spent(workflow.pk, simulated)),
        "model": what and what.model,
        "stated_by": plan.stated_by or None if plan else None,
        "stated_at": rfc3339(plan.stated_at) if plan else None,
    }


def represent_shadows(shadows: Sequence[Shadow]) -> list[dict]:
    return [_shadow(shadow) for shadow in shadows]


def represent_shadow(shadow: Shadow) -> dict:
    return {
        **_shadow(shadow),
        "steps": shadow.steps,
        "prompt": shadow.prompt or None,
        "before": shadow.past.output,
        "after": shadow.output,
    }


def _shadow(shadow: Shadow) -> dict:
    return {
        "id": str(shadow.pk),
        "workflow": shadow.workflow.name,
        "version": shadow.version.number,
        "past_execution": str(shadow.past_id),
        "execution": str(shadow.execution_id) if shadow.execution_id else None,
        "subject": shadow.subject,
        "status": shadow.status,
        "model": shadow.model,
        "simulated": shadow.simulated,
        "flagged": shadow.flagged,
        "day": shadow.day.isoformat(),
        "same": shadow.same,
        "said": shadow.said,
        "cost": pico_text(shadow.cost),
        "created_at": rfc3339(shadow.created_at),
        "finished_at": rfc3339(shadow.finished_at),
    }
