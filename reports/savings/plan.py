"""What is drawn for shadows, for how much, and where that is stated: what is to do for more of them."""

from dataclasses import dataclass

from django.urls import reverse

from gateway.providers.registry import is_simulated
from shadows import spending, stating
from shadows.drawing import asked as what_is_run
from shadows.models import Plan, Subject
from wire.money import to_usd

from ..numbers import rate, usd
from .asking import Asked

RUN = {Subject.WORKFLOW: "the same workflow on it", Subject.TASK: "the task in one call to it"}


@dataclass(frozen=True)
class Told:
    """`said`: sentences. `link`: to the page on which it is stated, and what that is called."""

    said: list[str]
    link: str
    label: str


def told(about: Asked) -> Told:
    plan = stating.plan_of(about.workflow)
    said = [*_of(plan), *_spent(about, plan), *_asked(about, plan)] if plan else [NOBODY]
    link = reverse("admin:shadows_plan_change", args=[about.workflow.pk])
    return Told(said, link, "See the shadow plan" if plan else "State a shadow plan")


NOBODY = (
    "Nobody stated a shadow plan, so no execution is run again. A plan says which share is, and for how much a month."
)


def _of(plan: Plan) -> list[str]:
    if not plan.enabled:
        return ["The shadow plan is switched off, so no execution is run again."]
    share = rate(plan.share, 1 if plan.share >= 0.01 else 2).replace(".0%", "%")
    return [
        f"The plan runs {share} of the completed executions again, for {usd(to_usd(plan.monthly_budget))} a month at most."
    ]


def _spent(about: Asked, plan: Plan) -> list[str]:
    spent, budget = spending.spent(about.workflow.pk, about.extent.simulated), plan.monthly_budget
    kind = "simulated " if about.extent.simulated else ""
    if not spent:
        return [f"Nothing {kind}was spent on shadows this month."]
    full = (
        " The budget is used up: what is drawn until the month ends is skipped."
        if plan.enabled and spent >= budget
        else ""
    )
    return [f"This month they cost {usd(to_usd(spent))} {kind}so far.{full}"]


def _asked(about: Asked, plan: Plan) -> list[str]:
    what = what_is_run(about.workflow, plan.subject)
    if what is None:
        asks = "a model and a prompt" if plan.subject == Subject.TASK else "a model"
        return [f"There is nothing to ask yet: state a baseline with {asks}."]
    if is_simulated(about.project.pk, what.model) != about.extent.simulated:
        return [f"The model that it asks, {what.model}, is of the other kind of money, so none are added here."]
    return [f"It asks {what.model}: {RUN[plan.subject]}."]
