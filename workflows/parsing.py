"""A definition from outside, read: everything that is wrong with it, or the definition; its hash, and what is doubtful in it."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785
from pydantic import ValidationError

from wire.problems import Fault, Invalid, pointer

from . import faults, meaning
from .definition import (
    Check,
    CodeStep,
    Definition,
    EdgeCase,
    Escalation,
    Example,
    JsonSchema,
    Lanes,
    ModelStep,
    Part,
    ReviewStep,
    Step,
    ToolStep,
    WorkflowStep,
)
from .meaning import ToolSignature, WorkflowSignature
from .schemas import subschemas

# An enum with one of these words in a value leaves a model a way out.
WAYS_OUT = {"other", "others", "unknown", "none", "neither", "unclear", "unsure", "undecided", "unspecified"}


def parse(
    document: object, tools: Mapping[str, ToolSignature], workflows: Mapping[str, WorkflowSignature] | None = None
) -> Definition:
    """JSON → definition. `workflows`: those of the project that it calls, as it names them. Raises `Invalid` with every fault
    that was found, at most 50 of them."""
    definition, found = _read(document)
    if isinstance(document, dict):
        try:
            found += meaning.faults_of(document, tools, workflows or {})
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
_KINDS |= {"workflow": WorkflowStep, "review": ReviewStep}


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
        case (("escalation" | "lanes") as key,):
            return {"escalation": Escalation, "lanes": Lanes}[key]
        case ("steps", _, _, "examples", _):
            return Example
        case _:
            return Check


def _located(place: faults.Location, detail: str) -> Fault:
    """The same place in the document, where kinds are no level of their own."""
    if place[:1] == ("steps",) and len(place) > 2 and place[2] in _KINDS:
        place = (*place[:2], *place[3:])
    return Fault(pointer(*place), detail)
