"""The page of a workflow's shadow plan: how many of its executions are shadowed, and for how much. A workflow without a row draws
nothing, and has its page too."""

from collections.abc import Mapping
from decimal import Decimal

from django import forms
from django.contrib import admin

from evaluations.pages import told
from gateway.providers.registry import is_simulated
from projects.admin import OwnFilter, usd
from projects.lists import Bounded
from wire.money import rounded
from workflows.models import Workflow
from workflows.pages.stated import StatedAdmin

from .. import figures, spending, stating
from ..drawing import asked
from ..models import Plan, Subject

SUBJECTS = [
    (Subject.WORKFLOW, "the same workflow, each model step on the baseline's model"),
    (Subject.TASK, "the task without its workflow, by the baseline's prompt"),
]


class PlanForm(forms.ModelForm):
    subject = forms.ChoiceField(label="What is run", choices=SUBJECTS, widget=forms.RadioSelect)

    class Meta:
        model = Plan
        fields = ["enabled", "subject", "share", "monthly_budget"]
        labels = {"enabled": "Draw executions", "share": "Share", "monthly_budget": "Budget of a month, in USD"}
        help_texts = {
            "share": "Of the completed executions: 0.05 are one in twenty.",
            "monthly_budget": "In UTC. What is drawn and finds no room in it is skipped, and shown as skipped.",
        }


class PlanAdmin(StatedAdmin):
    asks = PlanForm
    title = "The shadows of {}"
    thanks = "The plan is stated."
    page = "admin/shadows/plan/page.html"
    list_display = ["workflow", "project", "enabled", "subject", "share", "budget", "stated_by", "stated_at"]
    list_filter = [("workflow__project", OwnFilter)]
    list_select_related = ["workflow__project"]
    search_fields = ["workflow__name"]
    ordering = ["workflow__name"]
    paginator = Bounded
    intro = (
        "Which share of a workflow's executions is run once more on the baseline's model. A plan is stated on its page."
    )
    empty = "Nobody stated a plan: nothing is shadowed. It is found on the page of its workflow."

    @admin.display(description="budget of a month")
    def budget(self, plan: Plan) -> str:
        return usd(plan.monthly_budget)

    def of(self, workflow: Workflow) -> Plan:
        return _plan_of(workflow)

    def state(self, workflow: Workflow, said: Mapping[str, object], by: str) -> None:
        stating.state(workflow, said, by)

    def told(self, row: Plan) -> dict[str, object]:
        return _told(row)


def _plan_of(workflow: Workflow) -> Plan:
    """The row, or an unsaved one that draws nothing."""
    return stating.plan_of(workflow) or Plan(workflow=workflow, enabled=False, monthly_budget=None)


def _told(plan: Plan) -> dict[str, object]:
    workflow, what = plan.workflow, asked(plan.workflow, plan.subject)
    simulated = bool(what) and is_simulated(workflow.project_id, what.model)
    return {
        "workflow": workflow,
        "model": what.model if what else "",
        "spent": usd(spending.spent(workflow.pk, simulated), simulated=simulated),
        "budget": usd(plan.monthly_budget),
        "percent": f"{100 * plan.share:.2f}".rstrip("0").rstrip("."),
        "subjects": [_subject(found) for found in figures.of(workflow)],
    }


def _subject(found: dict) -> dict[str, object]:
    return {
        **found,
        "agreement": told.share(found["agreement"]),
        "mean_cost": rounded(Decimal(found["mean_cost"])) if found["mean_cost"] else "–",
        "steps": [(step, told.share(share)) for step, share in found["steps"].items()],
    }


admin.site.register(Plan, PlanAdmin)
