"""What a tool that is data takes and answers: its two schemas, and its arguments by name."""

from wire.problems import Fault
from workflows.schemas import check_schema

Schemas = tuple[dict, dict | None]
MAX_ARGUMENTS = 50
RESERVED = "idempotency_key"  # what a tool that takes a key is given beside its arguments


def named(**properties: object) -> dict:
    """The schema of arguments that are all required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def fault_of_arguments(schema: object) -> str:
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict) or schema.get("type") != "object":
        return 'Write a schema such as {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}.'
    if fault := sentence(check_schema(schema)):
        return fault
    if schema.get("additionalProperties"):
        return "A tool takes the arguments that it names: leave `additionalProperties` out."
    if len(schema["properties"]) > MAX_ARGUMENTS:
        return f"A tool takes at most {MAX_ARGUMENTS} arguments."
    if RESERVED in schema["properties"]:
        return f"The name {RESERVED} is taken: where a tool takes a key, that is it."
    unknown = [name for name in schema.get("required", ()) if name not in schema["properties"]]
    return f"{unknown[0]!r} is required and stands in no `properties`." if unknown else ""


def fault_of_answer(schema: object) -> str:
    return "" if schema is None else sentence(check_schema(schema))


def sentence(faults: list[Fault]) -> str:
    """The first of them, with its place."""
    return f"{faults[0].pointer}: {faults[0].detail}".removeprefix(": ") if faults else ""
