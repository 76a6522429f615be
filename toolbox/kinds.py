"""The kinds of tools that are data, by name. Asked by the registry of tools, and where the row of one is saved."""

from collections.abc import Callable
from dataclasses import dataclass

from projects.models import Tool

from . import database, request, search, validation
from .arguments import Schemas, fault_of_answer, fault_of_arguments

FUNCTION = Tool.Kind.FUNCTION.value


@dataclass(frozen=True)
class Kind:
    """`build`: of a row the function that calls it. `faults`: what is wrong with its settings, by their names, in sentences.
    `schemas`: of its arguments and its answer, where the kind itself says them."""

    build: Callable[[Tool], Callable[..., object]]
    faults: Callable[[Tool], dict[str, str]]
    schemas: Callable[[Tool], Schemas] | None = None
    may_change: bool = False


KINDS = {
    Tool.Kind.SQL.value: Kind(database.build, database.faults),
    Tool.Kind.HTTP.value: Kind(request.build, request.faults, may_change=True),
    Tool.Kind.SCHEMA.value: Kind(validation.build, validation.faults, validation.schemas),
    Tool.Kind.TEXT.value: Kind(search.build, search.faults, search.schemas),
}


def faults_of(tool: Tool) -> dict[str, str]:
    """What is wrong with a tool that is data, by field; the sentence of what concerns it as a whole stands under an empty name."""
    kind = KINDS[tool.kind]
    if kind.schemas:
        tool.input_schema, tool.output_schema = kind.schemas(tool)
    found = {
        "input_schema": fault_of_arguments(tool.input_schema),
        "output_schema": fault_of_answer(tool.output_schema),
        "retries": _fault_of_retries(tool),
        "takes_key": "Only what has side effects takes a key." if tool.takes_key and not tool.side_effects else "",
    }
    if not found["input_schema"]:
        found |= kind.faults(tool)
    return {name: fault for name, fault in found.items() if fault}


def _fault_of_retries(tool: Tool) -> str:
    if tool.retries and tool.side_effects and not tool.takes_key:
        return "A tool with side effects is called again only where it takes a key: write 0."
    return ""
