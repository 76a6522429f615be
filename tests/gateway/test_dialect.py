"""JSON Schema in the dialect of structured output."""

import copy

import pytest

from gateway.dialect import to_provider_schema

ANYTHING = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": ["string", "null"], "description": "The order.", "maxLength": 5},
            {
                "anyOf": [{"type": "string", "description": "{maxLength: 5}"}, {"type": "null"}],
                "description": "The order.",
            },
        ),
        (
            {"type": ["integer", "string"], "minimum": 3, "pattern": "^a"},
            {
                "anyOf": [
                    {"type": "integer", "description": "{minimum: 3}"},
                    {"type": "string", "description": "{pattern: ^a}"},
                ]
            },
        ),
        (
            {"type": "integer", "minimum": 1, "maximum": 10, "description": "Stars."},
            {"type": "integer", "description": "Stars.\n\n{minimum: 1, maximum: 10}"},
        ),
        (
            {"type": "array", "items": {"type": ["string", "null"]}, "minItems": 1, "maxItems": 3},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "minItems": 1,
                "description": "{maxItems: 3}",
            },
        ),
        ({"enum": ["a", "b", None]}, {"enum": ["a", "b", None]}),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"enum": ["a", None]}),
        ({"const": "refund"}, {"const": "refund"}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "regex"}, {"type": "string", "description": "{format: regex}"}),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "boolean"}, {"type": "boolean"}),
        ({}, ANYTHING),
    ],
)
def test_it_says_in_the_dialect_what_the_dialect_can_say(schema, expected):
    assert to_provider_schema(schema) == expected


def test_every_object_is_closed_however_deep():
    inner = {"type": "object", "properties": {"b": {"type": "number"}}, "required": ["b"]}
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": inner},
            "maybe": {"anyOf": [inner, {"type": "null"}]},
            "nullable": {**inner, "type": ["object", "null"]},
        },
        "required": ["list"],
    }
    closed = {**inner, "additionalProperties": False}
    assert to_provider_schema(schema) == {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": closed},
            "maybe": {"anyOf": [closed, {"type": "null"}]},
            "nullable": {"anyOf": [closed, {"type": "null"}]},
        },
        "required": ["list"],
        "additionalProperties": False,
    }


def test_a_schema_that_leaves_its_type_out_is_read_by_its_keywords():
    expected = {"type": "object", "properties": {"a": ANYTHING}, "additionalProperties": False}
    assert to_provider_schema({"properties": {"a": True}}) == expected


def test_a_restriction_beside_a_type_becomes_a_wish():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}
    assert to_provider_schema(schema) == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "additionalProperties": False,
        "description": "{anyOf: [{'required': ['a']}]}",
    }


def test_definitions_are_converted_where_they_stand():
    schema = {
        "$defs": {"id": {"type": ["string", "null"]}},
        "type": "object",
        "properties": {"order": {"$ref": "#/$defs/id"}},
    }
    assert to_provider_schema(schema) == {
        "$defs": {"id": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "type": "object",
        "properties": {"order": {"$ref": "#/$defs/id"}},
        "additionalProperties": False,
    }


def test_the_schema_that_was_given_stays_as_it_is():
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "maxLength": 3}}}
    before = copy.deepcopy(schema)
    to_provider_schema(schema)
    assert schema == before
