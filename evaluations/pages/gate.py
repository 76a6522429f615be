"""The page of a workflow's gate: what is asked of a version before it is published. A workflow without a row is asked the
defaults, and has its page too."""

from collections.abc import Mapping

from django import forms
from django.contrib import admin

from projects.admin import OwnFilter, pretty
from projects.lists import Bounded
from workflows.models import Workflow
from workflows.pages.stated import StatedAdmin

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


class GateAdmin(StatedAdmin):
    asks = GateForm
    title = "The gate of {}"
    thanks = "It is stated. Verdicts by other rules do not open the gate any more."
    page = "admin/evaluations/gate/page.html"
    list_display = ["workflow", "project", "min_cases", "margin", "min_recall", "stated_by", "stated_at"]
    list_filter = [("workflow__project", OwnFilter)]
    list_select_related = ["workflow__project"]
    search_fields = ["workflow__name"]
    ordering = ["workflow__name"]
    paginator = Bounded
    intro = "What somebody stated. A workflow that is not listed is asked the defaults; its gate is found on its page."
    empty = "Nobody stated anything: every workflow is asked the defaults. A gate is found on the page of its workflow."

    def of(self, workflow: Workflow) -> Gate:
        return gate_of(workflow)

    def state(self, workflow: Workflow, said: Mapping[str, object], by: str) -> None:
        gate_rules.state(workflow, said, by)

    def told(self, row: Gate) -> dict[str, object]:
        return _told(row)


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
