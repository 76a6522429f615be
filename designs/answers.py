"""What the frontier answered, read strictly: a design or a redesign, or everything that is wrong with the answer.

Maps are not possible in structured output, so whatever has free keys comes as YAML in a text. What such a text says is read here,
and judged elsewhere: a definition by `workflows.parsing`, a change by the patch, a case by the version that it has to follow.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.types import MAX_ANSWER
from wire import strict_json, strict_yaml
from wire.problems import Fault, Invalid, Problem, pointer
from workflows import faults as sentences

MAX_CASES = 200
MAX_CHANGES = 100
MAX_QUESTIONS = 50
MAX_FAULTS = 50
KINDS = ("covered", "boundary", "uncovered")
FEWEST = {"covered": 3, "boundary": 2, "uncovered": 2}  # of a design, so that each side of a boundary is tried

_LEFT_OUT = ("expects_flag", "steps", "answers", "note", "tags")
Text = Annotated[str, Field(pattern=r"\S")]
_LIST = Field(strict=False)


class Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Fit(Part):
    verdict: Literal["great", "hybrid", "keep_on_frontier"]
    reasons: Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=20)]


class Question(Part):
    """What a person has to decide; `assumed`: what the draft does meanwhile."""

    question: Text
    why: str
    assumed: str


class Considered(Part):
    case: Text
    decision: Text


class Reference(Part):
    """A clause of a policy, and where in the definition it went."""

    clause: Text
    where: Text


class DraftCase(Part):
    """A case that the frontier proposes. Where a flag is expected there is no `expected`: null is an answer like any other, so
    whether one was given is `has_expected`."""

    kind: Literal["covered", "boundary", "uncovered"]
    input: object
    expected: object = None
    expects_flag: bool | None = None
    steps: dict[str, object] = Field(default_factory=dict)
    answers: dict[str, object] = Field(default_factory=dict)
    note: str = ""
    tags: Annotated[tuple[Text, ...], _LIST] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, value: object) -> object:
        """What may be left out may be written as null, too."""
        if not isinstance(value, dict):
            return value
        return {key: one for key, one in value.items() if one is not None or key not in _LEFT_OUT}

    @property
    def has_expected(self) -> bool:
        return "expected" in self.model_fields_set and not self.flagged

    @property
    def flagged(self) -> bool:
        return self.kind == "uncovered" if self.expects_flag is None else self.expects_flag


class DesignAnswer(Part):
    """`definition`: the document, not checked yet; None where the task should not be a workflow. Its JSON is read back."""

    fit: Fit
    questions: Annotated[tuple[Question, ...], _LIST]
    definition: dict[str, object] | None
    cases: Annotated[tuple[DraftCase, ...], _LIST]
    edge_cases_considered: Annotated[tuple[Considered, ...], _LIST]
    policy_references: Annotated[tuple[Reference, ...], _LIST]
    changelog: str


class Change(Part):
    """`path`: a JSON Pointer in which steps and edge cases are named by id. `value`: what its YAML says; None with `remove`."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: object
    why: str


class RedesignAnswer(Part):
    """Without `changes`, its `questions` say why nothing should change."""

    changes: Annotated[tuple[Change, ...], _LIST]
    questions: Annotated[tuple[Question, ...], _LIST]
    cases: Annotated[tuple[DraftCase, ...], _LIST]
    changelog: str


class _Design(Part):
    """A design as it is answered, its documents still YAML."""

    fit: Fit
    questions: Annotated[tuple[Question, ...], Field(strict=False, max_length=MAX_QUESTIONS)]
    definition: str | None
    cases: str
    edge_cases_considered: Annotated[tuple[Considered, ...], _LIST]
    policy_references: Annotated[tuple[Reference, ...], _LIST]
    changelog: Text


class _Change(Part):
    op: Literal["add", "replace", "remove"]
    path: Text
    value: str | None
    why: Text


class _Redesign(Part):
    changes: Annotated[tuple[_Change, ...], Field(strict=False, max_length=MAX_CHANGES)]
    questions: Annotated[tuple[Question, ...], Field(strict=False, max_length=MAX_QUESTIONS)]
    cases: str
    changelog: Text


def read_design(text: str) -> DesignAnswer | list[Fault]:
    """The answer, or what is wrong with it: where, in the answer and inside of its YAML texts, and a sentence."""
    said = _answer(text, _Design, _design_part)
    if isinstance(said, list):
        return said
    found = _Found()
    definition = None if said.definition is None else found.document(said.definition, "/definition")
    cases = found.cases(said.cases)
    found.faults += _of_verdict(said, cases)
    if found.faults:
        return found.faults[:MAX_FAULTS]
    kept = {name: getattr(said, name) for name in _Design.model_fields if name not in ("definition", "cases")}
    return DesignAnswer(**kept, definition=definition, cases=cases)


def read_redesign(text: str) -> RedesignAnswer | list[Fault]:
    """The answer, or what is wrong with it, as of `read_design`."""
    said = _answer(text, _Redesign, _redesign_part)
    if isinstance(said, list):
        return said
    found = _Found()
    changes = tuple(found.change(one, pointer("changes", index)) for index, one in enumerate(said.changes))
    cases = found.cases(said.cases)
    if not changes and not said.questions:
        found.say("/changes", "Without a change a question says why nothing should change, and what a person decides.")
    if changes and not cases:
        found.say("/cases", "A change is proven by cases: add those that were flagged, and one that must not change.")
    if found.faults:
        return found.faults[:MAX_FAULTS]
    return RedesignAnswer(changes=changes, questions=said.questions, cases=cases, changelog=said.changelog)


