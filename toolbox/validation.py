"""Tools of the kind `schema`: say whether a value follows a JSON Schema that is kept with the tool, and where it does not."""

from collections.abc import Callable
from functools import partial

from projects.models import Tool
from workflows.schemas import Schema, check_schema

from .arguments import Schemas, named, sentence


def faults(tool: Tool) -> dict[str, str]:
    found = {"schema": sentence(check_schema(tool.settings["schema"]))}
    if tool.side_effects:
        found["side_effects"] = "It changes nothing."
    return found


def schemas(tool: Tool) -> Schemas:
    text = {"type": "string"}
    error = named(pointer=text, detail=text)
    return named(value=True), named(valid={"type": "boolean"}, errors={"type": "array", "items": error})


def build(tool: Tool) -> Callable[..., object]:
    return partial(_check, tool.settings["schema"])


def _check(schema: dict, /, value: object) -> dict[str, object]:
    found = Schema(schema).faults(value)
    return {"valid": not found, "errors": [{"pointer": one.pointer, "detail": one.detail} for one in found]}
