"""The page on which a workflow's escalation is a number: how good a version is at noticing what it should not answer, by its cases
and by its production, which are never mixed."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from workflows.models import Version, Workflow
from workflows.pages.workflow import WorkflowAdmin

from .. import escalation_quality
from . import told
from .told import Row

VERSIONS = 50
KINDS = [("", "as it was used last"), ("no", "real models"), ("yes", "simulated models")]
PROBES = {
    "recall": ("Recall: flagged what it should flag", "of the cases that expect a flag"),
    "precision": ("Precision: a flag was due", "of the cases that it flagged"),
    "false_escalation": ("Flagged without need", "of the cases with an expected answer"),
    "silent_failure": ("Silent failures: wrong, and nobody would have noticed", "of what completed without a flag"),
}


class DaysForm(forms.Form):
    """Which days are looked at, and of which kind of money."""

    since = forms.DateField(
        label="Production since", required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="UTC"
    )
    until = forms.DateField(
        label="until", required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="exclusive"
    )
    simulated = forms.ChoiceField(label="Of", choices=KINDS, required=False)

    def clean(self) -> dict[str, object]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until <= since:
            raise forms.ValidationError("It ends on a day behind the one on which it begins; that day is not counted.")
        return self.cleaned_data

    @property
    def kind(self) -> bool | None:
        """Whether simulated; None: as it was used last."""
        return {"yes": True, "no": False}.get(self.cleaned_data["simulated"])


class WindowForm(DaysForm):
    """`version`: its number."""

    version = forms.ChoiceField(label="Version", required=False)
    field_order = ("version",)

    def __init__(self, numbers: list[str], *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.fields["version"].choices = [("", "what is live, else the newest"), *((one, one) for one in numbers)]


class EscalationPage(WorkflowAdmin):
    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.escalation)
        return [path("<path:object_id>/escalation/", view, name="workflows_workflow_escalation"), *super().get_urls()]

    def escalation(self, request: HttpRequest, object_id: str) -> HttpResponse:
        workflow = self.found(request, object_id)
        numbers = list(workflow.versions.order_by("-pk").values_list("number", flat=True)[:VERSIONS])
        form, shown = WindowForm(numbers, request.GET), {}
        version = _version(workflow, form.cleaned_data["version"]) if form.is_valid() else None
        if version is not None:
            asked = form.cleaned_data
            window = escalation_quality.window(version, asked["since"], asked["until"], form.kind)
            found = escalation_quality.of(window)
            shown = {"simulated": found["simulated"], "production": _production(found["production"])}
            shown["probes"] = _probes(found["probes"]) if found["probes"] else None
        shown |= {
            "form": form,
            "version": version,
            "back": reverse("admin:workflows_workflow_change", args=[workflow.pk]),
        }
        title = f"How well {workflow.name} notices what it should not answer"
        return self.rendered(request, "admin/evaluations/escalation.html", workflow, title, **shown)


def _version(workflow: Workflow, number: str) -> Version | None:
    if number:
        return workflow.versions.select_related("workflow__project").filter(number=number).first()
    return workflow.live.version if workflow.live else workflow.versions.order_by("-pk").first()


def _probes(found: Row) -> dict[str, object]:
    return {
        "evaluation": found["evaluation"],
        "cases": found["cases"],
        "lines": [(name, about, told.share(found[key])) for key, (name, about) in PROBES.items()],
        "detectors": [_shares(one, "precision", "caught") for one in found["detectors"]],
        "curves": [(step, _curve(curve)) for step, curve in found["curves"].items()],
    }


def _curve(curve: Row) -> dict[str, object]:
    points = [_shares(one, "flagged", "recall", "false_escalation") for one in curve["points"]]
    for point in points:
        point["cost"] = "not measured" if point["cost_per_case"] is None else told.money(point["cost_per_case"])
    return {**curve, "points": points}


def _production(found: Row) -> dict[str, object]:
    checks = found["spot_checks"]
    return {
        **found,
        "lines": [
            ("Recall, estimated", "of what should have been flagged", _estimated(found["recall"])),
            ("Precision: a flag was due", "of the flags that somebody decided", told.share(found["precision"])),
            ("Silent failures, by spot checks", "of a random sample of what nobody flagged", _share(checks)),
            ("Silent failures, by feedback", "of what somebody chose to judge: no sample", _share(found["feedback"])),
        ],
        "undecided_checks": checks["undecided"],
        "detectors": [_shares(one, "precision") for one in found["detectors"]],
    }


def _share(found: Row) -> str:
    return told.share(found["silent_failure"])


def _estimated(found: Row) -> str:
    if found["rate"] is None:
        few = found["spot_checks"] < found["min_spot_checks"]
        return f"takes {found['min_spot_checks']} spot checks, there are {found['spot_checks']}" if few else "not known"
    return f"{told.percent(found['rate'])} ({told.interval(found)})"


def _shares(one: Row, *names: str) -> dict[str, object]:
    return {**one, **{name: told.share(one[name]) for name in names}}
