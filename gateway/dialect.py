"""JSON Schema → the narrower dialect in which a provider promises to answer. The Anthropic provider sends its result.

What the dialect cannot say stands in a description, as a wish: the answer is checked against the original anyway.
"""

from typing import Any

Schema = dict[str, Any]

# Which type of value a keyword speaks of; keywords that are not here speak of any.
SPEAKS_OF = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "minItems": "array",
    "maxItems": "array",
    "uniqueItems": "array",
    "format": "string",
    "pattern": "string",
    "minLength": "string",
    "maxLength": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
}
SCALARS = ("string", "number", "boolean", "null")
COMBINED = ("anyOf", "oneOf", "allOf")
NOTES = ("title", "description")
FOR_PEOPLE = ("$schema", "$id", "$comment", "examples", "default", "deprecated", "readOnly", "writeOnly")


def to_provider_schema(schema: Schema) -> Schema:
    """The schema in the dialect of structured output; the one given is left as it is.

    `type: [x, "null"]` becomes `anyOf`, every object is closed, an enum stands without a type, and keywords that are
    not enforced (`minimum`, `maxLength`, `pattern`, …) move into the description.
    """
    from anthropic import transform_schema  # costs a second: paid where the SDK is loaded anyway

    return transform_schema(_prepared(schema))


def requires_everything(schema: object) -> bool:
    """Whether every object of this schema requires all its keys, as OpenAI's strict mode wants it."""
    if isinstance(schema, list):
        return all(map(requires_everything, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) and set(schema.get("required", ())) != set(properties):
        return False
    return all(map(requires_everything, schema.values()))


def _prepared(schema: Schema | bool) -> Schema:
    """A schema that the SDK's `transform_schema` does not stumble over: one type, or literals, or branches."""
    if not isinstance(schema, dict):
        schema = {}
    schema = {key: value for key, value in schema.items() if key not in FOR_PEOPLE}
    if "$defs" in schema:
        schema["$defs"] = {name: _prepared(each) for name, each in schema["$defs"].items()}
    if _is_literal(schema):
        return {key: value for key, value in schema.items() if key not in COMBINED}
    if "$ref" in schema:
        return schema
    combined = next((key for key in COMBINED if isinstance(schema.get(key), list)), None)
    if "type" not in schema and combined:
        return _with_branches(schema, combined)
    types = _types(schema)
    if len(types) > 1:
        return _split(schema, types)
    return _of_one_type(schema, types[0])


def _is_literal(schema: Schema) -> bool:
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return bool(values) and all(value is None or isinstance(value, str | int | float) for value in values)


def _types(schema: Schema) -> list[str]:
    """The types that the schema names, or that its keywords speak of; else any value that has no parts."""
    named = schema.get("type")
    if named:
        return [named] if isinstance(named, str) else list(named)
    return list(dict.fromkeys(SPEAKS_OF[key] for key in schema if key in SPEAKS_OF)) or list(SCALARS)


def _split(schema: Schema, types: list[str]) -> Schema:
    """`{type: [a, b], …}` → `{anyOf: [{type: a, …}, {type: b, …}]}`, each branch with the keywords that speak of it."""
    outer = {key: value for key, value in schema.items() if key in (*NOTES, "$defs")}
    inner = {key: value for key, value in schema.items() if key not in outer and key != "type"}
    branches = []
    for kind in types:
        family = "number" if kind == "integer" else kind
        spoken = {key: value for key, value in inner.items() if SPEAKS_OF.get(key, family) == family}
        branches.append({"type": kind} if kind == "null" else _of_one_type(spoken, kind))
    return {**outer, "anyOf": branches}


def _with_branches(schema: Schema, combined: str) -> Schema:
    """`oneOf` is offered as `anyOf`; what stands beside the branches becomes a part of the description."""
    branches = [_prepared(branch) for branch in schema[combined]]
    if len(branches) == 1:
        rest = {key: value for key, value in schema.items() if key != combined}
        return {**branches[0], **rest}
    return {**schema, combined: branches}


def _of_one_type(schema: Schema, kind: str) -> Schema:
    prepared = {**schema, "type": kind}
    # Beside a type, a combination only restricts it (`anyOf: [{required: …}, …]`): the dialect cannot say so.
    restrictions = {key: prepared.pop(key) for key in COMBINED if key in prepared}
    if kind == "object":
        prepared["properties"] = {name: _prepared(each) for name, each in schema.get("properties", {}).items()}
    elif kind == "array" and isinstance(schema.get("items"), dict | bool):
        prepared["items"] = _prepared(schema["items"])
    elif kind == "array" and "items" in prepared:
        restrictions["items"] = prepared.pop("items")
    return _described(prepared, restrictions) if restrictions else prepared


def _described(schema: Schema, restrictions: Schema) -> Schema:
    told = "{" + ", ".join(f"{key}: {value}" for key, value in restrictions.items()) + "}"
    return {**schema, "description": "\n\n".join(part for part in (schema.get("description"), told) if part)}
