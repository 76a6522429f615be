"""Graders: what is right, what is said of what is not, and what is wrong with a list of them."""

import json
import time

import pytest

from evaluations.graders import KINDS, MAX_SAID, Grade, faults, grade
from evaluations.rubric import Said
from tests.test_docs import DOCS, blocks, named, section
from wire.problems import Fault

PROOF = DOCS / "proof.md"
POINTER = "A JSON pointer is empty, for the whole answer, or begins with '/', such as '/lines/0/sku'."
AMOUNT = "A tolerance is a number, or a decimal string, of at least 0, such as '0.01'."


def judged(grader: dict, expected: object, output: object, input: object = None) -> Grade:
    assert faults([grader]) == []
    return grade([grader], expected, output, input)


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


# Exactly

SAME = [(1, 1.0), ({"a": [1, None], "b": "x"}, {"b": "x", "a": [1.0, None]}), (None, None), ([], []), (0, -0.0)]
OTHER = [
    (True, 1, "The output is 1, and true is expected."),
    (0, False, "The output is false, and 0 is expected."),
    ("12.50", 12.5, 'The output is 12.5, and "12.50" is expected.'),
    ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "/a/1/b is 3, and 2 is expected."),
    ({"a": 1}, {}, "/a is missing, and 1 is expected."),
    ({"a": None}, {}, "/a is missing, and null is expected."),
    ({}, {"x/y": 1}, "/x~1y is 1, and nothing is expected there."),
    ([1], [1, 2], "The output is [1, 2], and [1] is expected."),
    ({}, [], "The output is [], and {} is expected."),
]


@pytest.mark.parametrize(("expected", "output"), SAME)
def test_no_grader_means_that_the_two_are_the_same(expected, output):
    assert grade([], expected, output, None) == Grade(True, "")


@pytest.mark.parametrize(("expected", "output", "said"), OTHER)
def test_the_first_place_that_differs_is_said(expected, output, said):
    assert grade([], expected, output, None) == Grade(False, f"exact: {said}")
    assert judged({"grade": "exact"}, expected, output) == Grade(False, f"exact: {said}")


@pytest.mark.parametrize(
    ("pointer", "right"), [("/a", True), ("/b", False), ("/b/1", True), ("/b/0", False), ("/c~1d", True), ("/~0", True)]
)
def test_one_place_may_be_compared_alone(pointer, right):
    expected = {"a": 1, "b": [1, 2], "c/d": 3, "~": 4}
    assert judged({"grade": "exact", "pointer": pointer}, expected, {**expected, "b": [0, 2]}).right is right


@pytest.mark.parametrize("kind", [{"grade": "exact"}, {"grade": "set"}, {"grade": "similarity", "at_least": 0.5}])
@pytest.mark.parametrize("pointer", ["/knd", "/lines/2", "/lines/-", "/lines/01", "/kind/0", "/"])
def test_a_place_that_no_case_speaks_of_proves_nothing(kind, pointer):
    answer = {"kind": "x", "lines": [1, 2]}
    said = judged({**kind, "pointer": pointer}, answer, answer).said
    assert said == (
        f"{kind['grade']}: {pointer} is not in the expected answer, so that there is nothing to compare with."
    )


# The other kinds


def test_fields_ignore_the_rest_and_say_each_that_differs():
    grader = {"grade": "fields", "fields": ["/a", "/b/0", "/c"]}
    assert judged(grader, {"a": 1, "b": [2], "c": 3, "d": 4}, {"a": 1.0, "b": [2], "c": 3}).right
    assert judged(grader, {"a": 1, "b": [2], "c": 3}, {"a": 2, "b": []}).said == (
        "fields: /a is 2, and 1 is expected. /b/0 is missing, and 2 is expected. /c is missing, and 3 is expected."
    )


