"""The form of a decision on the page of the queue: what is decided, the answer that goes with it, and a note."""

from django import forms
from django.http import QueryDict

from wire.problems import Problem

from . import dossier
from .answer_form import AnswerForm
from .dossier import Dossier
from .models import Flag
from .resolution import Decision

SHOWN = 20_000  # characters of what somebody wrote
MAX_NOTE = 10_000
ANSWERS = {dossier.STEP: Flag.Resolution.ANSWERED, dossier.WHOLE: Flag.Resolution.ANSWERED}


class DecisionForm(forms.Form):
    """What is decided of a flag. Offers what would not be refused."""

    decision = forms.ChoiceField()
    answer_now = forms.BooleanField(required=False)
    make_case = forms.BooleanField(required=False)
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 2, "data-key": "n"}),
        help_text="Kept with the flag.",
    )

    def __init__(self, found: Dossier, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.found = found
        self.fields["decision"].choices = [(choice.word, choice.label) for choice in found.choices]
        self.initial["decision"] = found.likely
        step = found.step.output_schema if found.step else None
        self.step = AnswerForm(step, found.step_known, data, prefix="step")
        self.whole = AnswerForm(found.compiled.definition.output_schema, found.whole_known, data, prefix="whole")

    @property
    def chosen(self) -> str:
        return self["decision"].value() or self.found.likely

    @property
    def part(self) -> AnswerForm | None:
        """The form of the answer that goes with what is chosen."""
        match self.cleaned_data.get("decision"):
            case dossier.STEP:
                return self.step
            case dossier.WHOLE:
                return self.whole
            case dossier.REDESIGN if self.cleaned_data.get("answer_now"):
                return self.whole
        return None

    def decided(self, actor: str) -> Decision | None:
        """None where a field is wrong: the form says so."""
        if not self.is_valid():
            return None
        word, part = self.cleaned_data["decision"], self.part
        given = {}
        if part is not None:
            if not part.is_valid():
                return None
            try:
                given = {"step_output" if part is self.step else "output": part.value()}
            except Problem as problem:
                self.refused(problem)
                return None
        if part is self.whole:  # else its box is not shown: a case needs the whole answer
            given["make_case"] = self.cleaned_data["make_case"]
        return Decision(ANSWERS.get(word, word), actor, note=self.cleaned_data["note"], **given)

    def refused(self, problem: Problem) -> None:
        """Says it beside the field that it is about."""
        for fault in problem.faults:
            for root, part in (("/step_output", self.step), ("/output", self.whole)):
                if (fault.pointer + "/").startswith(f"{root}/") and part is self.part:
                    part.complain(fault, root)
                    break
            else:
                self.add_error(None, fault.detail)
        if not problem.faults:
            self.add_error(None, problem.detail)

    def typed(self) -> str:
        """What somebody wrote whom another was faster than, to be copied."""
        word = self.data.get("decision")
        part = self.step if word == dossier.STEP else self.whole if word in (dossier.WHOLE, dossier.REDESIGN) else None
        written = [*(part or ()), self["note"]]
        return "\n".join(f"{field.label}: {field.data}" for field in written if field.data)[:SHOWN]
