"""Schemas that can be trusted, and what they say about values."""

import time

import pytest

from wire.problems import Fault
from workflows.schemas import Schema, check_model_output, check_schema


def nested(depth):
    schema = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


def doubling(levels):
    entries = {
        f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}, {"$ref": f"#/$defs/a{i + 1}"}]} for i in range(levels)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**entries, f"a{levels}": {"type": "string"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": ["object", "null"], "properties": {"$ref": {"type": "string"}, "$id": {"enum": [{"$ref": "x"}]}}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/mine"},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}},
        {
            "$ref": "#/$defs/comment",
            "$defs": {"comment": {"properties": {"replies": {"items": {"$ref": "#/$defs/comment"}}}}},
        },
        doubling(10),
    ],
)
def test_it_accepts_a_schema(schema):
    assert check_schema(schema) == []


@pytest.mark.parametrize(
    ("schema", "pointer", "part"),
    [
        (True, "", "is an object"),
        ({"type": "objekt"}, "/type", "not 'objekt'"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a/minLength", "at least 0, not -1"),
        ({"properties": {"a": {"required": "b"}}}, "/properties/a/required", "must be a list, not 'b'"),
        ({"items": [1]}, "/items", "must be true or false or an object"),
        ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern", "of the format 'regex'"),
        ({"pattern": "(?=a)b"}, "/pattern", "not possible"),
        ({"$ref": "https://example.com/x"}, "/$ref", "own `$defs`"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "own `$defs`"),
        ({"$ref": "#"}, "/$ref", "own `$defs`"),
        ({"items": {"$ref": "#/properties/a"}, "properties": {"a": {}}}, "/items/$ref", "own `$defs`"),
        ({"$ref": "#/$defs/missing", "$defs": {"a": {}}}, "/$ref", "not to '#/$defs/missing'"),
        ({"$ref": 3}, "/$ref", "must be a text, not 3"),
        ({"$dynamicRef": "#a"}, "/$dynamicRef", "is not used here"),
        ({"properties": {"a": {"$id": "https://example.com/x"}}}, "/properties/a/$id", "is not used here"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
        ({"$defs": {f"d{i}": {} for i in range(201)}}, "/$defs", "at most 200"),
        (nested(300), "", "nested too deeply"),
        (nested(5000), "", "nested too deeply"),
        (doubling(40), "", "multiply to more than 20000"),
        (
            {"$defs": {"a": {"anyOf": [{"items": {"$ref": "#/$defs/a"}}, {"items": {"$ref": "#/$defs/a"}}]}}},
            "/$defs/a",
            "in one place only",
        ),
    ],
)
def test_it_refuses_what_is_no_schema_or_cannot_be_checked_in_bounded_time(schema, pointer, part):
    assert [(fault.pointer, part in fault.detail) for fault in check_schema(schema)] == [(pointer, True)]


def test_all_faults_of_a_schema_are_found_at_once():
    schema = {"type": "txt", "properties": {"a": {"maxLength": "3"}, "b": {"enum": "x"}}}
    assert {fault.pointer for fault in check_schema(schema)} == {
        "/type",
        "/properties/a/maxLength",
        "/properties/b/enum",
    }


@pytest.mark.parametrize(
    ("schema", "pointer", "part"),
    [
        ({"type": "array"}, "/type", "answers an object"),
        ({"type": ["object", "null"], "properties": {"a": {}}}, "/type", "answers an object"),
        ({"type": "object"}, "", "Name the properties"),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, "/properties/a", "Name the properties"),
        (
            {"type": "object", "properties": {"a": {"additionalProperties": {"type": "string"}}}},
            "/properties/a",
            "Name the properties",
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/tree"}},
                "$defs": {"tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/tree"}}}},
            },
            "/$defs/tree",
            "must not refer to itself",
        ),
    ],
)
def test_a_models_output_is_an_object_with_named_properties(schema, pointer, part):
    assert check_schema(schema) == []
    assert [(fault.pointer, part in fault.detail) for fault in check_model_output(schema)] == [(pointer, True)]


