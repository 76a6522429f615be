"""The pages of tier searches: the list, and one of them with the evidence of each step, the ways to execute all of it beside each
other, and the draft that came of it."""

from collections.abc import Sequence

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import OwnFilter, usd
from projects.audited import actor
from projects.lists import Bounded
from projects.live import LiveAdmin
from projects.models import Role
from projects.pages import ById, sentences
from wire.money import pico_text, to_pico
from wire.problems import Problem

from .. import running, tier_search
from ..models import Evaluation, TierSearch
from . import search_told
from .evaluation import verdict
from .series import BudgetForm, Statuses

MOVING = (TierSearch.Status.RUNNING, TierSearch.Status.WAITING)


class TierSearchAdmin(ById, LiveAdmin):
    of_project = "project"
    page = "admin/evaluations/search/page.html"
    list_display = ["begun", "version", "stands", "made", "saves", "models"]
    list_filter = [Statuses, ("project", OwnFilter), ("workflow", OwnFilter)]
    list_per_page = 50
    search_fields = ["id"]  # see ById
    search_help_text = "A tier search's id."
    ordering = ["-pk"]
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER
    sortable_by = []
    intro = "For the cheapest model of each step that passes against the frontier. What comes of one is a draft, to be evaluated."
    empty = "There is no tier search yet. Open a version, and search its tiers."

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).select_related("project", "version__workflow__project", "draft__workflow")
        large = ("definition", "design_context", "warnings")
        return rows.defer(*(f"draft__{name}" for name in large), *(f"version__{name}" for name in large))

    def get_urls(self) -> list:
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"evaluations_tiersearch_{word}")
            for word, view in (("cancel", self.cancel), ("budget", self.budget))
        ]
        return [*of_row, *super().get_urls()]

    def moves(self, search: TierSearch) -> bool:
        return search.status in MOVING

    def marks(self, search: TierSearch) -> Sequence[object]:
        """Of its evaluations, how each stands; of the one that is on its way at most, how far it is and what it has cost."""
        several = search.evaluations.order_by("pk").defer("figures", "rules")
        return [(search.status, search.budget, [_stands(one) for one in several])]

    @admin.display(description="begun")
    def begun(self, search: TierSearch) -> str:
        return f"{search.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="status")
    def stands(self, search: TierSearch) -> SafeString | str:
        kind = {True: "good", False: "bad"}.get(search.passed)
        return format_html('<span class="state {}">{}</span>', kind, verdict(search)) if kind else search.status

    @admin.display(description="chosen")
    def models(self, search: TierSearch) -> str:
        return ", ".join(f"{step}: {model}" for step, model in (search.chosen or {}).items()) or "–"

    @admin.display(description="saves, of a case")
    def saves(self, search: TierSearch) -> str:
        chosen = (search.evidence or {}).get("ways", {}).get("chosen")
        return search_told.saving(chosen["saving"]) if chosen else "–"

    @admin.display(description="draft")
    def made(self, search: TierSearch) -> SafeString | str:
        if search.draft is None:
            return "–"
        address = reverse("admin:workflows_version_change", args=[search.draft_id])
        return format_html('<a href="{}">{}</a>', address, search.draft.number)

    def shown(self, request: HttpRequest, search: TierSearch) -> dict[str, object]:
        evidence, moves = search.evidence or {}, search.status in MOVING
        names, lines = search_told.ways(evidence)
        evaluations = _evaluations(search)
        begun = f"{len(evaluations)} evaluation{'' if len(evaluations) == 1 else 's'}"
        return {
            "aloud": search.said or f"It is {search.status}. It has begun {begun}.",
            "workflow": search.workflow,
            "version": search.version,
            "steps": search_told.steps(evidence),
            "ways": names,
            "lines": lines,
            "evaluations": evaluations,
            "cost": usd(tier_search.spent(search), simulated=search.simulated),
            "budget": "none" if search.budget is None else usd(search.budget),
            "tiers": search.tier_map.items(),
            "moves": moves,
            "changes": moves and self.may(request, Role.DESIGNER, search),
            "designs": self.may(request, Role.DESIGNER, search),
        }

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        search = self.found(request, object_id, Role.DESIGNER)

        def do() -> str:
            tier_search.cancel(search, actor(request))
            return "It is cancelled."

        said = ["Its evaluations stay, the one that is on its way is cancelled too, and there is no draft."]
        refused = [] if search.status in MOVING else [f"It has ended: it is {search.status}."]
        named = {"title": "Cancel this tier search", "button": "Cancel it", "said": said, "refused": refused}
        return self.confirmed(request, search, do, back=_address(search), **named)

    def budget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """States what all its evaluations may cost; one that waits for it goes on."""
        search = self.found(request, object_id, Role.DESIGNER)
        now = pico_text(search.budget) or ""
        form, wrong = BudgetForm(request.POST or None, initial={"budget": now}), []
        if request.method == "POST" and form.is_valid():
            try:
                asked = form.cleaned_data["budget"]
                tier_search.raise_budget(search, None if asked is None else to_pico(asked), actor(request))
                return redirect(_address(search))
            except Problem as problem:
                wrong = sentences(problem)
        refused = [] if search.status in MOVING else [f"It has ended: it is {search.status}."]
        shown = {"form": form, "wrong": wrong, "refused": refused, "spent": usd(tier_search.spent(search))}
        shown["back"] = _address(search)
        title = "What this tier search may cost"
        return self.rendered(request, "admin/evaluations/budget.html", search, title, **shown)


def _evaluations(search: TierSearch) -> list[dict[str, object]]:
    """Of which one is on its way at most, so that one is counted."""
    steps = tier_search.designed(search)
    return [
        {
            "row": one,
            "models": tier_search.assignment_of(one, steps),
            "progress": running.progress(one) if one.status in MOVING else None,
        }
        for one in search.evaluations.order_by("pk").defer("figures", "rules")
    ]


def _stands(one: Evaluation) -> tuple[object, ...]:
    moves = (running.progress(one), running.spent(one)) if one.status in MOVING else ()
    return one.pk, one.status, *moves


def _address(search: TierSearch) -> str:
    return reverse("admin:evaluations_tiersearch_change", args=[search.pk])


admin.site.register(TierSearch, TierSearchAdmin)
