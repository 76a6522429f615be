"""A workflow definition, format 1: how it is written, and what it says. Read from JSON once, then never changed.

`parse` is for what comes from outside and finds everything that is wrong; a document it accepted can be read again with
`Definition.model_validate`, which looks at the structure only.
"""

import hashlib
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from wire.problems import Fault, Invalid, pointer

from . import faults, meaning
from .references import EVERYWHERE, SOMEWHERE
from .schemas import subschemas

MAX_OUTPUT_TOKENS = 20_000  # above this providers answer in a stream only

# Which tier a task usually needs, where a step does not say: the table of seed 002.
TASK_TIERS = {
    "classification": "cheap",
    "extraction": "cheap",
    "summarisation": "cheap",
    "summarization": "cheap",
    "formatting": "cheap",
    "generation": "standard",
    "review": "standard",
    "refactoring": "standard",
    "debugging": "standard",
    "planning": "frontier",
    "architecture": "frontier",
}

# An enum with one of these words in a value leaves a model a way out.
WAYS_OUT = {"other", "others", "unknown", "none", "neither", "unclear", "unsure", "undecided", "unspecified"}


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text):
        raise ValueError("A step's 'id' begins with a letter and has at most 64 letters, digits and underscores.")
    if text in EVERYWHERE | SOMEWHERE or keyword.iskeyword(text):
        raise ValueError(f"{text!r} is a reserved name: give the step another 'id'.")
    return text


def _label(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text):
        raise ValueError("An edge case's 'id' has at most 64 letters, digits, hyphens and underscores.")
    return text


def _handling(text: str) -> str:
    if text != "escalate" and text.strip().lower() == "escalate":
        raise ValueError("Write 'handling' exactly as 'escalate'; any other text is an instruction to the model.")
    return text


def _rungs(value: object) -> object:
    """A word is a list of one."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words:
        raise ValueError("'to' is a list of rungs: frontier, human.")
    for word in words:
        if word not in RUNGS:
            raise ValueError(faults.unknown("rung", word, RUNGS))
    if "human" in words[:-1]:
        raise ValueError("'human' is the last rung: nobody is asked after a person.")
    return tuple(words)


Text = Annotated[str, StringConstraints(pattern=r"\S")]
StepId = Annotated[str, AfterValidator(_identifier)]
EdgeCaseId = Annotated[str, AfterValidator(_label)]
Rung = Literal["frontier", "human"]
RUNGS: tuple[Rung, ...] = ("frontier", "human")
Tier = Literal["cheap", "standard", "frontier"]
Shape = object  # any JSON; every text in it is an expression
JsonSchema = dict[str, object]
_LIST = Field(strict=False)  # JSON has lists, a frozen model tuples


class Part(BaseModel):
    """A piece of a definition. `later` are the keys that are designed and not built: refused by name."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    later: ClassVar[frozenset[str]] = frozenset()


class Check(Part):
    """An expression that has to be true; a bare text is one without a message."""

    check: Text
    message: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"check": value} if isinstance(value, str) else value

    @property
    def complaint(self) -> str:
        """What is said where it is not true."""
        return self.message or f"This has to hold and does not: {self.check}"


class EdgeCase(Part):
    """A case that does not go the usual way. With `when`, code decides that it is there, untold to models."""

    id: EdgeCaseId
    case: Text
    handling: Annotated[Text, AfterValidator(_handling)]
    when: Text | None = None
    to: Rung = "human"
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return {"id": meaning.edge_case_id(value)} | value if isinstance(value, dict) else value

    @property
    def escalates(self) -> bool:
        return self.handling == "escalate"


class Escalation(Part):
    """Who is asked about a flagged model step."""

    to: Annotated[tuple[Rung, ...], BeforeValidator(_rungs)] = RUNGS

    @property
    def rungs(self) -> tuple[str, ...]:
        """In the order they are asked, each once; a person is always the last, written or not."""
        return tuple(dict.fromkeys((*self.to, "human")))


class Step(Part):
    """What every kind of step has."""

    later = frozenset({"for_each", "repairs"})

    id: StepId
    note: str | None = None
    when: Text | None = None
    otherwise: Shape = None
    output_schema: JsonSchema | None = None
    checks: Annotated[tuple[Check, ...], _LIST] = ()

    @property
    def has_otherwise(self) -> bool:
        """Null is an output like any other: whether one was given is another question than which."""
        return "otherwise" in self.model_fields_set


class CodeStep(Step):
    kind: Literal["code"]
    code: Text


def _text_output() -> JsonSchema:
    properties = {"text": {"type": "string"}}
    return {"type": "object", "required": ["text"], "additionalProperties": False, "properties": properties}


class ModelStep(Step):
    later = Step.later | {"examples"}

    kind: Literal["model"]
    tier: Tier
    task: Text | None = None
    instructions: str = ""
    prompt: Text
    output_schema: JsonSchema = Field(default_factory=_text_output)
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0
    max_output_tokens: Annotated[int, Field(ge=1, le=MAX_OUTPUT_TOKENS)] = 4096

    @model_validator(mode="before")
    @classmethod
    def _tiered(cls, value: object) -> object:
        """The task says the tier where the step does not."""
        if isinstance(value, dict) and isinstance(value.get("task"), str) and value["task"] in TASK_TIERS:
            return {"tier": TASK_TIERS[value["task"]]} | value
        return value


