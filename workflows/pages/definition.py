"""A definition as a page shows it: fields as tables, steps as a list that one can scan. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from projects.admin import pretty
from wire import strict_yaml

from ..definition import CodeStep, Definition, ModelStep, ReviewStep, Step, ToolStep
from .fields import Field, fields_of


@dataclass(frozen=True)
class Piece:
    """Something that a step has, as text. `value`: it is JSON, and no text."""

    label: str
    text: str = ""
    value: object = None

    @property
    def is_value(self) -> bool:
        return self.text == ""

    @property
    def pretty(self) -> str:
        return pretty(self.value)


@dataclass(frozen=True)
class StepShown:
    """A step in a line (`does`: its tier, tool or role), and its pieces, which are unfolded."""

    number: int
    id: str
    kind: str
    does: str
    task: str = ""
    when: str = ""
    for_each: str = ""
    pieces: list[Piece] = field(default_factory=list)
    output: list[Field] = field(default_factory=list)
    checks: tuple = ()


@dataclass(frozen=True)
class Shown:
    """A whole definition. `fields`, `results`: with whether these are all."""

    definition: Definition
    fields: list[Field]
    all_fields: bool
    results: list[Field]
    steps: list[StepShown]
    yaml: str

    @property
    def input_schema(self) -> dict:
        return self.definition.input_schema


def shown(document: dict) -> Shown:
    definition = Definition.model_validate(document)
    fields, complete = fields_of(definition.input_schema)
    steps = [_step(number, step) for number, step in enumerate(definition.steps, 1)]
    return Shown(
        definition, fields, complete, fields_of(definition.output_schema)[0], steps, strict_yaml.dumps(document)
    )


def _step(number: int, step: Step) -> StepShown:
    return StepShown(
        number=number,
        id=step.id,
        kind=step.kind,
        does=_does(step),
        task=getattr(step, "task", None) or "",
        when=step.when or "",
        for_each=step.for_each or "",
        pieces=list(_pieces(step)),
        output=fields_of(step.output_schema)[0],
        checks=step.checks,
    )


def _does(step: Step) -> str:
    match step:
        case ModelStep():
            return step.tier
        case ToolStep():
            return step.tool
        case ReviewStep():
            return f"asks a {step.to}" + (f", for {step.within}" if step.within else "")
    return ""


def _pieces(step: Step) -> Iterator[Piece]:
    if step.note:
        yield Piece("Note", step.note)
    match step:
        case CodeStep():
            yield Piece("Code", step.code)
        case ToolStep():
            yield Piece("Arguments", value=step.arguments)
        case ReviewStep():
            yield Piece("What is asked", step.prompt)
        case ModelStep():
            yield from _of_model(step)
    if step.has_otherwise:
        yield Piece("Output where it is skipped", value=step.otherwise)
    if step.repairs:
        yield Piece("Sends back", step.repairs)


def _of_model(step: ModelStep) -> Iterator[Piece]:
    if step.instructions:
        yield Piece("Instructions", step.instructions)
    yield Piece("Prompt", step.prompt)
    for number, example in enumerate(step.examples, 1):
        yield Piece(f"Example {number}", value={"input": example.input, "output": example.output})
    if step.min_confidence:
        yield Piece("Least confidence", str(step.min_confidence))
