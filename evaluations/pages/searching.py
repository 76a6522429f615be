"""Searching the tiers of a version, from its page: which models are tried on which step, and first of all what that would cost."""

from collections.abc import Iterator

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from projects.audited import actor
from projects.models import Role
from projects.pages import sentences
from wire.money import to_pico
from wire.problems import Problem
from workflows.definition import ModelStep
from workflows.models import Version

from .. import tier_search
from ..models import TierSearch, digest, gate_of, set_hash
from ..tier_search import Wanted
from .offer import begin_once, offer, offered
from .series import BudgetForm
from .version import EvaluatedVersionAdmin, in_words, refused

SALT = "evaluations.search"


class SearchForm(BudgetForm):
    """A line for each model step of the version: empty, it is tried on every tier of the project."""

    def __init__(self, version: Version, *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.version = version
        tier_map = version.workflow.project.tier_map()
        self.fields["budget"].label = "It may cost at most, in USD, all together"
        for step in version.parsed().steps:
            if isinstance(step, ModelStep):
                self.fields[f"step:{step.id}"] = _models(step, tier_map)

    @property
    def of_models(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in self.fields if ":" in name)

    def wanted(self) -> Wanted:
        said = {name.partition(":")[2]: value for name, value in self.cleaned_data.items() if ":" in name}
        candidates = {step: text.replace(",", " ").split() for step, text in said.items() if text.strip(", ")}
        budget = self.cleaned_data["budget"]
        return Wanted(self.version, candidates, None if budget is None else to_pico(budget))


def _models(step: ModelStep, tier_map: dict[str, str]) -> forms.CharField:
    attrs = {"placeholder": " ".join(tier_map), "size": 60, "spellcheck": "false", "autocomplete": "off"}
    now = f"Now: {step.tier} ({tier_map.get(step.tier, 'no model')})."
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(
        label=f"Step {step.id}", required=False, max_length=5_000, help_text=now, widget=widget, strip=True
    )


class SearchedVersionAdmin(EvaluatedVersionAdmin):
    """The pages of a version, and the one on which its tiers are searched."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.search_tiers)
        return [
            path("<path:object_id>/search-tiers/", view, name="workflows_version_search_tiers"),
            *super().get_urls(),
        ]

    def search_tiers(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Says what it would cost, and begins it once that was seen: exactly what was estimated, and once."""
        version = self.found(request, object_id, Role.DESIGNER)
        cases, why_not, wrong, shown = version.workflow.cases.confirmed().count(), refused(version), [], {}
        form = SearchForm(version, request.POST or None)
        if request.method == "POST" and cases and not why_not and form.is_valid():
            try:
                search = tier_search.examine(form.wanted(), actor(request))
                terms = _terms(search)
                if (pk := offered(request, terms, SALT)) is not None:
                    begin_once(request, search, pk, lambda: tier_search.begin(search))
                    return redirect("admin:evaluations_tiersearch_change", pk)
                shown = {"estimate": _told(search), "offer": offer(terms, SALT)}
            except Problem as problem:
                wrong = sentences(problem)
        shown |= {"form": form, "wrong": wrong, "refused": why_not, "cases": cases, "workflow": version.workflow}
        shown["gate"] = gate_of(version.workflow)
        return self.rendered(
            request, "admin/evaluations/search.html", version, f"Search the tiers of {version}", **shown
        )


def _terms(search: TierSearch) -> str:
    """Of everything that was estimated."""
    cases = set_hash(search.workflow.cases.confirmed().values_list("content_hash", flat=True))
    said = [search.version_id, search.candidates, search.tier_map, search.rules, cases]
    return digest([*said, None if search.budget is None else str(search.budget)])


def _told(search: TierSearch) -> dict[str, object]:
    told = in_words(tier_search.estimate(search), simulated=search.simulated)
    several = len(tier_search.assignments(search))
    return {
        **told,
        "what": f"{several} evaluation{'' if several == 1 else 's'} or more, {told['executions']} executions",
    }


admin.site.unregister(Version)
admin.site.register(Version, SearchedVersionAdmin)
