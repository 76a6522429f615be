"""The page of a workflow's shadow plan: how many of its executions are shadowed, and for how much. A workflow without a row draws
nothing, and has its page too."""

from decimal import Decimal

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from evaluations.pages import told
from gateway.providers.registry import is_simulated
from projects.admin import OwnFilter, usd
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ReadableAdmin, sentences
from projects.roles import projects_of
from wire.money import rounded
from wire.problems import Problem
from workflows.models import Workflow

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


class PlanAdmin(ReadableAdmin):
    of_project = "workflow__project"
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

    @admin.display
    def project(self, plan: Plan) -> str:
        return plan.workflow.project.name

    @admin.display(description="budget of a month")
    def budget(self, plan: Plan) -> str:
        return usd(plan.monthly_budget)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Plan | None:
        """By its workflow, whether anything was stated or not."""
        rows = Workflow.objects.select_related("project")
        if not request.user.is_superuser:
            rows = rows.filter(project__in=projects_of(request.user, self.seen_by))
        try:
            workflow = rows.filter(pk=object_id).first()
        except (ValueError, OverflowError):
            return None
        return _plan_of(workflow) if workflow else None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("workflow__project")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        plan = self.found(request, object_id)
        designs, wrong = self.may(request, Role.DESIGNER, plan), []
        if request.method == "POST" and not designs:
            raise PermissionDenied
        workflow, form = plan.workflow, PlanForm(request.POST or None, instance=_plan_of(plan.workflow))
        if request.method == "POST" and form.is_valid():
            try:
                stating.state(workflow, form.cleaned_data, actor(request))
                messages.success(request, "The plan is stated.")
                return redirect("admin:shadows_plan_change", workflow.pk)
            except Problem as problem:
                wrong = sentences(problem)
        shown = {"form": form if designs else None, "wrong": wrong, **_told(plan)}
        return self.rendered(request, self.page, plan, f"The shadows of {workflow.name}", **shown)


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
