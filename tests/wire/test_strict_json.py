"""What the one parser for outside text takes, and what it refuses with which word."""

import json

import pytest

from wire.problems import Invalid, Malformed, Problem, TooLarge
from wire.strict_json import _object, bounded, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ('"[[[[ is text"', "[[[[ is text"),
        (b'{"\xc3\xa9": 1}', {"é": 1}),
        ("9007199254740992", 2**53),
        ('"\\ud83d\\ude00"', "😀"),
        ("[" * 32 + "]" * 32, None),
    ],
)
def test_it_reads_json(text, value):
    read = loads(text)
    assert value is None or read == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Malformed),
        ("{'a': 1}", Malformed),
        ('{"a": 1} {"b": 2}', Malformed),
        ('{"a": 1, "a": 2}', Malformed),
        ("NaN", Malformed),
        ("[Infinity]", Malformed),
        ("1e400", Malformed),
        (b"\xff", Malformed),
        (b"\xef\xbb\xbf{}", Malformed),
        ("[" * 33 + "]" * 33, Malformed),
        ("[" * 100_000, Malformed),
        ('"\\u0000"', Invalid),
        ('{"\\u0000": 1}', Invalid),
        ('"\\ud800"', Invalid),
        ("9007199254740993", Invalid),
        ("1" * 4000, Invalid),
        ("[" + "0," * 20_001 + "0]", TooLarge),
    ],
)
def test_it_refuses_what_cannot_be_trusted(text, problem):
    with pytest.raises(problem):
        loads(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '"\\u0000"', '"\\ud800"', "NaN", "1" * 4000, "[" * 32 + "]" * 32])
def test_an_envelope_may_say_what_a_document_may_not(text):
    assert bounded(text.encode()) is not None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", Malformed),
        (b"\xff\xfe{}", Malformed),
        (b"1" * 5000, Malformed),
        (b"[" * 33 + b"]" * 33, Malformed),
        (b"[" * 4_000_000, Malformed),
        (b'{"a": [' + b"0," * 90_000 + b"0]}", TooLarge),
        (b"[" + b'"",' * 80_000 + b"0]", TooLarge),
    ],
)
def test_what_an_envelope_costs_is_bounded_too(body, problem):
    with pytest.raises(problem):
        bounded(body)


def test_it_says_where_the_character_stands():
    with pytest.raises(Problem) as found:
        loads('{"input": {"a/b": ["fine", "\\u0000"]}}')
    assert [fault.pointer for fault in found.value.faults] == ["/input/a~1b/1"]


class Key(str):
    """A key that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Key.compared += 1
        return str.__eq__(self, other)


def test_a_key_that_stands_twice_is_found_in_one_pass():
    pairs = [(Key(f"key {number}"), number) for number in range(10_000)]
    Key.compared = 0
    with pytest.raises(Malformed, match="'key 9999' stands twice"):
        _object([*pairs, (Key("key 9999"), 0)])
    assert Key.compared < 10_000


def test_a_hundred_thousand_keys_are_read_where_so_many_are_allowed():
    keys = ",".join(f'"key {number}": 0' for number in range(100_000))
    assert len(loads(f"{{{keys}}}", max_nodes=200_000)) == 100_000
    with pytest.raises(Malformed, match="stands twice"):
        loads(f'{{{keys}, "key 0": 1}}', max_nodes=200_000)


@pytest.mark.parametrize("text", ["[" + '"",' * 500_000 + "]", '{"a": NaN' + ', "a": NaN' * 100_000, "[]" * 500_000])
def test_what_has_too_many_values_is_refused_before_any_is_made(text):
    """Each of these has a fault that the parser would meet: it is not asked."""
    with pytest.raises(TooLarge):
        loads(text)


def test_a_document_with_as_many_values_as_are_allowed_is_read():
    value = [{"key": "text"}] * 333
    assert loads(json.dumps(value), max_nodes=667) == value
    with pytest.raises(TooLarge):
        loads(json.dumps(value), max_nodes=666)
