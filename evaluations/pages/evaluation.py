"""The pages of evaluations: the list, and one of them with its verdict, its figures and its results, what went wrong first."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import OwnFilter, usd
from projects.audited import actor
from projects.lists import Bounded, OneOf
from projects.models import Role
from projects.pages import ById, ReadableAdmin, sentences
from wire.money import to_pico, to_usd, usd_text
from wire.problems import Problem

from .. import running
from ..gate import opens
from ..models import Evaluation, Result
from ..representation import figures_of, progress
from . import results, told

MOVING = (Evaluation.Status.RUNNING, Evaluation.Status.WAITING)


class Statuses(OneOf):
    title = parameter_name = "status"
    words = tuple(Evaluation.Status.values)


class BudgetForm(forms.Form):
    budget = forms.DecimalField(
        label="It may cost, in USD",
        required=False,
        min_value=Decimal(0),
        max_digits=18,
        decimal_places=12,
        help_text="Empty: whatever it costs. What is on its way is counted.",
    )


def verdict(evaluation: Evaluation) -> str:
    return {True: "passed", False: "refused", None: "–"}[evaluation.passed]


class EvaluationAdmin(ById, ReadableAdmin):
    of_project = "project"
    page = "admin/evaluations/evaluation/page.html"
    list_display = ["begun", "of", "decided", "candidate", "reference", "cost", "stands"]
    list_filter = [Statuses, ("project", OwnFilter), ("workflow", OwnFilter)]
    list_select_related = ["project", "version__workflow", "incumbent__version"]
    list_per_page = 50
    search_fields = ["id"]  # see ById
    search_help_text = "An evaluation's id."
    ordering = ["-pk"]
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER  # each would count every row
    sortable_by = []  # each would sort every row
    intro = (
        "A version over the cases of its workflow, beside what it is to replace. A verdict that passes opens the gate."
    )
    empty = "There is no evaluation yet. Open a version, and evaluate it."

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)
        rows = rows.select_related(
            "project", "workflow__live", "version__workflow__project", "incumbent__version__workflow"
        )
        large = ("definition", "design_context", "warnings")
        return rows.defer(
            *(f"incumbent__version__{name}" for name in large), *(f"version__{name}" for name in large[1:])
        )

    def get_urls(self) -> list:
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"evaluations_evaluation_{word}")
            for word, view in (("cancel", self.cancel), ("budget", self.budget))
        ]
        return [*of_row, *super().get_urls()]

    @admin.display(description="begun")
    def begun(self, evaluation: Evaluation) -> str:
        return f"{evaluation.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="version")
    def of(self, evaluation: Evaluation) -> str:
        other = told.other(evaluation)
        return f"{evaluation.version} against {other}" if other else f"{evaluation.version} alone"

    @admin.display(description="status")
    def stands(self, evaluation: Evaluation) -> str:
        if evaluation.status == Evaluation.Status.COMPLETED:
            return evaluation.status
        return f"{evaluation.status}: {progress(evaluation)['done']} of {evaluation.total}"

    @admin.display(description="right")
    def candidate(self, evaluation: Evaluation) -> str:
        return _quality(evaluation, Result.Arm.CANDIDATE)

    @admin.display(description="what it replaces")
    def reference(self, evaluation: Evaluation) -> str:
        return _quality(evaluation, Result.Arm.REFERENCE)

    @admin.display(description="verdict")
    def decided(self, evaluation: Evaluation) -> SafeString | str:
        kind = {True: "good", False: "bad"}.get(evaluation.passed)
        return format_html('<span class="state {}">{}</span>', kind, verdict(evaluation)) if kind else "–"

    @admin.display(description="cost")
    def cost(self, evaluation: Evaluation) -> str:
        return _cost(evaluation)

    def shown(self, request: HttpRequest, evaluation: Evaluation) -> dict[str, object]:
        only = request.GET.get("only", "")
        only = only if only in results.FILTERS else ""
        rows, page = results.page(evaluation, only, request.GET.get("page", "1"))
        moves, figures = evaluation.status in MOVING, figures_of(evaluation)
        return {
            "workflow": evaluation.workflow,
            "version": evaluation.version,
            "other": told.other(evaluation),
            "headline": told.headline(evaluation),
            "verdict": figures["verdict"] if figures else None,
            "opens": opens(evaluation),
            "is_live": evaluation.workflow.live is not None
            and evaluation.workflow.live.version_id == evaluation.version_id,
            "progress": progress(evaluation),
            "cost": _cost(evaluation),
            "budget": usd(evaluation.budget) if evaluation.budget is not None else "none",
            "kinds": figures["kinds"] if figures else {},
            "lines": told.lines(figures["arms"]) if figures else [],
            "pairs": told.pairs(figures["pairs"]) if figures and figures["pairs"] else None,
            "steps": told.steps(figures["arms"]) if figures else [],
            "detectors": _detectors(figures["arms"]) if figures else [],
            "judge": told.judge(figures["judge"]) if figures and figures.get("judge") else "",
            "rows": rows,
            "page": page,
            "only": only,
            "filters": results.FILTERS if other_arm(evaluation) else {"": "All", "failures": "Failures"},
            "changes": moves and self.may(request, Role.DESIGNER, evaluation),
            "designs": self.may(request, Role.DESIGNER, evaluation),
        }

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        evaluation = self.found(request, object_id, Role.DESIGNER)

        def do() -> str:
            running.cancel(evaluation, actor(request))
            return "It is cancelled."

        refused = [] if evaluation.status in MOVING else [f"It has ended: it is {evaluation.status}."]
        said = [
            "What was judged stays, and there is no verdict. What is on its way is cancelled, and paid as far as it came."
        ]
        named = {"title": "Cancel this evaluation", "button": "Cancel it", "said": said, "refused": refused}
        return self.confirmed(request, evaluation, do, back=_address(evaluation), **named)

    def budget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """States what it may cost; one that waits for it goes on."""
        evaluation = self.found(request, object_id, Role.DESIGNER)
        now = "" if evaluation.budget is None else usd_text(to_usd(evaluation.budget))
        form, wrong = BudgetForm(request.POST or None, initial={"budget": now}), []
        if request.method == "POST" and form.is_valid():
            try:
                asked = form.cleaned_data["budget"]
                running.raise_budget(evaluation, None if asked is None else to_pico(asked), actor(request))
                return redirect(_address(evaluation))
            except Problem as problem:
                wrong = sentences(problem)
        refused = [] if evaluation.status in MOVING else [f"It has ended: it is {evaluation.status}."]
        shown = {"form": form, "wrong": wrong, "refused": refused, "spent": usd(running.spent(evaluation))}
        title = "What this evaluation may cost"
        return self.rendered(request, "admin/evaluations/evaluation/budget.html", evaluation, title, **shown)


def other_arm(evaluation: Evaluation) -> bool:
    return evaluation.against != Evaluation.Against.NOTHING


def _address(evaluation: Evaluation) -> str:
    return reverse("admin:evaluations_evaluation_change", args=[evaluation.pk])


def _quality(evaluation: Evaluation, arm: str) -> str:
    found = (evaluation.figures or {}).get("arms", {}).get(arm)
    if not found or not found["quality"]["n"]:
        return "–"
    quality = found["quality"]
    return f"{quality['count']} of {quality['n']} ({told.interval(quality)})"


def _cost(evaluation: Evaluation) -> str:
    """So far, where it is not over: what both arms cost."""
    if not evaluation.figures:
        return usd(running.spent(evaluation), simulated=evaluation.simulated)
    costs = [arm["cost"] for arm in evaluation.figures["arms"].values()]
    if None in costs:
        return "unpriced"
    return f"{usd_text(sum(map(Decimal, costs)))} USD{' (simulated)' if evaluation.simulated else ''}"


def _detectors(arms: dict) -> list[dict[str, object]]:
    names = {"candidate": "the candidate", "reference": "the other"}
    return [
        {**found, "arm": names[arm], "precision": told.share(found["precision"])}
        for arm, figures in arms.items()
        for found in figures["detectors"]
    ]


admin.site.register(Evaluation, EvaluationAdmin)
