"""Definitions that mean harm, or nothing at all."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wire.problems import Invalid
from workflows.parsing import content_hash, parse

from .test_definition import SMALL, TOOLS, changed, faults_of

# fmt: off
WORDS = st.sampled_from([
    "id", "kind", "code", "model", "tool", "review", "steps", "checks", "check", "when", "otherwise", "output_schema",
    "input_schema", "type", "object", "prompt", "tier", "cheap", "escalate", "handling", "case", "to", "human",
    "arguments", "result", "covers", "edge_cases", "escalation", "title", "purpose", "$ref", "#/$defs/a", "$defs",
    "constants", "format", "task", "input['x']", "steps['a']", "{{ input.x }}", "{%", "UTC", "timezone", "guidance",
])
PLACES = [
    "title", "constants", "covers", "covers/0", "edge_cases", "edge_cases/1", "edge_cases/1/when", "steps", "steps/0",
    "steps/0/code", "steps/0/id", "steps/1/output_schema", "steps/1/prompt", "steps/1/checks", "steps/2/arguments",
    "steps/2/tool", "result", "escalation", "input_schema", "timezone", "guidance",
]
# fmt: on
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=25
)


def read(document):
    try:
        parse(document, TOOLS)
    except Invalid as problem:
        assert 1 <= len(problem.faults) <= 50
        assert all(len(fault.detail) < 600 for fault in problem.faults)


@given(JSON)
@settings(max_examples=150, deadline=None, database=None)
def test_any_json_is_a_definition_or_invalid(document):
    read(document)


@given(st.sampled_from(PLACES), JSON)
@settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_in_any_place_is_a_definition_or_invalid(place, value):
    read(changed(place, value))


def nested(depth):
    value = "input"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("place", ["result", "constants/x", "steps/2/arguments/id", "steps/2/otherwise"])
def test_a_deep_value_harms_nobody(place):
    read(changed(place, nested(30)))
    read(changed(place, nested(800)))
    read(changed(place, nested(5000)))


def test_a_thousand_faults_are_cut_at_fifty():
    assert len(faults_of(changed("result", ["nothing"] * 1000 + [f"steps['s{i}']" for i in range(1000)]))) == 50


def test_ten_thousand_unknown_words_are_not_all_looked_up():
    started = time.perf_counter()
    assert len(faults_of(changed("steps/2/arguments", {f"argument{i}": f"name{i}" for i in range(10_000)}))) == 50
    assert len(faults_of({**SMALL, **{f"key{i}": i for i in range(10_000)}})) == 50
    assert time.perf_counter() - started < 1


def test_a_huge_text_is_refused_in_a_short_sentence():
    [(where, detail)] = faults_of(changed("steps/0/when", "input" + " or input" * 100_000))
    assert (where, detail) == (
        "/steps/0/when",
        "An expression has at most 20000 characters; put this into a code step.",
    )
    [(where, detail)] = faults_of(changed("steps/2/tool", "x" * 1_000_000))
    assert len(detail) < 150


def test_a_definition_of_ten_steps_is_read_quickly():
    steps = [{**SMALL["steps"][0], "id": f"s{index}", "when": "input['text'] != ''"} for index in range(9)]
    document = {**SMALL, "steps": [*SMALL["steps"], *steps]}
    parse(document, TOOLS)
    started = time.perf_counter()
    for _ in range(10):
        parse(document, TOOLS)
    assert (time.perf_counter() - started) / 10 < 0.2


def test_the_hash_is_of_what_was_written_and_not_of_how():
    assert content_hash({"b": 1.0, "a": "é"}) == content_hash({"a": "\u00e9", "b": 1})
    assert content_hash({"a": [1, 2]}) != content_hash({"a": [2, 1]})
    assert content_hash({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("value", [2**60, float("nan"), float("inf"), "\ud800", nested(5000)])
def test_what_has_no_canonical_form_has_no_hash(value):
    with pytest.raises(Invalid, match="canonical JSON"):
        content_hash({"a": value})
