"""What differs between two definitions: by place, by the id of a step, and as text."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cast import REFUND
from wire import strict_yaml
from workflows.diff import Change, changes, text

CLEAN, CLASSIFY = REFUND["steps"]


def changed(**more):
    return {**copy.deepcopy(REFUND), **more}


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (REFUND, []),
        (changed(title="Refunds"), [Change("changed", "/title", "", "Refund request", "Refunds")]),
        (changed(timezone="UTC"), [Change("added", "/timezone", "", None, "UTC")]),
        ({key: value for key, value in REFUND.items() if key != "covers"},
         [Change("removed", "/covers", "", REFUND["covers"], None)]),
        (changed(steps=[CLEAN, {**CLASSIFY, "tier": "standard"}]),
         [Change("changed", "/steps/1/tier", "classify", "cheap", "standard")]),
        (changed(steps=[CLEAN, {**CLASSIFY, "min_confidence": 0.8}]), []),
        (changed(steps=[CLEAN, {**CLASSIFY, "min_confidence": 1}]),
         [Change("changed", "/steps/1/min_confidence", "classify", 0.8, 1)]),
        (changed(steps=[CLASSIFY]), [Change("removed", "/steps/0", "clean", CLEAN, None)]),
        (changed(steps=[CLASSIFY, CLEAN]), [Change("moved", "/steps/0", "classify", 1, 0)]),
        (changed(steps=[{**CLEAN, "id": "first"}, CLEAN, CLASSIFY]),
         [Change("added", "/steps/0", "first", None, {**CLEAN, "id": "first"})]),
        (changed(covers=[*REFUND["covers"], "True"]),
         [Change("changed", "/covers", "", REFUND["covers"], [*REFUND["covers"], "True"])]),
        (changed(edge_cases=[{**REFUND["edge_cases"][0], "case": "Hurt"}]),
         [Change("changed", "/edge_cases/0/case", "injury", "Somebody was hurt", "Hurt")]),
        (changed(constants={"a": 1}), [Change("added", "/constants", "", None, {"a": 1})]),
    ],
)  # fmt: skip
def test_it_tells_each_change_with_its_place(after, found):
    assert changes(REFUND, after) == found


def test_true_is_not_one():
    assert changes({"constants": {"a": 1}}, {"constants": {"a": True}}) == [
        Change("changed", "/constants/a", "", 1, True)
    ]


def test_the_list_of_changes_has_a_bound():
    many = {"constants": {str(n): n for n in range(5000)}}
    assert len(changes({"constants": {}}, many)) == 1000


def test_the_text_shows_lines_of_code_and_nothing_else():
    code = CLEAN["code"].replace("input['message']", "input['text']")
    said = text(REFUND, changed(steps=[{**CLEAN, "code": code}, CLASSIFY]), ("refund 1.0.0", "refund 1.1.0"))
    assert said.splitlines()[:2] == ["--- refund 1.0.0", "+++ refund 1.1.0"]
    assert [line for line in said.splitlines()[2:] if line[0] in "+-"] == [
        "-        return {'text': ' '.join(input['message'].split())}",
        "+        return {'text': ' '.join(input['text'].split())}",
    ]
    assert text(REFUND, copy.deepcopy(REFUND), ("a", "b")) == ""


ODD = (
    *(
        "no",
        "12:30",
        "1e3",
        "0o17",
        "0x1F",
        "007",
        "",
        "~",
        "null",
        " a",
        "a ",
        "- a",
        "a: b",
        "#",
        "\n",
        "a\n\n",
        "\ta",
    ),
    *("'", '"', "|", "é\u2028b", "\x85", "+1", ".5", "<<", "=", "2026-11-25", "a\r\nb", "\ufeff"),
)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30) | st.sampled_from(ODD)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_what_is_written_as_yaml_is_read_as_the_same_value(value):
    assert strict_yaml.loads(strict_yaml.dumps(value)) == value