class ToolStep(Step):
    kind: Literal["tool"]
    tool: Text
    arguments: dict[str, Shape] = Field(default_factory=dict)


class Definition(Part):
    later = frozenset({"lanes"})

    format: Annotated[int, Field(ge=1, le=1)] = 1
    title: Text
    purpose: Text
    input_schema: JsonSchema
    output_schema: JsonSchema | None = None
    timezone: Text = "UTC"
    constants: dict[str, object] = Field(default_factory=dict)
    guidance: str = ""
    covers: Annotated[tuple[Check, ...], _LIST] = ()
    edge_cases: Annotated[tuple[EdgeCase, ...], _LIST] = ()
    steps: Annotated[
        tuple[Annotated[CodeStep | ModelStep | ToolStep, Field(discriminator="kind")], ...],
        Field(strict=False, min_length=1, max_length=meaning.MAX_STEPS),
    ]
    result: Shape = None
    escalation: Escalation = Escalation()

    @property
    def has_result(self) -> bool:
        """Without one the result is the last step's output."""
        return "result" in self.model_fields_set

    @property
    def step_tiers(self) -> set[str]:
        """The tiers that its model steps are assigned."""
        return {step.tier for step in self.steps if isinstance(step, ModelStep)}

    @property
    def reachable_tiers(self) -> set[str]:
        """Those, and the rungs that a flagged model step may climb."""
        rungs = {*self.escalation.rungs, *(case.to for case in self.edge_cases)} - {"human"}
        return self.step_tiers | rungs if self.step_tiers else set()


@dataclass(frozen=True)
class ToolSignature:
    """What a project says about a tool that is registered in it."""

    name: str
    input_schema: dict


def parse(document: object, tools: Mapping[str, ToolSignature]) -> Definition:
    """JSON → definition. Raises `Invalid` with every fault that was found, at most 50 of them."""
    definition, found = _read(document)
    if isinstance(document, dict):
        try:
            found += meaning.faults_of(document, tools)
        except RecursionError:
            found.append(Fault("", "This is nested too deeply."))
    if found or definition is None:
        raise Invalid.of(list(dict.fromkeys(found))[: faults.MAX_FAULTS])
    return definition


def _read(document: object) -> tuple[Definition | None, list[Fault]]:
    try:
        return Definition.model_validate(document), []
    except ValidationError as error:
        return None, [_located(place, detail) for place, detail in faults.of_structure(error, _keys_at)]


def content_hash(document: Any) -> str:
    """SHA-256 of the document as it was submitted, in the canonical JSON of RFC 8785: two spellings, one hash."""
    try:
        return hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise Invalid.at(
            "", "This cannot be written as canonical JSON: a number or a text in it is not exact."
        ) from error


def warnings(definition: Definition) -> list[Fault]:
    """What is allowed and doubtful."""
    found = []
    if not definition.covers:
        found.append(Fault("/covers", "Nothing says which inputs this was designed for: every input is paid for."))
    if not definition.edge_cases:
        found.append(Fault("/edge_cases", "No edge case is named: what is special is left to the model."))
    for index, case in enumerate(definition.edge_cases):
        if case.when is not None and case.to != "human":
            sentence = "Code decides this case, so there is no answer to ask for again: it goes to a person."
            found.append(Fault(pointer("edge_cases", index, "to"), sentence))
    for index, step in enumerate(definition.steps):
        if isinstance(step, ModelStep):
            where = pointer("steps", index)
            if not step.checks:
                found.append(
                    Fault(f"{where}/checks", f"The model step {step.id!r} has no checks: nothing proves its answer.")
                )
            found += [fault.under(f"{where}/output_schema") for fault in _closed_enums(step.output_schema)]
    return found


def _closed_enums(schema: JsonSchema) -> Iterator[Fault]:
    for path, one in subschemas(schema):
        options = one.get("enum")
        if isinstance(options, list) and len(options) > 1 and not any(map(_is_way_out, options)):
            sentence = "A model has to choose one of these even where none fits: add a way out, such as 'other'."
            yield Fault(pointer(*path, "enum"), sentence)


def _is_way_out(option: object) -> bool:
    return option is None or bool(WAYS_OUT & set(re.findall("[a-z]+", str(option).lower())))


_KINDS: dict[object, type[Step]] = {"code": CodeStep, "model": ModelStep, "tool": ToolStep}


def _keys_at(place: faults.Location) -> faults.Keys:
    part = _part_at(place)
    return part.model_fields, part.later


def _part_at(place: faults.Location) -> type[Part]:
    """What pydantic was reading there. Behind the index of a step its places name the step's kind."""
    match place:
        case ():
            return Definition
        case ("steps", _, kind):
            return _KINDS[kind]
        case ("edge_cases", _):
            return EdgeCase
        case ("escalation",):
            return Escalation
        case _:
            return Check


def _located(place: faults.Location, detail: str) -> Fault:
    """The same place in the document, where kinds are no level of their own."""
    if place[:1] == ("steps",) and len(place) > 2 and place[2] in _KINDS:
        place = (*place[:2], *place[3:])
    return Fault(pointer(*place), detail)
