"""The page of a workflow's gate: what is asked of a version before it is published. A workflow without a row is asked the
defaults, and has its page too."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from projects.admin import OwnFilter, pretty
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ReadableAdmin, sentences
from projects.roles import projects_of
from wire.problems import Problem
from workflows.models import Workflow

from .. import gate_rules
from ..models import Gate, gate_of
from ..statistics import flawless_pairs
from .json_fields import Json


class GateForm(forms.ModelForm):
    graders = Json(
        list, label="Graders of the whole answer", help_text="A JSON list; all of them have to hold. []: exactly."
    )
    step_graders = Json(
        dict, label="Graders of steps", help_text='A JSON object: {"step": [graders]}. Steps without one: exactly.'
    )

    class Meta:
        model = Gate
        fields = ["min_cases", "margin", "min_recall", "graders", "step_graders"]
        labels = {
            "min_cases": "Cases from which on a verdict is needed",
            "margin": "Margin",
            "min_recall": "Flags of uncovered cases",
        }
        help_texts = {
            "min_cases": "With fewer confirmed cases a version is published unproven.",
            "margin": "By how much the share of right answers may lie below what is replaced, at most: 0.1 are ten points.",
            "min_recall": "The share of uncovered cases that a version has to flag: 0.8 are four in five.",
        }


class GateAdmin(ReadableAdmin):
    of_project = "workflow__project"
    page = "admin/evaluations/gate/page.html"
    list_display = ["workflow", "project", "min_cases", "margin", "min_recall", "stated_by", "stated_at"]
    list_filter = [("workflow__project", OwnFilter)]
    list_select_related = ["workflow__project"]
    search_fields = ["workflow__name"]
    ordering = ["workflow__name"]
    paginator = Bounded
    intro = "What somebody stated. A workflow that is not listed is asked the defaults; its gate is found on its page."
    empty = "Nobody stated anything: every workflow is asked the defaults. A gate is found on the page of its workflow."

    @admin.display
    def project(self, gate: Gate) -> str:
        return gate.workflow.project.name

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Gate | None:
        """By its workflow, whether anything was stated or not."""
        rows = Workflow.objects.select_related("project")
        if not request.user.is_superuser:
            rows = rows.filter(project__in=projects_of(request.user, self.seen_by))
        try:
            workflow = rows.filter(pk=object_id).first()
        except (ValueError, OverflowError):
            return None
        return gate_of(workflow) if workflow else None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("workflow__project")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        gate = self.found(request, object_id)
        designs, wrong = self.may(request, Role.DESIGNER, gate), []
        if request.method == "POST" and not designs:
            raise PermissionDenied
        workflow, form = gate.workflow, GateForm(request.POST or None, instance=gate_of(gate.workflow))
        if request.method == "POST" and form.is_valid():
            try:
                gate_rules.state(workflow, form.cleaned_data, actor(request))
                messages.success(request, "It is stated. Verdicts by other rules do not open the gate any more.")
                return redirect("admin:evaluations_gate_change", workflow.pk)
            except Problem as problem:
                wrong = sentences(problem)
        shown = {"form": form if designs else None, "wrong": wrong, **_told(gate)}
        return self.rendered(request, self.page, gate, f"The gate of {workflow.name}", **shown)


def _told(gate: Gate) -> dict[str, object]:
    cases = gate.workflow.cases.confirmed().count()
    return {
        "workflow": gate.workflow,
        "cases": cases,
        "asks": cases >= gate.min_cases,
        "flawless": flawless_pairs(float(gate.margin)) if gate.margin else None,
        "points": f"{100 * gate.margin:.2f}".rstrip("0").rstrip("."),
        "graders": pretty(gate.graders),
        "step_graders": pretty(gate.step_graders),
        "recall": f"{100 * gate.min_recall:.2f}".rstrip("0").rstrip("."),
    }


admin.site.register(Gate, GateAdmin)