@pytest.mark.parametrize(
    ("allowed", "expected", "output", "right"),
    [
        ({"absolute": "0.01"}, "12.50", 12.51, True),
        ({"absolute": 0.01}, 0.3, 0.31, True),  # as binary fractions they are further away
        ({"absolute": "0.01"}, "12.50", "12.511", False),
        ({"absolute": 0}, "12.50", 12.5, True),
        ({"relative": "0.1"}, 100, 110, True),
        ({"relative": "0.1"}, -100, -111, False),
        ({"relative": 0.1, "absolute": 20}, 100, 120, True),
        ({"relative": 0.5}, 1e308, -1e308, False),
        ({"absolute": 1}, 1, True, False),
        ({"absolute": 1}, 1, "one", False),
        ({"absolute": 1}, 1, "1e9", False),
        ({"absolute": 1}, 1, None, False),
        ({"absolute": 1}, None, None, True),
    ],
)
def test_a_number_may_be_so_far_away_and_no_further(allowed, expected, output, right):
    grader = {"grade": "tolerance", "pointer": "/n", **allowed}
    assert judged(grader, {"n": expected}, {"n": output}).right is right


def test_it_says_how_far_a_number_may_be_away():
    grader = {"grade": "tolerance", "pointer": "/amount", "absolute": "0.01"}
    assert judged(grader, {"amount": "12.50"}, {"amount": 12.52}).said == (
        'tolerance: /amount is 12.52, and "12.50" is expected. It is more than 0.01 away.'
    )


def test_a_set_has_no_order_and_holds_nothing_twice():
    grader = {"grade": "set", "pointer": "/tags"}
    same = judged(grader, {"tags": [1, {"a": 1, "b": [2]}, "x"]}, {"tags": ["x", 1.0, {"b": [2.0], "a": 1}, 1, "x"]})
    assert same.right
    assert judged(grader, {"tags": ["a", True, 0]}, {"tags": ["b", 1, 0, None, "c", "d"]}).said == (
        'set: /tags lacks "a", true and has "b", 1, null and 2 more unexpectedly.'
    )
    assert judged(grader, {"tags": []}, {"tags": "a"}).said == 'set: /tags is "a", and [] is expected.'
    assert judged(grader, {"tags": None}, {"tags": None}).right


def test_a_schema_looks_at_the_answer_alone():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}
    grader = {"grade": "schema", "schema": schema, "pointer": "/x"}
    assert judged(grader, None, {"x": {"a": "", "b": 1}}).right
    assert judged(grader, None, {"x": {"a": 1, "b": 1}}).said == (
        "schema: /x/a breaks its schema: 'a' must be a text, not 1."
    )
    assert judged(grader, None, {}).said == "schema: /x is missing."


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("Decimal(output['total']) >= Decimal(expected['total']) and input['order'] in output['reply']", ""),
        ("output['lines']", "expression: This has to hold and does not: output['lines']"),
        ("output['none']", "expression: It could not be evaluated: KeyError: 'none'"),
        ("'a' * 10**9 == output", "expression: It could not be evaluated: It needed more than 50 MB of memory."),
        ("7 ** 20_000_000 > 1", "expression: It could not be evaluated: It ran longer than 1 second."),
    ],
)
def test_an_expression_has_to_be_true_and_one_that_breaks_is_not(check, said):
    output = {"total": "12.50", "reply": "Order A-1 is on its way.", "lines": []}
    found = judged({"grade": "expression", "check": check}, {"total": "12.5"}, output, {"order": "A-1"})
    assert (found.right, found.said) == (not said, said)


def test_an_expression_says_its_message():
    grader = {"grade": "expression", "check": "output > expected", "message": "It has to be more."}
    assert judged(grader, 1, 1).said == "expression: It has to be more."


def test_texts_may_be_alike():
    """kitten and sitting have "ittn" in common: 2 · 4 of 13 characters."""
    assert judged({"grade": "similarity", "at_least": 0.61}, "kitten", "sitting").right
    assert judged({"grade": "similarity", "at_least": 0.62}, "kitten", "sitting").said == (
        'similarity: The output is "sitting", and "kitten" is expected. They are alike to 0.615, and 0.62 is asked for.'
    )
    assert judged({"grade": "similarity", "at_least": 1, "pointer": "/a"}, {"a": ""}, {"a": ""}).right
    assert not judged({"grade": "similarity", "at_least": 0}, "1", 1).right


