"""Tools that ask nobody: a value against a schema, phrases and patterns in a text, texts by their words."""

import time

import pytest

from projects.tools import ToolError
from tests.cast import make_project
from tests.toolbox.rows import call, faults, made, text
from workflows.schemas import Schema

pytestmark = pytest.mark.django_db
ORDER = {"type": "object", "required": ["number"], "properties": {"number": {"pattern": "^A[0-9]+$"}}}


@pytest.fixture
def project():
    return make_project("shop")


def test_a_schema_says_where_a_value_breaks_it(project):
    tool = made(project, "schema", {"schema": ORDER})
    assert faults(tool) == {}
    assert call(tool, value={"number": "A1"}) == {"valid": True, "errors": []}
    detail = "'number' must match the pattern '^A[0-9]+$', not 'B'."
    answer = call(tool, value={"number": "B"})
    assert answer == {"valid": False, "errors": [{"pointer": "/number", "detail": detail}]}
    assert [one["pointer"] for one in call(tool, value={})["errors"]] == ["/number"]
    assert Schema(tool.output_schema).faults(answer) == []


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (None, "A JSON Schema is an object."),
        ([], "A JSON Schema is an object."),
        ({"type": "txt"}, "/type: "),
        ({"$ref": "https://example.com/x.json"}, "/$ref: "),
        ({"pattern": "(a+"}, "/pattern: "),
        ({"pattern": "(?=a)b"}, "/pattern: "),
        ({"pattern": ".{1,4000}"}, "This pattern becomes too large"),
    ],
)
def test_a_schema_that_is_none_is_not_saved(schema, said, project):
    assert said in faults(made(project, "schema", {"schema": schema}))["schema"]


def test_a_schema_that_cannot_be_looked_at_in_time_says_so(project):
    tool = made(project, "schema", {"schema": {"items": {"pattern": "[ab]{1,900}x"}}})
    assert faults(tool) == {}
    assert call(tool, value=["a" * 900_000] * 9)["errors"][0]["detail"] == (
        "This is too large to be checked against its schema."
    )


def found(tool, said: str) -> list[tuple]:
    return [(one["name"], one["match"], one["start"], one["end"]) for one in call(tool, text=said)["found"]]


def test_phrases_and_patterns_are_found_with_their_places(project):
    patterns = [{"name": "order", "pattern": "\\b[ab][0-9]{3}\\b"}]
    tool = text(project, phrases=["refund", "Straße", "not there"], patterns=patterns)
    assert faults(tool) == {}
    said = "REFUND for A100 and b200: STRASSE, strasse 7, refunded."
    assert found(tool, said) == [
        ("refund", "REFUND", 0, 6),
        ("order", "A100", 11, 15),
        ("order", "b200", 20, 24),
        ("Straße", "STRASSE", 26, 33),
        ("Straße", "strasse", 35, 42),
    ]
    assert Schema(tool.output_schema).faults(call(tool, text=said)) == []
    tool = text(project, phrases=["refund"], patterns=patterns, fold_case=False, whole_words=False)
    assert found(tool, said) == [("order", "b200", 20, 24), ("refund", "refund", 46, 52)]


def test_places_are_those_of_the_text_where_a_letter_becomes_two(project):
    said = "ßß straße 🙂 Straße"
    assert [said[start:end] for _, _, start, end in found(text(project, phrases=["STRASSE"]), said)] == [
        "straße",
        "Straße",
    ]


def test_what_is_found_has_a_limit(project):
    patterns = [{"name": "x", "pattern": "x"}]
    for tool in (text(project, phrases=["x"]), text(project, patterns=patterns)):
        answer = call(tool, text="x " * 1000)
        assert (answer["count"], answer["truncated"]) == (100, True)
    with pytest.raises(ToolError, match="stand in the text too often"):
        call(text(project, phrases=["a"]), text="a" * 150_000)
    with pytest.raises(ToolError, match="more than 200000 characters"):
        call(text(project, phrases=["a"]), text="a" * 200_001)
    assert call(text(project, patterns=[{"name": "nothing", "pattern": "y*"}]), text="x" * 500)["count"] == 0


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*b", "([a-z]+)*[0-9]", "(.*)(.*)(.*)(.*)x$", "(x+x+)+y"])
def test_no_text_takes_a_pattern_long(pattern, project):
    tool = text(project, patterns=[{"name": "slow", "pattern": pattern}])
    assert faults(tool) == {}
    began = time.monotonic()
    for said in ("a" * 50_000 + "!", "x" * 50_000 + "!"):
        try:
            call(tool, text=said)
        except ToolError as error:
            assert "ran longer than 1 second" in str(error)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"patterns": [{"name": "a", "pattern": "("}]}, "patterns", "a: /pattern: "),
        ({"patterns": [{"name": "a", "pattern": "(?<=x)y"}]}, "patterns", "a: /pattern: "),
        ({"patterns": [{"name": "a", "pattern": r"(a)\1"}]}, "patterns", "a: /pattern: "),
        ({"patterns": [{"name": "a", "pattern": "a"}] * 101}, "patterns", "At most 100 patterns."),
        ({"phrases": ["a"] * 1001}, "phrases", "At most 1000 phrases"),
        ({}, "phrases", "Name a phrase or a pattern"),
        ({"mode": "search"}, "texts", "Write a text that is searched"),
        ({"mode": "search", "texts": [{"title": "", "text": "x" * 500_001}]}, "texts", "500000 characters"),
    ],
)
def test_what_is_wrong_with_a_search_is_said_at_its_field(fields, field, said, project):
    assert said in faults(text(project, **fields))[field]


TEXTS = [
    {"title": "Returns", "text": "An order can be sent back within thirty days. Postage is the customer's."},
    {"title": "Refunds", "text": "A refund is paid within five days, once the order is here."},
    {"title": "Gift cards", "text": "A gift card is not paid out."},
]


def test_texts_are_searched_by_words_and_the_best_comes_first(project):
    tool = text(project, mode="search", texts=TEXTS)
    assert faults(tool) == {}
    answer = call(tool, query="When is a REFUND paid?")
    assert [one["title"] for one in answer["found"]] == ["Refunds", "Gift cards", "Returns"]
    assert answer["found"][0]["excerpt"].startswith("A refund is paid")
    assert answer["found"][0]["score"] > answer["found"][1]["score"]
    assert Schema(tool.output_schema).faults(answer) == []
    assert call(tool, query="zebra") == {"found": [], "count": 0, "truncated": False}
    assert call(text(project, mode="search", texts=TEXTS, max_found=1), query="is")["truncated"] is True


def test_an_excerpt_begins_a_little_before_the_word_that_counts(project):
    long = [{"title": "Long", "text": "lorem " * 500 + "a refund is here " + "ipsum " * 500}]
    excerpt = call(text(project, mode="search", texts=long), query="refund")["found"][0]["excerpt"]
    assert len(excerpt) == 300
    assert 0 < excerpt.index("refund") < 80
