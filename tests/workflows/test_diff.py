"""What differs between two definitions: by place, by the id of a step, and as text."""

import copy
import re
import time

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
    assert changes(REFUND, after) == (found, True)


def test_true_is_not_one():
    found = [Change("changed", "/constants/a", "", 1, True)]
    assert changes({"constants": {"a": 1}}, {"constants": {"a": True}}) == (found, True)


def test_the_list_of_changes_has_a_bound():
    many = {"constants": {str(n): n for n in range(5000)}}
    found, complete = changes({"constants": {}}, many)
    assert (len(found), complete) == (1000, False)


def test_the_text_shows_lines_of_code_and_nothing_else():
    code = CLEAN["code"].replace("input['message']", "input['text']")
    said = text(REFUND, changed(steps=[{**CLEAN, "code": code}, CLASSIFY]), ("refund 1.0.0", "refund 1.1.0"))
    assert said.splitlines()[:2] == ["--- refund 1.0.0", "+++ refund 1.1.0"]
    assert [line for line in said.splitlines()[2:] if line[0] in "+-"] == [
        "-        return {'text': ' '.join(input['message'].split())}",
        "+        return {'text': ' '.join(input['text'].split())}",
    ]
    assert text(REFUND, copy.deepcopy(REFUND), ("a", "b")) == ""


def told(before: list[str], after: list[str]) -> list[str]:
    first, second = ({"guidance": "\n".join(lines)} for lines in (before, after))
    return text(first, second, ("a", "b")).splitlines()


def patched(lines: list[str], said: list[str]) -> list[str]:
    """As `patch` would do it: line by line, with each hunk where its head says."""
    found, place = [], 0
    for line in said[2:]:
        if head := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", line):
            start = int(head[1]) - (head[2] != "0")
            found, place = found + lines[place:start], start
        elif line[0] == "+":
            found.append(line[1:])
        else:
            assert lines[place] == line[1:]
            found, place = found + ([lines[place]] if line[0] == " " else []), place + 1
    return found + lines[place:]


@settings(max_examples=200, deadline=None)
@given(*[st.lists(st.sampled_from("abc"), max_size=25)] * 2)
def test_the_text_is_a_unified_diff_that_leads_from_one_to_the_other(before, after):
    first, second = (strict_yaml.dumps({"guidance": "\n".join(lines)}).splitlines() for lines in (before, after))
    assert patched(first, told(before, after)) == second


def test_one_line_that_is_new_is_one_line_however_long_the_text():
    lines = [f"rule {n}" for n in range(9000)]
    said = told(lines, [*lines[:4500], "new", *lines[4500:]])
    assert said[2] == "@@ -4499,6 +4499,7 @@"
    assert [line for line in said[3:] if line[0] != " "] == ["+  new"]


def test_lines_without_end_are_told_as_replaced():
    """To align them would take difflib a minute."""
    lines = [f"rule {n % 190}" for n in range(19_000)]
    began = time.thread_time()
    said = told(["first", *lines], [*reversed(lines), "last"])
    assert time.thread_time() - began < 2
    assert len(said) > 38_000


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