def test_texts_that_are_too_long_are_not_compared_by_likeness():
    grader = {"grade": "similarity", "at_least": 0.5}
    assert judged(grader, "ab" * 10_000, "ba" * 10_000).right
    assert judged(grader, "ab" * 10_000, "ab" * 10_000 + "a").said == (
        "similarity: The output is too long: texts of up to 20000 characters are compared by likeness."
    )
    assert judged(grader, "a" * 20_001, "a" * 20_001).right


def test_all_of_them_have_to_hold_and_each_that_does_not_is_said():
    graders = [{"grade": "exact", "pointer": "/a"}, {"grade": "set", "pointer": "/b"}]
    assert grade(graders, {"a": 1, "b": [1]}, {"a": 1, "b": [1, 1]}, None) == Grade(True, "")
    assert grade(graders, {"a": 1, "b": [1]}, {"a": 2, "b": []}, None) == Grade(
        False, "exact: /a is 2, and 1 is expected. set: /b lacks 1."
    )


# Hostile values

DEEP = nested(50_000)


@pytest.mark.parametrize(
    ("grader", "right"),
    [
        ({"grade": "exact"}, True),
        ({"grade": "set"}, False),
        ({"grade": "expression", "check": "output == expected"}, False),
    ],
)
def test_values_of_any_depth_are_graded_or_said_to_be_too_deep(grader, right):
    found = judged(grader, DEEP, DEEP)
    too_deep = f"{grader['grade']}: The values are nested too deeply to be compared."
    assert found == Grade(right, "" if right else too_deep)


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        ("x" * 5_000_000, "y" * 5_000_000),
        ({"a" * 1_000_000: 1}, {}),
        (DEEP, [DEEP, 1]),
        (DEEP, 1),
        ([1] * 200_000, [1] * 199_999),
        (nested(3_000), nested(3_001)),
    ],
)
def test_what_is_said_of_a_huge_value_is_short_and_said_soon(expected, output):
    began = time.monotonic()
    found = grade([{"grade": "exact"}, {"grade": "similarity", "at_least": 1}], expected, output, None)
    assert not found.right
    assert 0 < len(found.said) <= MAX_SAID + 1
    assert time.monotonic() - began < 2


def test_what_is_no_grader_any_more_does_not_hold():
    assert grade([{"grade": "vanished"}], 1, 1, None) == Grade(False, "vanished: This grader cannot be applied.")


