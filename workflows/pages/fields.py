"""A JSON schema as a table of fields that a person can scan, and an example of what it takes. Pure; a schema may be anybody's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

MOST_FIELDS = 200
DEEPEST = 5
LONGEST = 60  # characters that a text of an example is made up to

# What is said of a value beside its type, in the order in which it is said.
LIMITS = {
    "const": "is {}",
    "default": "otherwise {}",
    "format": "{}",
    "pattern": "matches {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
SAMPLES = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


@dataclass(frozen=True)
class Field:
    """`name`: with the names above it, as in `customer.orders[].id`. `says`: limits and description, for a person."""

    name: str
    type: str
    required: bool
    limits: str
    says: str


def fields_of(schema: object) -> tuple[list[Field], bool]:
    """At most 200 of them, and whether these are all. None for a schema that takes no object with named fields."""
    found: list[Field] = []
    for field in _fields(schema, schema, "", 0):
        if len(found) == MOST_FIELDS:
            return found, False
        found.append(field)
    return found, True


def sample(schema: object) -> object:
    """A value of the shape that the schema asks for, to be overwritten; its own example or default where it has one."""
    return _Sampler(schema).of(schema, 0)


def _fields(schema: object, whole: object, above: str, depth: int) -> Iterator[Field]:
    schema = _meant(schema, whole)
    properties, required = schema.get("properties"), schema.get("required")
    for name, one in properties.items() if isinstance(properties, dict) else ():
        path = f"{above}{name}"
        meant = _meant(one, whole)
        must = isinstance(required, list) and name in required
        yield Field(
            path, _type(meant), must, _limits(meant), _text(meant.get("description") or meant.get("title") or "")
        )
        if depth < DEEPEST:
            yield from _fields(meant, whole, f"{path}.", depth + 1)
            yield from _fields(meant.get("items"), whole, f"{path}[].", depth + 1)


def _meant(schema: object, whole: object) -> dict:
    """What a reference inside the same document leads to. `true`, and what cannot be found, is anything."""
    for _ in range(DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            break
        schema = whole
        for part in reference.removeprefix("#").strip("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if name:
                schema = schema.get(name) if isinstance(schema, dict) else None
    return schema if isinstance(schema, dict) else {}


def _type(schema: dict) -> str:
    if isinstance(options := schema.get("enum"), list):
        return "one of " + ", ".join(_text(option) for option in options[:20]) + (", …" if len(options) > 20 else "")
    if isinstance(choices := schema.get("anyOf") or schema.get("oneOf"), list):
        return " or ".join(dict.fromkeys(_type(one) for one in choices[:5] if isinstance(one, dict)))
    kind = schema.get("type")
    said = " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind or "anything")
    items = schema.get("items")
    return f"{said} of {_type(items)}" if kind == "array" and isinstance(items, dict) and items else said


def _limits(schema: dict) -> str:
    return ", ".join(said.format(_text(schema[key])) for key, said in LIMITS.items() if key in schema)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Sampler:
    """Makes up at most 200 values, however a schema winds and repeats."""

    def __init__(self, whole: object) -> None:
        self._whole, self._left = whole, MOST_FIELDS

    def of(self, schema: object, depth: int) -> object:
        self._left -= 1
        schema = _meant(schema, self._whole)
        if isinstance(examples := schema.get("examples"), list) and examples:
            return examples[0]
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if isinstance(options := schema.get("enum"), list) and options:
            return options[0]
        if depth > DEEPEST or self._left < 0:
            return None
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(choices := schema.get(key), list) and choices:
                return self.of(choices[0], depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: dict, depth: int) -> object:
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(schema, depth)
        if kind == "array":
            wanted = schema.get("minItems", 0)
            return [self.of(schema.get("items"), depth + 1)] * min(int(wanted), 5) if wanted else []
        if kind == "string":
            least = min(int(schema.get("minLength", 0)), LONGEST)
            return SAMPLES.get(str(schema.get("format")), ("text " * LONGEST)[:least])
        if kind in ("integer", "number"):
            return schema.get("minimum", 0)
        return False if kind == "boolean" else None

    def _object(self, schema: dict, depth: int) -> dict:
        """What has to be there; of a schema that asks for nothing, everything that may be."""
        properties, required = schema.get("properties"), schema.get("required")
        properties = properties if isinstance(properties, dict) else {}
        names = list(required or properties)
        return {name: self.of(properties.get(name), depth + 1) for name in names[: max(0, self._left)]}