@pytest.mark.parametrize(
    "properties",
    [
        {"a": {"type": ["string", "null"]}},
        {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        {"a": {"enum": ["x"]}},
    ],
)
def test_a_model_may_answer_null(properties):
    assert check_model_output({"type": "object", "properties": properties}) == []


@pytest.mark.parametrize(
    ("schema", "value", "pointer", "detail"),
    [
        ({"type": "string"}, 3, "", "This must be a text, not 3."),
        ({"type": ["string", "null"]}, {"a": 1}, "", "This must be a text or null, not an object of 1."),
        ({"properties": {"a": {"type": "integer"}}}, {"a": True}, "/a", "'a' must be a whole number, not true."),
        ({"properties": {"a": {"enum": [1, "x"]}}}, {"a": True}, "/a", "'a' must be one of 1, 'x', not true."),
        ({"items": {"const": 0}}, [0, False], "/1", "'[1]' must be 0."),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [5, 1]}, "/a/1", "'a[1]' must be at least 3, not 1."),
        ({"required": ["a/b"]}, {}, "/a~1b", "'a/b' is missing."),
        ({"properties": {}, "additionalProperties": False}, {"x": 1}, "", "This has keys that are not expected: 'x'."),
        ({"maxLength": 2}, "abc", "", "This must have at most 2 characters."),
        ({"minItems": 1}, [], "", "This must have at least 1 item."),
        ({"pattern": "^a"}, "b", "", "This must match the pattern '^a', not 'b'."),
        ({"format": "date"}, "tomorrow", "", "This must be of the format 'date', not 'tomorrow'."),
        (
            {"anyOf": [{"type": "null"}, {"required": ["a"], "type": "object"}]},
            {},
            "",
            "This fits none of the alternatives; must be null, not an object of 0; 'a' is missing.",
        ),
        ({"oneOf": [{}, {}]}, 1, "", "This fits more than one of the alternatives."),
    ],
)
def test_a_broken_value_is_explained(schema, value, pointer, detail):
    assert Schema(schema).faults(value) == [Fault(pointer, detail)]


def test_a_value_that_follows_the_schema_has_no_faults():
    schema = Schema({"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}})
    assert schema.faults({"a": 1}) == []
    assert schema.faults({"a": 1.5, "b": None}) == []


def test_what_is_no_json_value_is_a_fault():
    [fault] = Schema({}).faults({1: 2})
    assert "not a JSON value" in fault.detail


def test_faults_are_few_and_short_however_large_the_value():
    faults = Schema({"items": {"type": "integer"}}).faults(["x" * 1000] * 1000)
    assert len(faults) == 20
    assert all(len(fault.detail) < 150 for fault in faults)


def test_a_pattern_cannot_backtrack():
    schema = Schema({"pattern": "^(a+)+$"})
    started = time.monotonic()
    assert len(schema.faults("a" * 50_000 + "!")) == 1
    assert time.monotonic() - started < 1


LARGE = {f"key{number}": number for number in range(6000)}
NAMES = [f"name{number}" for number in range(2000)]
SAID_IN_BOUNDS = {
    "2,000 alternatives": ({"anyOf": [{"required": [name]} for name in NAMES]}, LARGE, "too large for saying where"),
    "one of 2,000": ({"oneOf": [{"required": [name]} for name in NAMES]}, LARGE, "too large for saying where"),
    "an alternative that asks for 2,000 keys": ({"anyOf": [{"required": NAMES}]}, LARGE, "too large for saying where"),
    "alternatives of alternatives": (
        {"anyOf": [{"anyOf": [{"required": [name]} for name in NAMES[:50]]}] * 50},
        LARGE,
        "too large for saying where",
    ),
    "an alternative about each key": (
        {"anyOf": [{"propertyNames": {"maxLength": 1}}]},
        LARGE,
        "too large for saying where",
    ),
    "3,000 alternatives for a long text": (
        {"anyOf": [{"const": number} for number in range(3000)]},
        "x" * 1_000_000,
        "too large for saying where",
    ),
    "2,000 keys that are missing": ({"required": NAMES}, LARGE, "'name0' is missing"),
    "2,000 times one of them": ({"allOf": [{"required": [name]} for name in NAMES]}, LARGE, "'name0' is missing"),
    "2,000 keys, 50 times by reference": (
        {"$defs": {"a": {"required": NAMES}}, "allOf": [{"$ref": "#/$defs/a"}] * 50},
        LARGE,
        "'name0' is missing",
    ),
    "keys that depend on one": ({"dependentRequired": {"key1": NAMES}}, LARGE, "'name0' is missing"),
    "each key is too long": ({"propertyNames": {"allOf": [{"maxLength": 1}] * 50}}, LARGE, "breaks `propertyNames`"),
}


@pytest.mark.parametrize(("schema", "value", "said"), SAID_IN_BOUNDS.values(), ids=SAID_IN_BOUNDS.keys())
def test_what_is_wrong_is_said_in_bounds(schema, value, said):
    """Each complaint holds a copy of what it is about: 2,000 of them about 6,000 values took 22 seconds and 5 GB."""
    assert check_schema(schema) == []
    began = time.thread_time()
    [fault] = Schema(schema).faults(value)
    assert said in fault.detail
    assert time.thread_time() - began < 1


def test_a_small_value_is_told_everything():
    schema = {"anyOf": [{"required": [name]} for name in NAMES[:4]], "required": ["a", "b"]}
    assert [fault.detail for fault in Schema(schema).faults({})] == [
        "'a' is missing.",
        "'b' is missing.",
        "This fits none of the alternatives; 'name0' is missing; 'name1' is missing; 'name2' is missing; "
        "'name3' is missing.",
    ]
