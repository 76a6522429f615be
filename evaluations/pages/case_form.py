"""The form of a case, on each of the pages where one is made: by hand, in place of another one, of an execution."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django import forms

from projects.admin import pretty
from wire.problems import Fault, Problem
from workflows.models import Workflow
from workflows.pages.fields import sample

from .. import cases
from ..case_shown import plain
from ..cases import ABSENT
from ..models import Case
from .json_fields import AnyJson, Json, written

# What somebody chooses → the kind of the case, and whether it expects a flag.
OUTCOMES = {
    "covered": (Case.Kind.COVERED, False),
    "boundary": (Case.Kind.BOUNDARY, False),
    "boundary flagged": (Case.Kind.BOUNDARY, True),
    "uncovered": (Case.Kind.UNCOVERED, True),
}
SAID = {
    "covered": "covered: it should be answered",
    "boundary": "boundary: covered by little, and should be answered",
    "boundary flagged": "boundary: not covered by little, and should be flagged",
    "uncovered": "uncovered: it should be flagged",
}
LONGEST = cases.MAX_CASE  # characters of a field
PLACES = {"kind": "outcome", "expects_flag": "outcome"}  # where a fault is said that has a field of another name


class CaseForm(forms.Form):
    """`there`: once it was refused for that, the id of the case that has the same content."""

    outcome = forms.ChoiceField(label="Kind", choices=list(SAID.items()), initial="covered")
    input = AnyJson(LONGEST, rows=10, label="What comes in, as JSON")
    expected = AnyJson(
        LONGEST,
        label="What should come of it, as JSON",
        required=False,
        help_text="The whole answer. Empty where a flag is expected.",
    )
    steps = Json(
        dict,
        LONGEST,
        4,
        label="What single steps should say",
        help_text='May be left as it is. A JSON object: {"step": its output}. Then each step has a figure of its own.',
    )
    answers = Json(
        dict,
        LONGEST,
        4,
        label="What is answered instead of being called",
        help_text='A JSON object: {"step": what its tool, review or workflow answers}; of a list: one for each item. '
        "Nothing outside is asked in an evaluation.",
    )
    weight = forms.CharField(initial="1", max_length=20, help_text="As how many cases it counts, such as 2.5.")
    tags = forms.CharField(
        required=False, max_length=2_000, help_text="Words to choose it by, with spaces between them."
    )
    note = forms.CharField(
        required=False, max_length=cases.MAX_NOTE, widget=forms.Textarea(attrs={"rows": 2, "cols": 80})
    )

    there = ""

    def clean_weight(self) -> Decimal:
        try:
            return cases.weight_of(self.cleaned_data["weight"])
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from error

    def said(self, execution: UUID | None = None) -> cases.NewCase:
        """What it says, once it is valid."""
        found = self.cleaned_data
        kind, flagged = OUTCOMES[found["outcome"]]
        return cases.NewCase(
            kind,
            found["input"],
            found["expected"],
            expects_flag=flagged,
            steps=found["steps"],
            answers=found["answers"],
            weight=found["weight"],
            tags=found["tags"].split(),
            note=found["note"],
            execution=execution,
        )

    def refused(self, problem: Problem) -> None:
        """Says it beside the field that it is about."""
        self.there = problem.extra.get("case", "")
        for fault in problem.faults or [Fault("", problem.detail)]:
            name, _, rest = fault.pointer.removeprefix("/").partition("/")
            name = PLACES.get(name, name)
            named = name in self.fields
            where = f"/{rest}" if named and rest else "" if named else fault.pointer
            self.add_error(name if named else None, f"{where}: {fault.detail}" if where else fault.detail)


def of_workflow(workflow: Workflow) -> dict[str, object]:
    """What a form begins with that begins with nothing: an input of the right form."""
    version = cases.version_to_follow(workflow)
    return {"input": written(sample(version.definition["input_schema"])) if version else ""}


def of_case(case: Case) -> dict[str, object]:
    outcome = next(word for word, pair in OUTCOMES.items() if pair == (case.kind, case.expects_flag))
    said = {
        "outcome": outcome,
        "expected": "" if case.expects_flag else written(case.expected),
        "weight": plain(case.weight),
        "tags": " ".join(case.tags),
        "note": case.note,
    }
    return {**said, **_parts(case.input, case.steps, case.answers)}


def of_execution(input: object, output: object, answers: Mapping[str, object]) -> dict[str, object]:
    """`output` ABSENT: it has none, so that it may be one to flag."""
    outcome, expected = ("uncovered", "") if output is ABSENT else ("covered", written(output))
    return {"outcome": outcome, "expected": expected, **_parts(input, {}, answers)}


def _parts(input: object, steps: Mapping[str, object], answers: Mapping[str, object]) -> dict[str, str]:
    return {"input": written(input), "steps": written(steps), "answers": written(answers)}


def followed(workflow: Workflow) -> dict[str, object]:
    """The schemas that a case has to follow, for the page; empty before there is a version."""
    version = cases.version_to_follow(workflow)
    if version is None:
        return {}
    definition = version.definition
    return {
        "version": version,
        "input": pretty(definition["input_schema"]),
        "output": pretty(definition["output_schema"]) if "output_schema" in definition else "",
    }
