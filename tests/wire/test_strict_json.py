"""What the one parser for outside text takes, and what it refuses with which word."""

import pytest

from wire.problems import Invalid, Malformed, Problem, TooLarge
from wire.strict_json import loads


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


def test_it_says_where_the_character_stands():
    with pytest.raises(Problem) as found:
        loads('{"input": {"a/b": ["fine", "\\u0000"]}}')
    assert [fault.pointer for fault in found.value.faults] == ["/input/a~1b/1"]
