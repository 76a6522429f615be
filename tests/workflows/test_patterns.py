"""Patterns of schemas: linear in the text is not enough, where what a pattern becomes is large."""

import time
from random import Random

import pytest

from workflows.patterns import MAX_MATCHED, complaint, size_of
from workflows.schemas import Schema, check_schema

CHANCE = Random(1)
LETTERS = "".join(CHANCE.choice("ab") for _ in range(1_000_000))
TOO_LARGE = "This is too large to be checked against its schema."
HARMLESS = [
    r"\S",
    r"^[A-Z]{2}\d{6}$",
    r"^\w{1,255}$",
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,63}$",
    r"^.{1,999}$",
    r"^\p{L}{1,30}$",
    r"^(0|[1-9]\d{0,15})(\.\d{1,6})?$",
    "^(" + "|".join(f"word{number}" for number in range(500)) + ")$",
    "(a+)+$",
    "(x+x+)+y",
]
REFUSED = {
    r"[\w\W]{1,9999}x": "too large",
    r"((\w{1,30}){1,30}){1,30}": "too large",
    "(a|b)" * 5000: "at most 100 brackets",
    "(" * 101 + "a" + ")" * 101: "at most 100 brackets",
}
NONE_AT_ALL = ["(?=a)b", r"(a)\1", "a{1000000}", "(", "[", "*", "(?<!a)b", "a{99999999999}", "\\"]
# Each is small, and made so that the texts below need all of its states.
DRAWN_OUT = [
    "[ab]*a[ab]{900}x",
    "[ab]*a[ab]{60}x",
    "(?:[ab]{1,30}a){1,30}x",
    "((a|b)*a(a|b){20}){5}x",
    "|".join(f"[ab]*a[ab]{{{number}}}x" for number in range(10, 40)),
    "a.{50}b.{50}c",
]


@pytest.mark.parametrize("pattern", HARMLESS, ids=lambda pattern: pattern[:30])
def test_a_pattern_as_people_write_them_is_taken(pattern):
    assert check_schema({"properties": {"a": {"pattern": pattern}}}) == []
    assert Schema({"pattern": pattern}).faults("x" * 10_000) is not None


@pytest.mark.parametrize("pattern", REFUSED, ids=lambda pattern: pattern[:30])
def test_a_pattern_that_becomes_large_is_refused_at_its_place(pattern):
    began = time.monotonic()
    for schema, where in (
        ({"properties": {"a": {"pattern": pattern}}}, "/properties/a/pattern"),
        ({"patternProperties": {pattern: {}}}, f"/patternProperties/{pattern}"),
        ({"$defs": {"a": {"pattern": pattern}}, "$ref": "#/$defs/a"}, "/$defs/a/pattern"),
    ):
        [fault] = check_schema(schema)
        assert (fault.pointer, REFUSED[pattern] in fault.detail) == (where, True)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("pattern", NONE_AT_ALL)
def test_what_is_no_pattern_here_is_refused(pattern):
    assert complaint(pattern) == ""
    assert check_schema({"pattern": pattern})


@pytest.mark.parametrize("pattern", DRAWN_OUT, ids=lambda pattern: pattern[:30])
def test_no_text_draws_a_pattern_out(pattern):
    """The longest text that is still looked at, and twice that."""
    assert check_schema({"pattern": pattern}) == []
    schema, longest = Schema({"pattern": pattern}), MAX_MATCHED // size_of(pattern)
    for length in (min(longest, len(LETTERS)), min(2 * longest, len(LETTERS))):
        began = time.thread_time()
        found = schema.faults(LETTERS[:length])
        assert time.thread_time() - began < 3
        assert [fault.detail == TOO_LARGE for fault in found] == [length > longest]


SLOW = "[ab]*a[ab]{60}x"
TEXT = LETTERS[: MAX_MATCHED // size_of(SLOW) // 10]
A = {"a": {"pattern": SLOW}}


def is_too_large(schema: dict, value: object) -> bool:
    assert check_schema(schema) == []
    return [fault.detail for fault in Schema(schema).faults(value)] == [TOO_LARGE]


def test_patterns_count_as_often_as_references_lead_to_them():
    assert not is_too_large({"$defs": A, "$ref": "#/$defs/a"}, TEXT)
    for many in (
        {"$defs": A, "allOf": [{"$ref": "#/$defs/a"}] * 50},
        {"$defs": {**A, "b": {"allOf": [{"$ref": "#/$defs/a"}] * 8}}, "allOf": [{"$ref": "#/$defs/b"}] * 8},
        {"allOf": [{"pattern": f"[ab]*a[ab]{{{60 + number}}}x"} for number in range(12)]},
    ):
        assert is_too_large(many, TEXT)


def test_patterns_count_over_the_texts_that_they_are_matched_with():
    """A pattern of a title costs nothing for a body; but what may stand anywhere counts for everything."""
    title = {"properties": {"title": {"pattern": SLOW}}}
    long = TEXT * 11
    assert not is_too_large(title, {"title": TEXT, "body": long})
    assert not is_too_large({"properties": {"lines": {"items": title}}}, {"lines": [{"title": TEXT, "body": [long]}]})
    for schema, value in (
        (title, {"title": long}),
        ({"properties": {"title": {"items": {"anyOf": [{"not": {"pattern": SLOW}}]}}}}, {"title": [TEXT] * 11}),
        ({"properties": {"inner": title}}, {"inner": {"title": long}}),
        ({"additionalProperties": {"pattern": SLOW}}, {"body": long}),
        ({"unevaluatedProperties": {"items": {"pattern": SLOW}}}, {"body": [long]}),
        ({"patternProperties": {"^b": {"pattern": SLOW}}}, {"body": long}),
        ({"dependentSchemas": {"a": title}}, {"a": 1, "title": long}),
        ({"if": title, "then": {}, "else": {}}, {"title": long}),
        ({"$defs": {"t": title}, "properties": {"inner": {"$ref": "#/$defs/t"}}}, {"inner": {"title": long}}),
        ({"prefixItems": [{"contains": {"pattern": SLOW}}]}, [[long]]),
    ):
        assert is_too_large(schema, value)


def test_a_pattern_of_keys_is_counted_over_keys():
    pattern = "[ab]*a[ab]{900}x"
    keys = {LETTERS[at : at + 100_000]: 1 for at in range(0, 1_000_000, 100_000)}
    for schema in ({"patternProperties": {pattern: {}}}, {"propertyNames": {"pattern": pattern}}):
        assert [fault.detail for fault in Schema(schema).faults(keys)] == [TOO_LARGE]
        assert Schema(schema).faults({"a": 1}) is not None


def test_a_definition_that_leads_back_to_itself_is_counted():
    tree = {"properties": {"name": {"pattern": "^[a-z]{1,20}$"}, "inner": {"$ref": "#/$defs/tree"}}}
    schema = {"$defs": {"tree": tree}, "$ref": "#/$defs/tree"}
    assert Schema(schema).faults({"name": "a", "inner": {"name": "b", "inner": {"name": "c"}}}) == []
    tree["properties"]["name"] = A["a"]
    assert is_too_large(schema, {"inner": {"inner": {"inner": {"name": TEXT * 11}}}})
