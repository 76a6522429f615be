"""What is drawn for shadows, for how much, and where that is stated: what is to do for more of them."""

from dataclasses import dataclass

from django.urls import reverse

from gateway.providers.registry import is_simulated
from shadows import spending, stating
from shadows.drawing import Asked as What
from shadows.drawing import asked as what_is_run
from shadows.models import Plan, Subject
from wire.money import to_usd

from ...numbers import rate, usd
from ..asking import Asked

RUN = {Subject.WORKFLOW: "the same workflow on it", Subject.TASK: "the task in one call to it"}


@dataclass(frozen=True)
class Told:
    """`said`: sentences. `link`: to the page on which it is stated, and what that is called. `calls`: what this month's shadows
    paid for."""

    said: list[str]
    link: str
    label: str
    calls: str = ""


def told(about: Asked) -> Told:
    plan = stating.plan_of(about.workflow)
    link = reverse("admin:shadows_plan_change", args=[about.workflow.pk])
    if plan is None:
        return Told([NOBODY], link, "State a shadow plan")
    what = what_is_run(about.workflow, plan.subject)
    simulated = bool(what) and is_simulated(about.project.pk, what.model)
    said = [*_of(plan), *_spent(plan, simulated), *_asked(about, what, plan, simulated)]
    month = spending.begins().date().isoformat()
    kind = "true" if simulated else "false"
    calls = about.to(
        "calls", figure="shadow_cost", since=month, until=None, simulated=kind, baseline=None, subject=None
    )
    return Told(said, link, "See the shadow plan", calls)


NOBODY = (
    "Nobody stated a shadow plan, so no execution is run again. A plan says which share is, and for how much a month."
)


def _of(plan: Plan) -> list[str]:
    if not plan.enabled:
        return ["The shadow plan is switched off, so no execution is run again."]
    share = rate(plan.share, places=1 if plan.share >= 0.01 else 2).replace(".0%", "%")
    return [
        f"The plan runs {share} of the completed executions again, for {usd(to_usd(plan.monthly_budget))} a month at most."
    ]


def _spent(plan: Plan, simulated: bool) -> list[str]:
    spent, kind = spending.spent(plan.workflow_id, simulated), "simulated " if simulated else ""
    if not spent:
        return ["Nothing was spent on shadows this month."]
    used_up = plan.enabled and spent >= plan.monthly_budget
    full = " The budget is used up: what is drawn until the month ends is skipped." if used_up else ""
    return [f"This month they cost {usd(to_usd(spent))} {kind}so far.{full}"]


def _asked(about: Asked, what: What | None, plan: Plan, simulated: bool) -> list[str]:
    if what is None:
        asks = "a model and a prompt" if plan.subject == Subject.TASK else "a model"
        return [f"There is nothing to ask yet: state a baseline with {asks}."]
    said = [f"It asks {what.model}: {RUN[plan.subject]}."]
    if "simulated" in about.given and simulated != about.extent.simulated:
        said.append("That is of the other kind of money, so none of them stand on this page.")
    return said
