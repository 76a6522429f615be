"""The form in which a design is asked for: the brief in plain words, with files beside it. A file that was chosen stands in a
field of the form from then on, so that what was estimated is what begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from django import forms
from django.core.files.uploadedfile import UploadedFile

from projects.models import Project
from wire import strict_json
from wire.money import to_pico, to_usd, usd_text
from wire.problems import Fault, Invalid, Problem, TooLarge
from workflows.names import NAME

from .. import brief, designing, example_files
from ..models import Design

SLOTS = 3  # policies that a form has room for at first, and that it gets more of
MOST_SLOTS = 30
MOST_EXAMPLES = 1024 * 1024  # characters of examples in a form
FILES = ("document_file", "examples_file")
PLACES = {"model": "target", "files": "document"}  # where a fault is said that has a field of another name
SENTENCES = 12  # beside one field
TOO_LARGE = (
    f"Here examples may have {MOST_EXAMPLES // 1024} KB; send a sample of them, or all of them with manage.py design."
)


def _area(rows: int, **attrs: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "cols": 80, **attrs})


def _file(accept: str) -> forms.FileInput:
    return forms.FileInput(attrs={"accept": accept})


class CostForm(forms.Form):
    """Who designs, and how much that may take."""

    budget = forms.DecimalField(
        label="It may cost at most, in USD",
        min_value=Decimal(0),
        max_digits=18,
        decimal_places=12,
        help_text="Where that has no room for the next round, it waits for you.",
    )
    max_rounds = forms.IntegerField(
        label="Rounds at most",
        min_value=1,
        max_value=designing.MAX_ROUNDS,
        help_text="Each round what is wrong with the answer goes back to the frontier. Most take one or two.",
    )
    target = forms.CharField(
        label="Who designs",
        required=False,
        max_length=250,
        help_text="provider:model. Empty: the frontier of the project, which is what designing is worth.",
        widget=forms.TextInput(attrs={"size": 40, "spellcheck": "false", "autocomplete": "off"}),
    )

    def cost(self) -> dict[str, object]:
        said = self.cleaned_data
        return {"target": said["target"], "max_rounds": said["max_rounds"], "budget": to_pico(said["budget"])}

    def refused(self, problem: Problem) -> None:
        """Says it beside the field that it is about."""
        faults = problem.faults or [Fault("", problem.detail)]
        for fault in faults[:SENTENCES]:
            name, said = self.place(fault)
            self.add_error(name if name in self.fields else None, said)
        if len(faults) > SENTENCES:
            self.add_error(None, f"… and {len(faults) - SENTENCES} more.")

    def place(self, fault: Fault) -> tuple[str, str]:
        """The field, and the sentence."""
        name, _, rest = fault.pointer.removeprefix("/").partition("/")
        name = PLACES.get(name, name)
        return name, fault.detail if name in self.fields and not rest else f"{fault.pointer}: {fault.detail}"


class BriefForm(CostForm):
    """`again`: the design whose brief it begins with; `slots`: policies that there is room for."""

    field_order = ("project", "name", "task", "requirements", "constraints")

    name = forms.RegexField(
        rf"\A{NAME.pattern}\Z",
        label="Name of the workflow",
        max_length=100,
        error_messages={
            "invalid": "A name has 1 to 100 lower-case letters, digits, dots, hyphens and underscores, such as refund-requests."
        },
        help_text="Lower-case letters, digits, dots, hyphens and underscores, such as refund-requests. "
        "Where a workflow has it already, the draft becomes its next version.",
        widget=forms.TextInput(attrs={"size": 40, "spellcheck": "false", "autocomplete": "off"}),
    )
    task = forms.CharField(
        label="The task",
        strip=False,
        widget=_area(6),
        help_text="In plain words, as you would tell a new colleague: what comes in, what has to come out, how often, and "
        "what may go wrong. A few sentences are enough to begin with.",
    )
    requirements = forms.CharField(
        label="Requirements, one a line",
        required=False,
        widget=_area(4),
        help_text="What a right answer has to be: “The answer names the order.” “Amounts above 500 EUR go to a person.”",
    )
    constraints = forms.CharField(
        label="Constraints, one a line",
        required=False,
        widget=_area(3),
        help_text="What it must not do, or may not use: “Nothing is sent to the customer.” “Answers within a minute.”",
    )
    document_file = forms.FileField(
        label="A file of it",
        required=False,
        widget=_file(".md,.markdown,.txt"),
        help_text="A SKILL.md, a page of a handbook: its text takes the place of what stands above.",
    )
    document = forms.CharField(
        label="How it is described by now, in Markdown",
        required=False,
        strip=False,
        widget=_area(5),
        help_text="The text of a SKILL.md, a handbook, a prompt that is in use.",
    )
    examples_file = forms.FileField(
        label="A file of past examples, which ends in .jsonl or .csv",
        required=False,
        widget=_file(".jsonl,.ndjson,.csv"),
        help_text='One JSON object a line, {"input": …, "output": …}, or a table with columns such as input.message and '
        "expected.kind. The output is what was right, where that is known. Some are kept from the frontier, and become cases.",
    )
    examples = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    executions_per_month = forms.IntegerField(
        label="Executions a month",
        required=False,
        min_value=1,
        max_value=brief.MOST_EXECUTIONS,
        help_text="About how often it comes. Then it is said when the design has paid for itself.",
    )

    def __init__(self, projects: Sequence[Project], slots: int, again: Design | None, *args: object, **named: object):
        super().__init__(*args, **named)
        self.projects, self.again = {str(one.pk): one for one in projects}, again
        self.slots = range(min(max(slots, SLOTS), MOST_SLOTS))
        choices = [(pk, one.name) for pk, one in self.projects.items()]
        self.fields["project"] = forms.ChoiceField(label="Project", choices=choices)
        for n in self.slots:
            self.fields[f"policy-{n}-name"] = forms.CharField(
                label=f"Policy {n + 1}: its name", required=False, widget=forms.TextInput(attrs={"size": 40})
            )
            text = forms.CharField(label="Its text", required=False, strip=False, widget=_area(4))
            self.fields[f"policy-{n}-text"] = text
        if again and again.examples:
            self.fields["keep_examples"] = forms.BooleanField(
                label=f"Take along the {len(again.examples)} examples of the design that it begins with", required=False
            )

    def clean(self) -> dict[str, object]:
        for n in self.slots:
            name, text = (self.cleaned_data.get(f"policy-{n}-{part}", "") for part in ("name", "text"))
            if bool(name.strip()) != bool(text.strip()):
                empty = "name" if text.strip() else "text"
                self.add_error(f"policy-{n}-{empty}", "A policy has a name and a text.")
        return self.cleaned_data

    @property
    def head(self) -> Iterator[forms.BoundField]:
        names = ["project", "name", "task", "requirements", "constraints"]
        return (self[name] for name in names if name != "project" or len(self.projects) > 1)

    @property
    def policies(self) -> Iterator[tuple[forms.BoundField, forms.BoundField]]:
        return ((self[f"policy-{n}-name"], self[f"policy-{n}-text"]) for n in self.slots)

    @property
    def material(self) -> Iterator[forms.BoundField]:
        names = ["document", "document_file", "examples_file", "keep_examples"]
        return (self[name] for name in names if name in self.fields)

    @property
    def rest(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in ("executions_per_month", "budget", "max_rounds", "target"))

    @property
    def held(self) -> int:
        """How many examples of a file stand in the form."""
        return len(_examples(self["examples"].value() or ""))

    def asked(self) -> designing.Asked:
        """Raises `Invalid`."""
        said, again = self.cleaned_data, self.again
        policies = [
            {"name": said[f"policy-{n}-name"], "text": said[f"policy-{n}-text"]}
            for n in self.slots
            if said[f"policy-{n}-text"].strip()
        ]
        document = {
            "task": said["task"],
            "requirements": _lines(said["requirements"]),
            "policies": policies,
            "constraints": _lines(said["constraints"]),
            "document": said["document"],
            "files": again.brief.get("files", {}) if again else {},
            "executions_per_month": said["executions_per_month"],
            "answers": again.brief.get("answers", []) if again else [],
        }
        examples = _examples(said["examples"]) or (again.examples if said.get("keep_examples") else [])
        project = self.projects[said["project"]]
        return designing.Asked(project, said["name"], brief.read(document), examples, **self.cost())

    def place(self, fault: Fault) -> tuple[str, str]:
        head, _, rest = fault.pointer.removeprefix("/").partition("/")
        number, _, part = rest.partition("/")
        if not number.isdigit():
            return super().place(fault)
        if head == "policies":
            filled = [n for n in self.slots if self.cleaned_data.get(f"policy-{n}-text", "").strip()]
            return f"policy-{filled[int(number)]}-{part or 'text'}", fault.detail
        if head == "examples":
            return "examples_file", f"Example {int(number) + 1}: {fault.detail}"
        return head, f"Line {int(number) + 1}: {fault.detail}"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _examples(text: str) -> list:
    """As `uploaded` wrote them; what somebody else wrote is looked at like a body of the API."""
    try:
        found = strict_json.loads(text) if text else []
    except Problem:
        return []
    return found if isinstance(found, list) else []


def initial(again: Design | None, name: str, project: int | None) -> dict[str, object]:
    """What the form begins with: a brief that was asked for before, or nothing but a name."""
    said = {
        "name": name,
        "project": project,
        "budget": usd_text(to_usd(designing.BUDGET)),
        "max_rounds": designing.Asked.max_rounds,
    }
    if again is None:
        return said
    given = again.brief
    said |= {key: given.get(key) for key in ("task", "document", "executions_per_month")}
    said |= {key: "\n".join(given.get(key, [])) for key in ("requirements", "constraints")}
    for n, policy in enumerate(given.get("policies", [])):
        said |= {f"policy-{n}-name": policy["name"], f"policy-{n}-text": policy["text"]}
    said |= {"target": again.target, "max_rounds": again.max_rounds, "keep_examples": True}
    return said | ({} if again.budget is None else {"budget": usd_text(to_usd(again.budget))})


def uploaded(posted: Mapping[str, str], files: Mapping[str, UploadedFile]) -> tuple[dict[str, str], dict[str, Problem]]:
    """The fields of the form with what stands in its files, and what is wrong with these, by field."""
    said, wrong = dict(posted.items()), {}
    if "drop_examples" in said:
        said["examples"] = ""
    for field in FILES:
        if field not in files:
            continue
        try:
            said |= {"document_file": _document, "examples_file": _of_examples}[field](files[field])
        except Problem as problem:
            wrong[field] = problem
    return said, wrong


def _document(file: UploadedFile) -> dict[str, str]:
    if file.size > 4 * brief.MAX_MATERIAL:
        raise TooLarge(f"A document has at most {brief.MAX_MATERIAL} characters.")
    try:
        return {"document": file.read().decode("utf-8-sig").replace("\r\n", "\n")}
    except UnicodeDecodeError as error:
        raise Invalid("The file is not UTF-8.") from error


def _of_examples(file: UploadedFile) -> dict[str, str]:
    text = json.dumps(example_files.read(file.name, file.read()), ensure_ascii=False)
    if len(text) > MOST_EXAMPLES:
        raise TooLarge(TOO_LARGE)
    return {"examples": text}


def sentences(problem: Problem) -> list[str]:
    """What is wrong with a file, by its lines."""
    found = [f"{one.pointer.rstrip(': ')}: {one.detail}" if one.pointer else one.detail for one in problem.faults]
    more = len(found) - SENTENCES
    return [*(found[:SENTENCES] or [problem.detail]), *([f"… and {more} more."] if more > 0 else [])]
