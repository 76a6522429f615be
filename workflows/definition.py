"""A workflow definition, format 1: how it is written, and what it says. Read from JSON once, then never changed.

What comes from outside is read by `parsing.parse`, which finds everything that is wrong; a document it accepted can be read
again with `Definition.model_validate`, which looks at the structure only.
"""

import keyword
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from . import faults
from .names import NAME
from .references import EVERYWHERE, SOMEWHERE, reads_item

MAX_STEPS = 50
MAX_EXAMPLES = 50  # of one step
CALLEE = re.compile(rf"({NAME.pattern})(?:@([0-9]{{1,6}}))?")  # a workflow, and which major version of it
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}

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


def edge_case_id(case: Mapping[str, object]) -> str:
    """Its own id, or a slug of what it says: "The customer is angry" → `the-customer-is-angry`."""
    given, words = case.get("id"), case.get("case")
    if isinstance(given, str):
        return given
    said = re.sub(r"{{.*?}}", " ", words[:500]) if isinstance(words, str) else ""
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))[:64].rstrip("-") or "edge-case"


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


def _role(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,49}", text):
        raise ValueError("'to' names a role: small letters, digits, underscores and hyphens.")
    return text


def _callee(text: str) -> str:
    if not CALLEE.fullmatch(text):
        raise ValueError(
            "'workflow' is the name of a workflow, such as refund, or of one of its major versions, refund@1."
        )
    return text


def _duration(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,4}[mhd]", text):
        raise ValueError("'within' is a number of minutes, hours or days, such as 90m, 12h or 3d.")
    return text


Text = Annotated[str, StringConstraints(pattern=r"\S")]
StepId = Annotated[str, AfterValidator(_identifier)]
EdgeCaseId = Annotated[str, AfterValidator(_label)]
Rung = Literal["frontier", "human"]
RUNGS: tuple[Rung, ...] = ("frontier", "human")
Tier = Literal["cheap", "standard", "frontier"]
Lane = Literal["fast", "quality"]
_RUNG = {"enum": list(RUNGS)}
_RUNGS = {"anyOf": [_RUNG, {"type": "array", "items": _RUNG, "minItems": 1}]}
Shape = object  # any JSON; every text in it is an expression
JsonSchema = dict[str, object]
_LIST = Field(strict=False)  # JSON has lists, a frozen model tuples


def _may_lack(key: str) -> Callable[[dict], None]:
    """For the published schema: a key that is found where it is not written."""

    def lessen(schema: dict) -> None:
        schema["required"] = [one for one in schema["required"] if one != key]

    return lessen


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

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict:
        return {"anyOf": [{"type": "string"}, handler.resolve_ref_schema(handler(core))]}

    @property
    def complaint(self) -> str:
        """What is said where it is not true."""
        return self.message or f"This has to hold and does not: {self.check}"


class EdgeCase(Part):
    """A case that does not go the usual way. With `when`, code decides that it is there, untold to models."""

    model_config = ConfigDict(json_schema_extra=_may_lack("id"))

    id: EdgeCaseId
    case: Text
    handling: Annotated[Text, AfterValidator(_handling)]
    when: Text | None = None
    to: Rung = "human"
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return {"id": edge_case_id(value)} | value if isinstance(value, dict) else value

    @property
    def escalates(self) -> bool:
        return self.handling == "escalate"


class Escalation(Part):
    """Who is asked about a flagged model step."""

    to: Annotated[tuple[Rung, ...], BeforeValidator(_rungs), WithJsonSchema(_RUNGS)] = RUNGS

    @property
    def rungs(self) -> tuple[str, ...]:
        """In the order they are asked, each once; a person is always the last, written or not."""
        return tuple(dict.fromkeys((*self.to, "human")))


class Step(Part):
    """What every kind of step has."""

    id: StepId
    note: str | None = None
    when: Text | None = None
    for_each: Text | None = None
    otherwise: Shape = None
    output_schema: JsonSchema | None = None
    checks: Annotated[tuple[Check, ...], _LIST] = ()
    repairs: Text | None = None

    @property
    def has_otherwise(self) -> bool:
        """Null is an output like any other: whether one was given is another question than which."""
        return "otherwise" in self.model_fields_set

    @property
    def chooses_items(self) -> bool:
        """Whether `when` is asked about each item of a list, and not about the step as a whole."""
        return self.for_each is not None and self.when is not None and reads_item(self.when)


class CodeStep(Step):
    kind: Literal["code"]
    code: Text


def text_output() -> JsonSchema:
    properties = {"text": {"type": "string"}}
    return {"type": "object", "required": ["text"], "additionalProperties": False, "properties": properties}


class Example(Part):
    """What came, and the output that was right."""

    input: object
    output: dict[str, object]


class ModelStep(Step):
    model_config = ConfigDict(json_schema_extra=_may_lack("tier"))

    kind: Literal["model"]
    tier: Tier
    task: Text | None = None
    instructions: str = ""
    examples: Annotated[tuple[Example, ...], Field(strict=False, max_length=MAX_EXAMPLES)] = ()
    prompt: Text
    output_schema: JsonSchema = Field(default_factory=text_output)
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


class ReviewStep(Step):
    """Whom the design asks: a person, who answers the step."""

    kind: Literal["review"]
    for_each: None = None
    repairs: None = None
    to: Annotated[str, AfterValidator(_role)] = "reviewer"
    within: Annotated[str, AfterValidator(_duration)] | None = None
    prompt: Text
    output_schema: JsonSchema

    @property
    def patience(self) -> timedelta | None:
        """How long an answer is waited for; None: for ever."""
        return None if self.within is None else timedelta(minutes=int(self.within[:-1]) * MINUTES[self.within[-1]])


class WorkflowStep(Step):
    """An execution of another workflow of the project: its result is this step's output."""

    kind: Literal["workflow"]
    workflow: Annotated[str, AfterValidator(_callee), Field(json_schema_extra={"pattern": f"^{CALLEE.pattern}$"})]
    arguments: dict[str, Shape] = Field(default_factory=dict)


def called(reference: str) -> tuple[str, int | None]:
    """`refund@1` → `("refund", 1)`; without a number, whatever is live."""
    name, major = CALLEE.fullmatch(reference).groups()
    return name, None if major is None else int(major)


AnyStep = CodeStep | ModelStep | ToolStep | WorkflowStep | ReviewStep


class Lanes(Part):
    """When an execution takes a lane by itself: expressions over the input and the constants."""

    later = frozenset({"batch", "off_peak"})

    quality: Text | None = None


class Definition(Part):
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
        tuple[Annotated[AnyStep, Field(discriminator="kind")], ...],
        Field(strict=False, min_length=1, max_length=MAX_STEPS),
    ]
    result: Shape = None
    escalation: Escalation = Escalation()
    lanes: Lanes = Lanes()
    default_lane: Lane = "fast"

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
        """Those, the rungs that a flagged model step may climb, and the frontier where an execution may take the quality lane."""
        rungs = {*self.escalation.rungs, *(case.to for case in self.edge_cases)} - {"human"}
        if self.lanes.quality is not None or self.default_lane == "quality":
            rungs.add("frontier")
        return self.step_tiers | rungs if self.step_tiers else set()

    @property
    def callees(self) -> set[str]:
        """The workflows that its steps call, as they name them."""
        return {step.workflow for step in self.steps if isinstance(step, WorkflowStep)}
