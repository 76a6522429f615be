"""The pages of evaluations: the list, and one of them with its verdict, its figures and its results, what went wrong first."""

from decimal import Decimal

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import usd
from projects.models import Role
from wire.money import usd_text

from .. import running
from ..gate import opens
from ..models import Evaluation, Result, TierSearch
from ..representation import figures_of
from . import results, told
from .series import MOVING, SeriesAdmin, aloud, took


def verdict(row: Evaluation | TierSearch) -> str:
    return {True: "passed", False: "refused", None: "–"}[row.passed]


class EvaluationAdmin(SeriesAdmin):
    page = "admin/evaluations/evaluation/page.html"
    list_display = ["begun", "of", "decided", "candidate", "reference", "cost", "stands"]
    list_select_related = ["project", "version__workflow", "incumbent__version"]
    search_help_text = "An evaluation's id."
    intro = (
        "A version over the cases of its workflow, beside what it is to replace. A verdict that passes opens the gate."
    )
    empty = "There is no evaluation yet. Open a version, and evaluate it."
    left = "What was judged stays, and there is no verdict."

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)
        rows = rows.select_related(
            "project", "workflow__live", "version__workflow__project", "incumbent__version__workflow"
        )
        large = ("definition", "design_context", "warnings")
        return rows.defer(
            *(f"incumbent__version__{name}" for name in large), *(f"version__{name}" for name in large[1:])
        )

    @admin.display(description="version")
    def of(self, evaluation: Evaluation) -> str:
        other = told.other(evaluation)
        return f"{evaluation.version} against {other}" if other else f"{evaluation.version} alone"

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
        said, progress = told.headline(evaluation), running.progress(evaluation)
        return {
            "workflow": evaluation.workflow,
            "version": evaluation.version,
            "other": told.other(evaluation),
            "headline": said,
            "aloud": said or aloud(progress),
            "verdict": figures["verdict"] if figures else None,
            "opens": opens(evaluation),
            "is_live": evaluation.workflow.live is not None
            and evaluation.workflow.live.version_id == evaluation.version_id,
            "progress": progress,
            "so_far": results.so_far(evaluation) if moves else None,
            "newest": results.newest(evaluation) if moves else [],
            "took": took(evaluation),
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


def other_arm(evaluation: Evaluation) -> bool:
    return evaluation.against != Evaluation.Against.NOTHING


def _quality(evaluation: Evaluation, arm: str) -> str:
    found = (evaluation.figures or {}).get("arms", {}).get(arm)
    if not found or not found["quality"]["n"]:
        return "–"
    quality = found["quality"]
    return f"{quality['count']} of {quality['n']} ({told.interval(quality)})"


def _cost(evaluation: Evaluation) -> str:
    """So far, where it is not over: what both arms cost, and their judge."""
    if not evaluation.figures:
        return usd(running.spent(evaluation), simulated=evaluation.simulated)
    costs = [arm["cost"] for arm in evaluation.figures["arms"].values()]
    costs += [judge["cost"]] if (judge := evaluation.figures.get("judge")) else []
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