# What is wrong with a list


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({}, [("", "Graders are a list of objects; an empty one means that the answers are the same.")]),
        (["exact"], [("/0", "This must be an object.")]),
        ([{}], [("/0/grade", "'grade' is missing.")]),
        ([{"grade": "exat"}], [("/0/grade", "Unknown grade 'exat'; did you mean 'exact'?")]),
        ([{"grade": ["exact"]}], [("/0/grade", "Unknown grade \"['exact']\"; did you mean 'exact'?")]),
        ([{"grade": "judge"}], [("/0/rubric", "'rubric' is missing.")]),
        ([{"grade": "exact", "ponter": ""}], [("/0/ponter", "Unknown key 'ponter'; did you mean 'pointer'?")]),
        ([{"grade": "schema", "shema": {}}], [
            ("/0/schema", "'schema' is missing."),
            ("/0/shema", "Unknown key 'shema'; did you mean 'schema'?"),
        ]),
        ([{"grade": "exact", "pointer": "a"}], [("/0/pointer", POINTER)]),
        ([{"grade": "exact", "pointer": "/~2"}], [("/0/pointer", POINTER)]),
        ([{"grade": "exact", "pointer": "/" + "a" * 500}], [("/0/pointer", POINTER)]),
        ([{"grade": "fields", "fields": []}], [("/0/fields", "'fields' must not be empty.")]),
        ([{"grade": "fields", "fields": ["/a", "b", 3]}], [
            ("/0/fields/1", POINTER),
            ("/0/fields/2", "'fields[2]' must be a text."),
        ]),
        ([{"grade": "tolerance", "pointer": "/a"}], [
            ("/0", "A tolerance is 'absolute', or 'relative' to the expected number, or both.")
        ]),
        ([{"grade": "tolerance", "absolute": 1}], [("/0/pointer", "'pointer' is missing.")]),
        ([{"grade": "tolerance", "pointer": "", "absolute": -1, "relative": "1e9"}], [
            ("/0/absolute", AMOUNT),
            ("/0/relative", AMOUNT),
        ]),
        ([{"grade": "similarity", "at_least": 1.1}], [("/0/at_least", "'at_least' must be at most 1.0.")]),
        ([{"grade": "similarity"}], [("/0/at_least", "'at_least' is missing.")]),
        ([{"grade": "schema", "schema": {"minLength": -1}}], [
            ("/0/schema/minLength", "'minLength' must be at least 0, not -1.")
        ]),
        ([{"grade": "schema", "schema": True}], [("/0/schema", "'schema' must be an object.")]),
        ([{"grade": "expression", "check": " "}], [("/0/check", "'check' must not be empty.")]),
        ([{"grade": "expression", "check": "outptu == 1"}], [
            ("/0/check", "Unknown name 'outptu'; did you mean 'output'?")
        ]),
        ([{"grade": "expression", "check": "now < steps['a']"}], [
            ("/0/check", "`now` does not exist here: a grader reads input, expected and output."),
            ("/0/check", "`steps` does not exist here: a grader reads input, expected and output."),
        ]),
        ([{"grade": "expression", "check": "1 +"}], [("/0/check", "This is not Python: invalid syntax (line 2).")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_graders_is_said_where_it_is(spec, found):
    assert [(fault.pointer, fault.detail) for fault in faults(spec)] == found


def test_expressions_that_do_not_compile_are_found_among_others():
    spec = [
        {"grade": "expression", "check": "output == expected"},
        {"grade": "exact"},
        {"grade": "expression", "check": "lambda: (yield)"},
    ]
    assert faults(spec, "/graders") == [
        Fault("/graders/2/check", "The sandbox's Python does not know yield expressions.")
    ]


def test_there_are_only_so_many():
    assert faults([{"grade": "exact"}] * 20) == []
    assert faults([{"grade": "exact"}] * 21, "/graders") == [Fault("/graders", "There are at most 20 graders.")]
    assert len(faults([{"grade": "fields", "fields": [""] * 99 + ["x"], **dict.fromkeys("abcd")}] * 20)) == 50


# The document


@pytest.mark.runs("docs/proof.md", "json", "Graders")
def test_the_graders_of_the_document_are_right_and_do_what_it_says():
    (graders,) = map(json.loads, blocks(section(PROOF, "Graders"), "json"))
    assert faults(graders) == []
    reply = "The refund of order A-1 is on its way."
    expected = {"kind": "refund", "customer": {"id": 7}, "amount": "12.50", "tags": ["a", "b"], "reply": reply}
    output = {**expected, "amount": 12.51, "tags": ["b", "a", "a"], "reply": f"{reply} Bye!", "more": 1}
    assert grade(graders, expected, output, {"order": "A-1"}) == Grade(None, "", (6,))
    heard = {6: [Said("same"), Said("output")]}
    assert grade(graders, expected, output, {"order": "A-1"}, heard) == Grade(True, "")
    assert grade(graders, expected, {**output, "amount": 12.52}, {"order": "A-2"}).said == (
        'tolerance: /amount is 12.52, and "12.50" is expected. It is more than 0.01 away. '
        "expression: The reply has to name the order."
    )


def test_the_table_of_the_document_names_every_grader():
    assert named(section(PROOF, "Graders"), "grade") == set(KINDS)
