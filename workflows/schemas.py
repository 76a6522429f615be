"""JSON Schema 2020-12, as far as it can be trusted: nothing is fetched, no pattern backtracks, no reference multiplies.

Called when a definition is checked, and wherever an input, an output or an answer is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs
from jsonschema_rs import RegexOptions, ValidationError

from wire.problems import Fault, pointer

from . import patterns
from .faults import short, subject

MAX_FAULTS = 20
MAX_EXPANDED = 20_000  # schemas, once every reference is replaced by what it refers to
MAX_DEFINITIONS = 200
MAX_CHECKED = 50_000_000  # schemas × values that have to be looked at
# To look is quick; to say what is wrong is not. Each complaint, also one inside of another (of an `anyOf`), holds a copy of
# what it is about: up to a microsecond and 250 bytes for each value. With so many copies the first complaint is enough,
MAX_LISTED = 200_000
MAX_EXPLAINED = 500_000  # and with so many in that one alone, not even that.
LETTERS_OF_A_VALUE = 64  # so much text is copied in the time of one more value
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MAPS = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE = frozenset({"items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"})
_SINGLE |= {"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
_FOREIGN = frozenset(
    {"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "$vocabulary"}
)
_LOCAL = "#/$defs/"

Path = tuple[str | int, ...]


class Schema:
    """A schema that `check_schema` found right, ready to check values."""

    def __init__(self, schema: dict[str, Any], weight: int = 0) -> None:
        """`weight`: how many schemas it stands for, where it refers to one that is not its own."""
        self._weight = weight or sum(1 for _ in subschemas(schema))
        expanded = [] if weight else list(_expanded(schema, schema.get("$defs") or {}))
        self._complaints = _complaints(expanded)
        self._in_one = _complaints([(path, one) for path, one in expanded if "anyOf" in path or "oneOf" in path])
        self._matching = patterns.Matching(expanded)
        self._validator = jsonschema_rs.validator_for(
            schema, offline=True, pattern_options=RegexOptions(), validate_formats=True
        )

    def faults(self, value: object) -> list[Fault]:
        """What breaks the schema: where in the value, and a sentence. Empty when it follows it."""
        values, letters = _size(value)
        if self._weight * values > MAX_CHECKED or self._matching.is_too_much(value):
            return [Fault("", "This is too large to be checked against its schema.")]
        copied = values + letters // LETTERS_OF_A_VALUE
        try:
            if self._validator.is_valid(value):
                return []
            if self._in_one.about(values) * copied > MAX_EXPLAINED:
                return [Fault("", "This does not follow its schema, and is too large for saying where.")]
            many = self._complaints.about(values) * copied > MAX_LISTED
            broken = self._first(value) if many else self._validator.iter_errors(value)
            return list(dict.fromkeys(_fault(one) for one in islice(broken, MAX_FAULTS)))
        except ValueError as error:
            return [Fault("", f"This is not a JSON value: {str(error)[:120]}.")]

    def _first(self, value: object) -> Iterator[ValidationError]:
        try:
            self._validator.validate(value)
        except ValidationError as error:
            yield error


def _size(value: object) -> tuple[int, int]:
    """The values in a value, itself included, and the letters of its texts."""
    values, letters, todo = 0, 0, [value]
    while todo:
        one = todo.pop()
        values += 1
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
        elif isinstance(one, str):
            letters += len(one)
    return values, letters


@dataclass(frozen=True)
class _Complaints:
    """How many there can be about one value; and about each key of an object, with a copy of the object in each."""

    of_values: int
    of_keys: int

    def about(self, values: int) -> int:
        return self.of_values + self.of_keys * values


def _complaints(schemas: Iterable[tuple[Path, dict]]) -> _Complaints:
    of_values = of_keys = 0
    for path, one in schemas:
        missing = [one.get("required", ()), *dict(one.get("dependentRequired", ())).values()]
        possible = len(one) + sum(map(len, missing))
        of_keys += possible if "propertyNames" in path else 0
        of_values += 0 if "propertyNames" in path else possible
    return _Complaints(of_values, of_keys)


def _expanded(
    schema: object, definitions: dict, at: Path = (), above: tuple[str, ...] = ()
) -> Iterator[tuple[Path, dict]]:
    """The schemas in a schema with their paths, as often as references lead to them. What leads back to itself is followed
    once more: there it is about another place."""
    for path, one in subschemas(schema):
        if path[:1] == ("$defs",):
            continue
        yield (*at, *path), one
        target = _target(one)
        if target in definitions and above.count(target) < 2:
            yield from _expanded(definitions[target], definitions, (*at, *path), (*above, target))


_META = Schema({"$ref": DIALECT}, weight=100)


def check_schema(schema: object) -> list[Fault]:
    """What keeps this from being a schema, or from being one that can be checked in bounded time."""
    if not isinstance(schema, dict):
        return [Fault("", "A JSON Schema is an object.")]
    if schema.get("$schema", DIALECT) != DIALECT:
        return [Fault("/$schema", f"Schemas here are of JSON Schema 2020-12, {DIALECT}.")]
    try:
        found = _META.faults(schema) or _reference_faults(schema) or _pattern_faults(schema)
        if not found:
            Schema(schema)
    except ValidationError as error:
        return [Fault(pointer(*error.instance_path), f"This is not possible in a schema: {error.message[:200]}.")]
    except (ValueError, RecursionError):
        return [Fault("", "This schema is nested too deeply.")]
    return found


def check_model_output(schema: dict) -> list[Fault]:
    """What providers cannot make a model answer, although it is a schema: read after `check_schema`."""
    found = []
    if schema.get("type") != "object":
        found.append(Fault("/type", "A model answers an object: write `type: object` here and name its properties."))
    for path, one in subschemas(schema):
        if _is_map(one):
            sentence = (
                "Name the properties of this object: a model cannot answer a map of free keys, a list of pairs it can."
            )
            found.append(Fault(pointer(*path), sentence))
    for name in _recursive(_definitions(schema)):
        found.append(Fault(pointer("$defs", name), "A model's output must not refer to itself."))
    return found


def subschemas(schema: object) -> Iterator[tuple[Path, dict]]:
    """Each schema inside a schema, itself included, with its path; what stands in `enum` or `const` is none."""
    todo: list[tuple[Path, object]] = [((), schema)]
    while todo:
        path, one = todo.pop()
        if not isinstance(one, dict):
            continue
        yield path, one
        for keyword, value in one.items():
            if keyword in _SINGLE:
                todo.append(((*path, keyword), value))
            elif keyword in _MAPS and isinstance(value, dict):
                todo += [((*path, keyword, name), inner) for name, inner in value.items()]
            elif keyword in _LISTS and isinstance(value, list):
                todo += [((*path, keyword, index), inner) for index, inner in enumerate(value)]


def _is_map(schema: dict) -> bool:
    kind = schema.get("type")
    about_objects = kind == "object" or (isinstance(kind, list) and "object" in kind)
    free = "patternProperties" in schema or schema.get("additionalProperties", False) not in (False, None)
    return not schema.get("properties") and (about_objects or free)


def _reference_faults(schema: dict) -> list[Fault]:
    definitions = _definitions(schema)
    if len(definitions) > MAX_DEFINITIONS:
        return [Fault("/$defs", f"A schema has at most {MAX_DEFINITIONS} definitions, not {len(definitions)}.")]
    found = []
    for path, one in subschemas(schema):
        for keyword in sorted(_FOREIGN & one.keys()):
            if path or keyword != "$id":
                sentence = f"`{keyword}` is not used here: write the schema under `$defs` and refer to it by `$ref`."
                found.append(Fault(pointer(*path, keyword), sentence))
        if "$ref" in one and _target(one) not in definitions:
            sentence = "A reference leads to an entry of this schema's own `$defs`, as in '#/$defs/name'"
            found.append(Fault(pointer(*path, "$ref"), f"{sentence}, not to {_excerpt(one['$ref'])}."))
    return found or _multiplying(schema, definitions)


def _pattern_faults(schema: dict) -> list[Fault]:
    found = []
    for path, one in subschemas(schema):
        stated = [((*path, "pattern"), one["pattern"])] if "pattern" in one else []
        stated += [((*path, "patternProperties", name), name) for name in one.get("patternProperties", ())]
        found += [Fault(pointer(*where), patterns.complaint(pattern)) for where, pattern in stated]
    return [fault for fault in found if fault.detail][:MAX_FAULTS]


def _multiplying(schema: dict, definitions: dict[str, Counter]) -> list[Fault]:
    """References that lead twice to the same place can double the work at each step: 30 of them take an hour."""
    recursive = _recursive(definitions)
    for name in recursive:
        within = sum(count for target, count in definitions[name].items() if target in recursive)
        if within > 1:
            return [
                Fault(pointer("$defs", name), "A definition that leads back to itself may do so in one place only.")
            ]
    sizes: dict[str, int] = {}

    def size(references: Counter) -> int:
        total = 1
        for target, count in references.items():
            if target not in sizes:
                sizes[target] = 1  # a recursive one ends here
                sizes[target] = size(definitions[target])
            total += count * sizes[target]
        return total

    if size(_references(schema)) > MAX_EXPANDED:
        return [Fault("", f"The references of this schema multiply to more than {MAX_EXPANDED} schemas.")]
    return []


def _definitions(schema: dict) -> dict[str, Counter]:
    """For each entry of `$defs` how often it refers to which."""
    entries = schema.get("$defs")
    return {name: _references(entry) for name, entry in entries.items()} if isinstance(entries, dict) else {}


def _references(schema: object) -> Counter:
    inner = (one for path, one in subschemas(schema) if path[:1] != ("$defs",))
    return Counter(target for target in map(_target, inner) if target is not None)


def _target(schema: dict) -> str | None:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith(_LOCAL):
        return None
    return reference.removeprefix(_LOCAL).replace("~1", "/").replace("~0", "~")


def _recursive(definitions: dict[str, Counter]) -> list[str]:
    """The names from which references lead back to the name."""
    return [name for name in definitions if name in _reachable(name, definitions)]


def _reachable(start: str, definitions: dict[str, Counter]) -> set[str]:
    seen: set[str] = set()
    todo = [*definitions[start]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += definitions.get(name, ())
    return seen


def _fault(error: ValidationError) -> Fault:
    kind: Any = error.kind
    missing = [kind.property] if kind.name == "required" else []
    return Fault(pointer(*error.instance_path, *missing), f"{_sentence(error)}.")


def _sentence(error: ValidationError) -> str:
    kind: Any = error.kind
    if kind.name == "required":
        return f"{subject([kind.property])} is missing"
    return f"{subject(error.instance_path)} {_complaint(error)}"


def _complaint(error: ValidationError) -> str:
    kind: Any = error.kind
    if kind.name in ("anyOf", "oneOf"):
        return _unmet(error) if all(kind.context) else "fits more than one of the alternatives"
    if kind.name not in _COMPLAINTS:
        return f"breaks `{kind.name}` of its schema"
    shown = f", not {_excerpt(error.instance)}" if kind.name in _WITH_VALUE else ""
    return _COMPLAINTS[kind.name](kind) + shown


_COMPLAINTS: dict[str, Callable[[Any], str]] = {
    "type": lambda kind: f"must be {_alternatives(kind.types)}",
    "enum": lambda kind: f"must be one of {_listed(kind.options)}",
    "const": lambda kind: f"must be {_excerpt(kind.expected_value)}",
    "minimum": lambda kind: f"must be at least {kind.limit}",
    "maximum": lambda kind: f"must be at most {kind.limit}",
    "exclusiveMinimum": lambda kind: f"must be more than {kind.limit}",
    "exclusiveMaximum": lambda kind: f"must be less than {kind.limit}",
    "multipleOf": lambda kind: f"must be a multiple of {kind.multiple_of}",
    "pattern": lambda kind: f"must match the pattern {_excerpt(kind.pattern)}",
    "format": lambda kind: f"must be of the format {_excerpt(kind.format)}",
    "minLength": lambda kind: f"must have at least {_counted(kind.limit, 'character')}",
    "maxLength": lambda kind: f"must have at most {_counted(kind.limit, 'character')}",
    "minItems": lambda kind: f"must have at least {_counted(kind.limit, 'item')}",
    "maxItems": lambda kind: f"must have at most {_counted(kind.limit, 'item')}",
    "minProperties": lambda kind: f"must have at least {_counted(kind.limit, 'key')}",
    "maxProperties": lambda kind: f"must have at most {_counted(kind.limit, 'key')}",
    "uniqueItems": lambda kind: "must not hold the same item twice",
    "additionalProperties": lambda kind: f"has keys that are not expected: {_listed(kind.unexpected)}",
    "unevaluatedProperties": lambda kind: f"has keys that are not expected: {_listed(kind.unexpected)}",
    "falseSchema": lambda kind: "must not be here",
}
_WITH_VALUE = {
    "type",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "pattern",
    "format",
}
_TYPES = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
_TYPES |= {"object": "an object", "array": "a list", "null": "null"}


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _alternatives(types: Sequence[str]) -> str:
    return " or ".join(_TYPES.get(one, one) for one in sorted(types, key="null".__eq__))


def _unmet(error: ValidationError) -> str:
    """Why each alternative is not met, one reason each."""
    kind: Any = error.kind
    reasons = [_reason(branch[0], error) for branch in kind.context if branch[0].kind.name not in ("anyOf", "oneOf")]
    return "; ".join(["fits none of the alternatives", *reasons[:4]])


def _reason(error: ValidationError, within: ValidationError) -> str:
    """The subject of the whole sentence is not repeated."""
    same = error.instance_path == within.instance_path and error.kind.name != "required"
    return _complaint(error) if same else _sentence(error)


def _listed(values: Sequence[object]) -> str:
    shown = ", ".join(_excerpt(value) for value in values[:12])
    return f"{shown}, …" if len(values) > 12 else shown


def _excerpt(value: object) -> str:
    """A value as JSON has it, bounded: an answer of a megabyte is not repeated in a sentence about it."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return short(value) if isinstance(value, str) else str(value)[:60]