def too_few_cases(cases: Sequence[DraftCase]) -> list[Fault]:
    """What is missing in the cases of a design, so that both sides of its boundary are tried."""
    there = Counter(case.kind for case in cases)
    wanted = [(kind, least) for kind, least in FEWEST.items() if there[kind] < least]
    return [
        Fault("/cases", f"A design has at least {least} {kind} cases, not {there[kind]}: add what is missing.")
        for kind, least in wanted
    ]


def _of_verdict(said: _Design, cases: Sequence[DraftCase]) -> Iterator[Fault]:
    verdict, kept = said.fit.verdict, said.fit.verdict == "keep_on_frontier"
    if kept and said.definition is not None:
        yield Fault(
            "/definition",
            "With the verdict keep_on_frontier there is no definition: write null, or say hybrid where part of it is a workflow.",
        )
    elif not kept and said.definition is None:
        yield Fault("/definition", f"With the verdict {verdict} there is a definition; what is open is a question.")
    elif kept and cases:
        yield Fault("/cases", "Without a definition there is nothing to try: write [].")


class _Found:
    """Reads the YAML texts of one answer, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def say(self, where: str, detail: str) -> None:
        self.faults.append(Fault(where, detail))

    def yaml(self, text: str, where: str) -> object:
        """What the text says; None where it cannot be read, which is a fault then."""
        try:
            return strict_yaml.loads(_without_fence(text))
        except Invalid as problem:
            self.faults += [fault.under(where) for fault in problem.faults]
        except Problem as problem:
            self.say(where, problem.detail)
        return None

    def document(self, text: str, where: str) -> dict[str, object] | None:
        before = len(self.faults)
        value = self.yaml(text, where)
        if isinstance(value, dict):
            return value
        if len(self.faults) == before:
            self.say(where, "A definition is an object: write its keys, title first, as YAML.")
        return None

    def change(self, said: _Change, where: str) -> Change:
        value = None
        if said.op != "remove" and said.value is None:
            self.say(
                f"{where}/value", f"To {said.op} there has to be a value, as YAML; null as a value is the text 'null'."
            )
        elif said.op != "remove":
            value = self.yaml(said.value, f"{where}/value")
        return Change(op=said.op, path=said.path, value=value, why=said.why)

    def cases(self, text: str) -> tuple[DraftCase, ...]:
        if not text.strip():
            return ()
        before = len(self.faults)
        value = self.yaml(text, "/cases")
        if len(self.faults) > before or value is None:
            return ()
        if not isinstance(value, list):
            self.say("/cases", "The cases are a list: each begins with '- kind: '.")
            return ()
        if len(value) > MAX_CASES:
            self.say("/cases", f"At most {MAX_CASES} cases, not {len(value)}: keep those that differ.")
        read = [self.case(one, index) for index, one in enumerate(value[:MAX_CASES])]
        return tuple(one for one in read if one is not None)

    def case(self, value: object, index: int) -> DraftCase | None:
        where = pointer("cases", index)
        if not isinstance(value, dict):
            self.say(where, "A case is an object with kind, input and what is expected.")
            return None
        try:
            case = DraftCase.model_validate(value)
        except ValidationError as error:
            keys = (DraftCase.model_fields, ())
            found = sentences.of_structure(error, lambda _: keys)
            self.faults += [Fault(where + pointer(*place), detail) for place, detail in found]
            return None
        self.faults += [fault.under(where) for fault in _of_outcome(case)]
        return case


def _of_outcome(case: DraftCase) -> Iterator[Fault]:
    if case.kind == "uncovered" and not case.flagged:
        yield Fault("/expects_flag", "An uncovered case expects a flag.")
    elif case.kind == "covered" and case.flagged:
        yield Fault(
            "/expects_flag", "A covered case expects an answer; one that may be flagged is uncovered or boundary."
        )
    elif case.flagged and case.expected is not None:
        yield Fault("/expected", "Where a flag is expected there is no answer to expect.")
    elif not case.flagged and "expected" not in case.model_fields_set:
        yield Fault("/expected", "Say what the answer should be.")


_FENCE = re.compile(r"\s*```[A-Za-z]*[ \t]*\n(.*?)\n?```\s*", re.DOTALL)


def _without_fence(text: str) -> str:
    """Models put a document into a fence even where nobody asks for one."""
    fenced = _FENCE.fullmatch(text)
    return fenced[1] if fenced else text


Form = TypeVar("Form", bound=Part)


def _answer(text: str, form: type[Form], keys_at: Callable[[sentences.Location], sentences.Keys]) -> Form | list[Fault]:
    """The answer in its form, or what is wrong with it."""
    if len(text) > MAX_ANSWER:
        return [Fault("", f"The answer is longer than {MAX_ANSWER} characters.")]
    try:
        value = strict_json.loads(text)
    except Problem as problem:
        return [Fault("", f"The answer must be one JSON object and nothing else: {problem.detail}")]
    if not isinstance(value, dict):
        return [Fault("", "The answer must be one JSON object and nothing else.")]
    try:
        return form.model_validate(value)
    except ValidationError as error:
        return [Fault(pointer(*place), detail) for place, detail in sentences.of_structure(error, keys_at)]


def _design_part(place: sentences.Location) -> sentences.Keys:
    parts = {"fit": Fit, "questions": Question, "edge_cases_considered": Considered, "policy_references": Reference}
    return (parts[place[0]] if place else _Design).model_fields, ()


def _redesign_part(place: sentences.Location) -> sentences.Keys:
    parts = {"changes": _Change, "questions": Question}
    return (parts[place[0]] if place else _Redesign).model_fields, ()
