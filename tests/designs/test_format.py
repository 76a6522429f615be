"""What the prompts say of the sandbox's Python is so: what they name as missing is missing, and what to write instead works."""

from datetime import UTC, datetime

import pytest

from workflows import sandbox
from workflows.references import read_code

NAMES = {"input": {}, "steps": {}, "constants": {}, "now": "2026-01-02T10:00:00+00:00"}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def fails(body: str) -> bool:
    code = f"def run(input, steps):\n    {body}\n"
    if read_code(code).faults or sandbox.uncompilable([("code", code)]):
        return True
    return isinstance(sandbox.run(code, NAMES, NOON, "UTC"), sandbox.Failure)


@pytest.mark.parametrize(
    "body",
    [
        "class Late(Exception):\n        pass\n    return 1",
        "yield 1",
        "found = {'a': 1}; del found['a']; return found",
        "class Line:\n        def __init__(self):\n            self.price = 1\n    return Line().price",
        "return 'a'.translate({97: 'b'})",
        "return re.findall('a b', 'ab', re.VERBOSE)",
        "return date(2026, 1, 2).isocalendar()",
        "return re.sub('a', lambda found: 'b', 'a')",
        "return next(x for x in [1, 2] if x > 1)",
        "return next(zip([1], [2]))",
        "return Decimal('1') * 1.5",
        "import statistics\n    return 1",
        "return {1: 2}",
    ],
)
def test_what_is_said_to_be_missing_is_missing(body):
    assert fails(body)


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (r"return re.sub(r'(\d+) USD', r'\g<1>USD', '5 USD')", "5USD"),
        ("return next(iter([x for x in [1, 2] if x > 1]), None)", 2),
        ("return Decimal('1.005').quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)", "1.01"),
        ("return sum((Decimal(x) for x in ['1.10', '2']), Decimal(0))", "3.10"),
        ("return f'{Decimal(\"1234.5\"):,.2f}'", "1,234.50"),
        ("return {'on': date(2026, 1, 2), 'kinds': {'b', 'a'}}", {"on": "2026-01-02", "kinds": ["a", "b"]}),
        ("from itertools import groupby\n    return [key for key, _ in groupby([1, 1, 2])]", [1, 2]),
    ],
)
def test_what_is_said_to_be_there_works(body, output):
    assert sandbox.run(f"def run(input, steps):\n    {body}\n", NAMES, NOON, "UTC") == output


def test_a_group_named_by_a_backslash_alone_is_lost():
    """So the prompts warn of it: nothing fails, and the text is gone."""
    code = r"def run(input, steps): return re.sub(r'(\d+) USD', r'\1USD', '5 USD')"
    assert sandbox.run(code, NAMES, NOON, "UTC") == ""
