"""A schema as a table of fields, and a value that is made up from it."""

import pytest

from workflows.pages.fields import Field, fields_of, sample
from workflows.schemas import Schema

ORDER = {
    "type": "object",
    "required": ["id", "lines"],
    "$defs": {"money": {"type": "string", "pattern": "^[0-9.]+$", "description": "In USD."}},
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 9},
        "kind": {"enum": ["new", "used", None]},
        "total": {"$ref": "#/$defs/money"},
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": ["string", "null"]}}},
        },
        "free": True,
    },
}
ITSELF = {
    "$defs": {
        "tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}}}
    }
}
ITSELF |= {"$ref": "#/$defs/tree"}


def test_each_field_is_a_row_with_what_may_be_in_it():
    assert fields_of(ORDER) == (
        [
            Field("id", "string", True, "at least 1 characters, at most 9 characters", ""),
            Field("kind", "one of new, used, null", False, "", ""),
            Field("total", "string", False, "matches ^[0-9.]+$", "In USD."),
            Field("lines", "array of object", True, "at least 1 items", ""),
            Field("lines[].sku", "string or null", True, "", ""),
            Field("free", "anything", False, "", ""),
        ],
        True,
    )


@pytest.mark.parametrize(
    "schema", [{}, True, {"type": "string"}, {"properties": 7}, {"$ref": "#/nowhere"}, {"$ref": "#"}, None]
)
def test_a_schema_without_named_fields_has_no_rows(schema):
    assert fields_of(schema) == ([], True)


def test_a_schema_that_has_itself_in_it_ends():
    rows, complete = fields_of(ITSELF)
    assert (len(rows), complete) == (126, True)
    assert rows[-1].name == "right.right.right.right.right.right"


def test_so_does_one_with_too_many_fields():
    rows, complete = fields_of({"properties": {f"f{n}": {} for n in range(1000)}})
    assert (len(rows), complete) == (200, False)


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (ORDER, {"id": "t", "lines": [{"sku": ""}]}),
        (
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"type": "boolean"}}},
            {"a": 3, "b": False},
        ),
        ({"examples": [{"message": "Hello"}], "type": "object"}, {"message": "Hello"}),
        ({"anyOf": [{"const": 7}, {"type": "null"}]}, 7),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"enum": ["red", "blue"]}, "red"),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({}, None),
    ],
)
def test_a_value_is_made_up_that_the_schema_takes(schema, made):
    assert sample(schema) == made
    assert not list(Schema(schema).faults(made))


def test_a_value_that_has_itself_in_it_ends():
    wide = {"type": "object", "properties": {f"f{n}": {"$ref": "#"} for n in range(100)}}
    assert len(str(sample(wide))) < 20_000
    assert sample(ITSELF)["left"]["right"]["left"] is not None
