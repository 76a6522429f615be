"""Trying a version, live or a draft, on an input: a real execution through the ordinary queue, which counts as a trial."""

import json
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from gateway.providers.registry import is_simulated
from projects.audited import actor
from projects.models import Role
from projects.pages import sentences
from wire import strict_json
from wire.problems import Problem
from workflows.models import Version
from workflows.pages.fields import sample
from workflows.pages.version import VersionAdmin

from .. import queue
from ..models import Execution

MAX_INPUT = 1024 * 1024  # characters, as the API takes


class TrialForm(forms.Form):
    input = forms.CharField(
        label="Input, as JSON",
        widget=forms.Textarea(attrs={"rows": 14, "cols": 80, "spellcheck": "false", "class": "code"}),
        max_length=MAX_INPUT,
        help_text="It has to follow the input schema of this version. Secrets are taken out of it, as they are everywhere.",
    )

    def clean_input(self) -> object:
        try:
            return strict_json.loads(self.cleaned_data["input"])
        except Problem as problem:
            raise forms.ValidationError(sentences(problem)) from problem


class TriedVersionAdmin(VersionAdmin):
    """The pages of a version, and the one on which it is tried: that takes an engine, of which `workflows` knows nothing."""

    def get_urls(self) -> list:
        name = "workflows_version_try"
        return [path("<path:object_id>/try/", self.admin_site.admin_view(self.attempt), name=name), *super().get_urls()]

    def attempt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = self.found(request, object_id, Role.DESIGNER)
        models, refused = _models(version)
        form = TrialForm(request.POST or None, initial={"input": _prefilled(request, version)})
        wrong: list[str] = []
        if request.method == "POST" and form.is_valid():
            try:
                made = queue.submit(version, None, form.cleaned_data["input"], actor=actor(request))
                return redirect("admin:executions_execution_change", made.pk)
            except Problem as problem:
                wrong = sentences(problem)
        shown = {"form": form, "wrong": wrong, "refused": refused, "models": models, "workflow": version.workflow}
        return self.rendered(request, "admin/workflows/version/try.html", version, f"Try {version}", **shown)


def _models(version: Version) -> tuple[list[tuple[str, str, bool]], list[str]]:
    """Tier, model and whether it is simulated, of those that the version can reach; and why it cannot be tried."""
    try:
        version.workflow.must_be_in_use()
        tiers, reachable = version.tiers(), version.parsed().reachable_tiers
    except Problem as problem:
        return [], [problem.detail]
    project = version.workflow.project_id
    return [(tier, model, is_simulated(project, model)) for tier, model in tiers.items() if tier in reachable], []


def _prefilled(request: HttpRequest, version: Version) -> str:
    """The input of an execution of the same workflow, where one is named; else one that is made up from the schema."""
    try:
        named = UUID(request.GET.get("from", ""))
    except ValueError:
        named = None
    past = Execution.objects.filter(pk=named, workflow=version.workflow_id, purged_at=None).values_list(
        "input", flat=True
    )
    found = list(past) if named else []
    return json.dumps(found[0] if found else sample(version.definition["input_schema"]), indent=2, ensure_ascii=False)
