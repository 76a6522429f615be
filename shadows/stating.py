"""Stating which share of a workflow's executions is shadowed: examined here, and kept in one row of its workflow."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from gateway.providers.registry import is_simulated
from projects import audit
from projects.audit import Verb
from wire.money import pico_text
from wire.problems import Invalid
from workflows.models import Workflow

from . import spending
from .drawing import asked
from .models import Plan, Subject

NO_PROMPT = (
    "A shadow of the task asks the baseline's model by the baseline's prompt, and none is in force: state one first, at "
    "PUT /api/v1/workflows/{name}/baseline with a prompt."
)
NO_MODEL = (
    "There is no model to ask: state a baseline with a model, at PUT /api/v1/workflows/{name}/baseline, or map one to the "
    "project's tier frontier."
)
NO_PRICE = (
    "{model} has no price, so no budget could hold: state one of your own, at PUT /api/v1/prices, or a baseline with a model "
    "that has one."
)


def plan_of(workflow: Workflow) -> Plan | None:
    return Plan.objects.filter(workflow=workflow).first()


def state(workflow: Workflow, said: Mapping[str, object], by: str) -> Plan:
    """`said`: columns of a `Plan`. Raises `Invalid` where an enabled plan could ask nobody, and `Conflict` where the workflow is
    archived."""
    if said["enabled"]:
        workflow.must_be_in_use()
        refuse_unaskable(workflow, said["subject"])
    with transaction.atomic():
        Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
        plan = Plan.objects.select_for_update().filter(workflow=workflow).first() or Plan(workflow=workflow)
        goes_on = plan.enabled and plan.subject == said["subject"]
        for name, value in said.items():
            setattr(plan, name, value)
        if not goes_on:  # it begins with what has completed lately
            plan.looked_until = plan.looked_id = None
        plan.stated_by, plan.stated_at = by, timezone.now()
        plan.save()
        told = {"enabled": plan.enabled, "subject": str(plan.subject), "share": f"{plan.share:.4f}"}
        told["monthly_budget"] = pico_text(plan.monthly_budget)
        audit.record(workflow.project_id, by, Verb.STATED, plan, workflow.name, **told)
    return plan


def refuse_unaskable(workflow: Workflow, subject: str) -> None:
    """Raises `Invalid`."""
    if asked(workflow, Subject.WORKFLOW) is None:
        raise Invalid.at("/subject", NO_MODEL.format(name=workflow.name))
    if subject == Subject.TASK and asked(workflow, subject) is None:
        raise Invalid.at("/subject", NO_PROMPT.format(name=workflow.name))
    model = asked(workflow, subject).model
    if not is_simulated(workflow.project_id, model) and not spending.is_priced(workflow.project_id, model):
        raise Invalid.at("/monthly_budget", NO_PRICE.format(model=model))
