"""Evaluating a version, from its page: what it is compared with, on which models, over which cases, and first of all what that
would cost."""

from collections.abc import Iterator

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from executions.estimates import Estimate
from executions.pages.trial import TriedVersionAdmin
from projects.admin import usd
from projects.audited import actor
from projects.models import Role, Tier
from projects.pages import sentences
from wire.money import to_pico
from wire.problems import Problem
from workflows.definition import ModelStep
from workflows.models import Version

from .. import asking
from ..asking import Asked, Ready
from ..models import digest, gate_of
from . import told
from .offer import begin_once, offer, offered

SALT = "evaluations.offer"
AGAINST = [
    ("", "what it is to replace: the live version, or the frontier where there is none"),
    ("incumbent", "the live version"),
    ("frontier", "itself, with every model step on the frontier"),
    ("nothing", "nothing: figures alone, and no verdict"),
]


class EvaluateForm(forms.Form):
    """One line for each tier and each model step of the version: empty, they are as the project has them."""

    against = forms.ChoiceField(label="Compare with", choices=AGAINST, required=False)
    repeats = forms.IntegerField(
        label="How often each case",
        min_value=1,
        max_value=10,
        initial=1,
        help_text="More than once shows what is not the same every time, and costs as often.",
    )
    tags = forms.CharField(
        label="Only cases with one of these tags",
        required=False,
        max_length=1_000,
        help_text="With commas between them. A verdict over a part of the cases does not open the gate.",
    )
    budget = forms.DecimalField(
        label="It may cost at most, in USD",
        required=False,
        min_value=0,
        max_digits=18,
        decimal_places=12,
        help_text="Where that has no room for what comes next, it waits for you. Empty: whatever it costs.",
    )

    def __init__(self, version: Version, *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.version = version
        tier_map = version.workflow.project.tier_map()
        self.models = sorted(set(tier_map.values()))
        reachable = version.parsed().reachable_tiers
        for tier in Tier.values:
            if tier in reachable:
                self.fields[f"tier:{tier}"] = _model(f"Tier {tier}", tier_map.get(tier, ""))
        for step in version.parsed().steps:
            if isinstance(step, ModelStep):
                self.fields[f"step:{step.id}"] = _model(f"Step {step.id}", tier_map.get(step.tier, ""))

    @property
    def of_models(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in self.fields if ":" in name)

    @property
    def of_the_rest(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in self.fields if ":" not in name)

    def asked(self) -> Asked:
        said = self.cleaned_data
        budget = said["budget"]
        return Asked(
            version=self.version,
            models=self._named("step:"),
            tiers=self._named("tier:"),
            against=said["against"] or None,
            tags=[tag.strip() for tag in said["tags"].split(",") if tag.strip()],
            repeats=said["repeats"],
            budget=None if budget is None else to_pico(budget),
        )

    def _named(self, prefix: str) -> dict[str, str]:
        given = (
            (name.removeprefix(prefix), value) for name, value in self.cleaned_data.items() if name.startswith(prefix)
        )
        return {name: value.strip() for name, value in given if value.strip()}


def _model(label: str, now: str) -> forms.CharField:
    """A model of the project's tiers, or any other that is typed."""
    attrs = {"list": "models", "placeholder": now, "size": 40, "spellcheck": "false", "autocomplete": "off"}
    return forms.CharField(label=label, required=False, max_length=250, widget=forms.TextInput(attrs=attrs))


class EvaluatedVersionAdmin(TriedVersionAdmin):
    """The pages of a version, and the one on which it is evaluated: that takes cases, of which `executions` knows nothing."""

    def get_urls(self) -> list:
        name = "workflows_version_evaluate"
        view = self.admin_site.admin_view(self.evaluate)
        return [path("<path:object_id>/evaluate/", view, name=name), *super().get_urls()]

    def evaluate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Says what it would cost, and begins it once that was seen: exactly what was estimated, and once however often the
        button is pressed."""
        version = self.found(request, object_id, Role.DESIGNER)
        cases, why_not, wrong, shown = version.workflow.cases.confirmed().count(), refused(version), [], {}
        form = EvaluateForm(version, request.POST or None)
        if request.method == "POST" and cases and not why_not and form.is_valid():
            try:
                ready = asking.examine(form.asked(), actor(request))
                terms = _terms(ready)
                if (pk := offered(request, terms, SALT)) is not None:
                    begin_once(request, ready.evaluation, pk, lambda: asking.begin(ready))
                    return redirect("admin:evaluations_evaluation_change", pk)
                shown = {"estimate": _told(asking.estimate(ready), ready), "offer": offer(terms, SALT)}
            except Problem as problem:
                wrong = sentences(problem)
        shown |= {"form": form, "wrong": wrong, "refused": why_not, "cases": cases, "workflow": version.workflow}
        shown["gate"] = gate_of(version.workflow)
        return self.rendered(request, "admin/evaluations/evaluate.html", version, f"Evaluate {version}", **shown)


def refused(version: Version) -> list[str]:
    try:
        version.workflow.must_be_in_use()
        version.tiers()
    except Problem as problem:
        return [problem.detail]
    return []


def _terms(ready: Ready) -> str:
    """Of everything that was estimated."""
    one = ready.evaluation
    said = [one.version_id, one.binding, one.against, one.incumbent_id, one.repeats, one.tier_map]
    return digest([*said, None if one.budget is None else str(one.budget), one.cases_hash])


def _told(found: Estimate, ready: Ready) -> dict[str, object]:
    other = told.other(ready.evaluation)
    what = f"{found.executions} executions of {len(ready.cases)} cases{f', against {other}' if other else ''}"
    return {**in_words(found, simulated=ready.evaluation.simulated), "what": what}


def in_words(found: Estimate, *, simulated: bool) -> dict[str, object]:
    """An estimate, as a page tells it."""
    known = found.expected is not None
    return {
        "executions": found.executions,
        "expected": usd(found.expected, simulated=simulated) if known else "not known: a model has no price",
        "upper": usd(found.upper, simulated=simulated),
        "basis": found.basis,
    }
