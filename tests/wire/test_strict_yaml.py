"""YAML from outside: what it means, what is refused, and what a bomb costs."""

import json
import time
from contextlib import suppress

import pytest

from wire.problems import Invalid, Malformed, Problem, TooLarge
from wire.strict_yaml import loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("22:00:00", "22:00:00"),
        ("2026-11-25", "2026-11-25"),
        ("1_000", "1_000"),
        ("1.2.0", "1.2.0"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("[a, b]", ["a", "b"]),
        ("a:\nb: 1", {"a": None, "b": 1}),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("on: yes", {"on": "yes"}),
        ("<<: 1", {"<<": 1}),
        ("# only\n--- \na: 1\n...\n", {"a": 1}),
    ],
)
def test_it_reads_the_core_schema(text, value):
    found = loads(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "The key 'a' stands twice in one object at line 2, column 1"),
        ("a: !!str 1", "A tag such as 'tag:yaml.org,2002:str' says nothing here at line 1"),
        ("!!python/object/apply:os.system [ls]", "A tag such as"),
        ("a: 1\n---\nb: 2", "More than one document at line 2"),
        ("", "is empty"),
        ("# nothing", "is empty"),
        ("zip: 01234", "'01234' is no number that JSON has; as a text it stands in quotes at line 1, column 6"),
        ("a: .nan", "is no number that JSON has"),
        ("a: -.inf", "is no number that JSON has"),
        ("1e999", "too large for a number"),
        ("404: gone", "A key is a text: write it in quotes"),
        ("? [a]\n: 1", "A key is a text"),
        ("true: 1", "A key is a text"),
        ("a: *b", "The alias *b names nothing|undefined alias"),
        ("a: &a [*a]", "The alias *a names nothing that is complete here"),
        ("a: [1", "Not YAML"),
        ("a: b: c", "Not YAML: mapping values are not allowed in this context at line 1, column 5"),
        ("\ta: 1", "Not YAML"),
        ("a: \x01", "Not YAML"),
        (
            "a: 1\nb: x\u2028y",
            r"Write '\u2028' as an escape in double quotes: it is a line break to some, and none to others",
        ),
        ("a: 1\nb: x\x85y", "at line 2, column 5"),
        ("[" * 40 + "]" * 40, "Nested deeper than 32 levels"),
    ],
)
def test_it_refuses(text, said):
    with pytest.raises(Malformed) as raised:
        loads(text)
    assert any(one in raised.value.detail for one in said.split("|"))


@pytest.mark.parametrize("text", ['"\\0"', '"\\ud800"', "9007199254740993"])
def test_what_no_store_keeps_is_refused_as_in_json(text):
    with pytest.raises((Invalid, Malformed)):
        loads(text)


def test_an_anchor_bomb_costs_nothing():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    began = time.thread_time()
    with pytest.raises(TooLarge):
        loads(bomb)
    assert time.thread_time() - began < 0.1


def test_a_long_text_is_counted_as_often_as_an_alias_repeats_it():
    """900 KB, 300 times: the value is small as long as nobody writes it out."""
    with pytest.raises(TooLarge, match="With its aliases followed this YAML has more than 1048576 characters"):
        loads(f'a: &a "{"x" * 900_000}"\nb: [{", ".join(["*a"] * 300)}]')
    with pytest.raises(TooLarge, match="characters"):
        loads("a: &a {? " + "k" * 900_000 + " : 1}\nb: [*a, *a]")


def test_aliases_nest_no_deeper_than_brackets():
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    with pytest.raises(Malformed, match="Nested deeper than 32 levels"):
        loads(chain)


UNITS = ["[", "{a: ", "- ", "? ", "&a ", "*a ", "!", "'", '"', "|\n", "%", "a: 1\n", "a: &b 1\n", "\ufeff"]


@pytest.mark.parametrize("unit", UNITS)
def test_whatever_comes_a_thousandfold_is_soon_answered(unit):
    began = time.thread_time()
    with suppress(Problem):
        loads(unit * 20_000)
    assert time.thread_time() - began < 3


def test_json_is_yaml():
    value = {"a": [1, 2.5, None, True, "é\n"], "b": {"c": ""}}
    assert loads(json.dumps(value)) == value
