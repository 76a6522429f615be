"""The sandbox: Python of a definition, with JSON in and out, and nothing else."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from workflows.sandbox import BACKSTOP, Failure, compiles, evaluate, run, truth_of, uncompilable

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # already the second of March in Berlin
NAMES = {
    "input": {"amount": "12.50", "lines": [{"n": 1}, {"n": 2}], "text": "Größe 🙂"},
    "steps": {"clean": {"text": "hello"}, "skipped": None},
    "constants": {"rate": "1.19"},
    "now": "2026-03-02T00:30:00+01:00",
}


def values(*expressions: str, names: dict = NAMES) -> list:
    return evaluate(expressions, names, NOW, "Europe/Berlin")


def value(expression: str, names: dict = NAMES) -> object:
    [found] = values(expression, names=names)
    return found


def ran(body: str, input: object = None, steps: object = None, constants: object = None) -> object:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return code_ran(f"def run(input, steps):\n{lines}", input, steps, constants)


def code_ran(code: str, input: object = None, steps: object = None, constants: object = None) -> object:
    local = NOW.astimezone(ZoneInfo("Europe/Berlin")).isoformat()
    names = {"input": input, "steps": steps or {}, "constants": constants or {}, "now": local}
    return run(code, names, NOW, "Europe/Berlin")


# Expressions

GOOD = [
    ("1 + 1", 2),
    ("input['lines'][1]['n']", 2),
    ("input['text']", "Größe 🙂"),
    ("steps['skipped'] is None and steps['clean']['text'] == 'hello'", True),
    ("input['amount'] == '12.50'\n  and constants['rate'] > '1'", True),
    ("  (1,\n 2)  # a comment", [1, 2]),
    ("[line['n'] * 2 for line in input['lines'] if any(line == other for other in input['lines'])]", [2, 4]),
    ("now", "2026-03-02T00:30:00+01:00"),
    ("re.findall(r'\\d+', input['amount'])", ["12", "50"]),
    ("math.floor(2.7)", 2),
    ("json.loads('[1]')", [1]),
    ("Counter(['a', 'b', 'a'])", {"a": 2, "b": 1}),
    ("defaultdict(list, {'a': [1]})", {"a": [1]}),
    ("{'b', 'a', 'c'}", ["a", "b", "c"]),
    ("{10, 9}", [9, 10]),
    ("frozenset({Decimal('2'), Decimal('10')})", ["2", "10"]),
    ("None", None),
    ("0.1 + 0.2", 0.30000000000000004),
    ("2 ** 53", 9007199254740992),
]


@pytest.mark.parametrize(("expression", "expected"), GOOD)
def test_it_evaluates(expression, expected):
    assert value(expression) == expected


def test_true_is_not_one():
    assert value("1 == 1") is True


DECIMALS = [
    ("Decimal('12.50')", "12.50"),
    ("Decimal('12.50') * 2", "25.00"),
    ("Decimal(constants['rate']) * Decimal(input['amount'])", "14.8750"),
    ("(Decimal('2.675')).quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)", "2.68"),
    ("Decimal('1E+5')", "100000"),
    ("Decimal('1E-9')", "0.000000001"),
    ("sum([Decimal('0.1')] * 3, Decimal(0))", "0.3"),
    ("{'total': [Decimal('-0.10')]}", {"total": ["-0.10"]}),
]


@pytest.mark.parametrize(("expression", "expected"), DECIMALS)
def test_a_decimal_leaves_as_a_decimal_string_without_an_exponent(expression, expected):
    assert value(expression) == expected


def test_the_clock_stands_still_in_the_workflows_zone():
    found = values("datetime.now()", "date.today()", "datetime.now(timezone.utc)", "datetime.now().astimezone()")
    assert found == [
        "2026-03-02T00:30:00",
        "2026-03-02",
        "2026-03-01T23:30:00+00:00",
        "2026-03-02T00:30:00+01:00",
    ]
    assert evaluate(["date.today()"], {}, NOW, "America/New_York") == ["2026-03-01"]


def test_summer_time_is_the_zones():
    july = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert evaluate(["datetime.now()"], {}, july, "Europe/Berlin") == ["2026-07-01T14:00:00"]


def test_dates_are_computed():
    assert value("date(2026, 3, 1) - timedelta(days=1)") == "2026-02-28"
    assert value("(date.today() - date.fromisoformat('2026-02-20')).days") == 10


NOT_JSON = {
    "float('nan')": "The result is not JSON that can be kept: NaN is not a JSON number.",
    "[1e999]": "The result is not JSON that can be kept: Infinity is not a JSON number.",
    "Decimal('NaN')": "ValueError: NaN is not a number that can leave",
    "Decimal('Infinity')": "ValueError: Infinity is not a number that can leave",
    "b'x'": "TypeError: a result is JSON, and bytes is not",
    "{'a': [timedelta(1)]}": "TypeError: a result is JSON, and timedelta is not",
    "re.match('a', 'a')": "TypeError: a result is JSON, and Match is not",
    "lambda: 1": "TypeError: a result is JSON, and function is not",
    "range(3)": "TypeError: a result is JSON, and range is not",
    "json": "TypeError: a result is JSON, and module is not",
    "{1: 2}": "TypeError: a result has text as keys, not int",
    "{None: 2}": "TypeError: a result has text as keys, not NoneType",
    "{('a', 'b'): 2}": "TypeError: a result has text as keys, not tuple",
    "2 ** 53 + 1": "The result is not JSON that can be kept: An integer beyond ±2^53 cannot be read everywhere; "
    "send it as text.",
    "-10 ** 30": "The result is not JSON that can be kept: The integer -1000000000000000000… is beyond ±2^53; "
    "send it as text.",
    "'\\x00'": "The result is not JSON that can be kept: A NUL character cannot be stored.",
    "'x' * 2 ** 20": "The result has more than 1048576 bytes.",
    "'é' * 2 ** 19": "The result has more than 1048576 bytes.",
    "[0] * 150_000": "The result is not JSON that can be kept: More than 100000 values in one document.",
}


@pytest.mark.parametrize(("expression", "detail"), NOT_JSON.items())
def test_what_is_not_json_does_not_leave(expression, detail):
    assert value(expression) == Failure(detail)


def test_a_value_that_contains_itself_does_not_leave():
    assert isinstance(ran("a = []\na.append(a)\nreturn a"), Failure)


def test_an_exception_is_one_expressions_own():
    assert values("1 / 0", "steps['nobody']", "undefined", "int('x')", "1 +", "3") == [
        Failure("ZeroDivisionError: division by zero"),
        Failure("KeyError: 'nobody'"),
        Failure("NameError: name 'undefined' is not defined"),
        Failure("ValueError: invalid literal for int() with base 10: 'x'"),
        Failure("SyntaxError: Expected an expression (<string>, line 2)"),
        3,
    ]


def test_a_long_complaint_is_cut_and_can_be_stored():
    failure = value("int('\\x00' + 'x' * 100_000)")
    assert isinstance(failure, Failure)
    assert len(failure.detail) <= 500
    assert "\x00" not in failure.detail


def test_no_expressions_have_no_values():
    assert values() == []


def test_expressions_do_not_see_what_another_changes():
    assert values(
        "steps['list'].append(3)",
        "steps.update({'new': 1})",
        "(steps := 5)",
        "(len := 5)",
        "[input.clear() for _ in [1]]",
        "setattr(json, 'dumps', None)",
        "exec('len = 5')",
        "[steps, input, len(steps['list'])]",
        names={"input": {"a": 1}, "steps": {"list": [1, 2]}},
    )[-1] == [{"list": [1, 2]}, {"a": 1}, 2]


def test_what_an_expression_changes_stays_in_the_sandbox():
    steps = {"list": [1, 2]}
    values("steps['list'].append(3)", names={"steps": steps})
    assert steps == {"list": [1, 2]}


def test_names_of_one_evaluation_are_unknown_to_the_next():
    assert value("item", {"item": 1}) == 1
    assert value("item", {}) == Failure("NameError: name 'item' is not defined")


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("Decimal('0.00')", False),
        ("Decimal('0.01')", True),
        ("re.search('a', 'b')", False),
        ("re.search('b', 'b')", True),
        ("timedelta(0)", False),
        ("'a' in 'b'\n  or 1 == 1  # why", True),
        ("steps['skipped']", False),
    ],
)
def test_a_condition_has_the_truth_that_python_gives_it(condition, truth):
    assert value(truth_of(condition)) is truth


# Limits

RUNAWAY = "sum(1 for a in range(10000) if sum(b for b in range(10000)) < 0)"


def test_an_endless_expression_is_stopped_and_the_others_have_their_values():
    started = time.monotonic()
    assert values("1", RUNAWAY, "3") == [1, Failure("It ran longer than 1 second."), 3]
    assert time.monotonic() - started < 2 * BACKSTOP + 3


def test_a_batch_of_endless_expressions_ends():
    started = time.monotonic()
    assert (
        values(*[RUNAWAY] * 20, "3")[2:] == [Failure("Not evaluated: too many expressions before it met a limit.")] * 19
    )
    assert time.monotonic() - started < 3 * BACKSTOP + 3


def test_an_expression_that_needs_too_much_memory_is_stopped_and_the_others_have_their_values():
    assert values("1", "len('x' * 10 ** 10)", "3") == [1, Failure("It needed more than 50 MB of memory."), 3]


ENDING_BADLY = {
    "while True: pass": "It ran longer than 1 second.",
    "try:\n  while True: pass\nexcept BaseException:\n  return 'caught'": "It ran longer than 1 second.",
    "return 7 ** 20_000_000 > 1": "It ran longer than 1 second.",
    "while True: print('x' * 1000)": "It ran longer than 1 second.",
    "return 'x' * 10 ** 10": "It needed more than 50 MB of memory.",
    "return [0] * 10 ** 9": "It needed more than 50 MB of memory.",
    "a = ['x' * 1000]\nwhile True: a += a": "It needed more than 50 MB of memory.",
    "return ' '.join(['a' * 1000] * 10 ** 6)": "It needed more than 50 MB of memory.",
    "def deeper(): return deeper()\nreturn deeper()": "RecursionError: maximum recursion depth exceeded (line 2)",
}


@pytest.mark.parametrize(("body", "detail"), ENDING_BADLY.items())
def test_runaway_code_is_stopped_and_the_next_call_works(body, detail):
    started = time.monotonic()
    assert ran(body) == Failure(detail)
    assert time.monotonic() - started < BACKSTOP + 3
    assert ran("return 1") == 1


def children() -> list[int]:
    """The processes of the sandbox."""
    found = [path.read_text().rpartition(")") for path in Path("/proc").glob("[0-9]*/stat")]
    return [int(begin.partition(" ")[0]) for begin, _, rest in found if int(rest.split()[1]) == os.getpid()]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the time of another process")
def test_what_a_busy_machine_takes_is_not_counted():
    """As if others had the processors: its process stands still for longer than the code may compute."""
    assert ran("return 1") == 1
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ran, "n = 0\nwhile n < 400_000: n += 1\nreturn n")
        time.sleep(0.02)
        stopped = children()
        for each in stopped:
            os.kill(each, signal.SIGSTOP)
        time.sleep(1.5)
        assert not slow.done()
        for each in stopped:
            os.kill(each, signal.SIGCONT)
        assert slow.result() == 400_000


def test_nobody_sleeps():
    started = time.monotonic()
    assert ran("import time\ntime.sleep(30)\nreturn 1") == 1
    assert time.monotonic() - started < 1


# No way out

ESCAPES = [
    "open('/etc/passwd').read()",
    "open('/tmp/written', 'w')",
    "__import__('os').system('id')",
    "().__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "(lambda: 0).__globals__",
    "'{0.__class__}'.format(1)",
    "globals()",
    "eval('1')",
    "exec('import os')",
    "compile('1', '', 'eval')",
    "breakpoint()",
    "FREE",
    "names",
    "texts",
]


@pytest.mark.parametrize("expression", ESCAPES)
def test_an_expression_has_no_way_out(expression):
    assert isinstance(value(expression), Failure)


CODE_ESCAPES = [
    "import os\nreturn os.environ['PATH']",
    "import os\nreturn os.listdir('/')",
    "import os\nos.system('id')",
    "import os\nos.kill(os.getpid(), 9)",
    "import os\nreturn list(os.urandom(3))",
    "import socket",
    "import subprocess",
    "import ctypes",
    "import urllib.request",
    "import importlib",
    "import uuid\nreturn str(uuid.uuid4())",
    "from pathlib import Path\nreturn Path('/etc/passwd').read_text()",
    "with open('/etc/passwd') as file:\n  return file.read()",
    "return input('name? ')",
    "return leaving",
]


@pytest.mark.parametrize("body", CODE_ESCAPES)
def test_code_has_no_way_out(body):
    assert isinstance(ran(body), Failure)


def test_what_code_prints_is_not_heard(capfd):
    assert ran("print('secret')\nreturn 1") == 1
    assert capfd.readouterr() == ("", "")


# Code


def test_it_runs_code_with_the_names_of_the_format():
    code = """
def rounded(amount):
    return amount.quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)

def run(input, steps):
    total = sum([Decimal(line['amount']) for line in input['lines']], Decimal(0))
    return {'total': rounded(total * Decimal(constants['rate'])), 'on': date.today(), 'at': now, 'of': steps['clean']}
"""
    given = {"lines": [{"amount": "10.10"}, {"amount": "0.05"}]}
    found = code_ran(code, given, {"clean": "x"}, {"rate": "1.19"})
    assert found == {"total": "12.08", "on": "2026-03-02", "at": "2026-03-02T00:30:00+01:00", "of": "x"}


def test_code_may_call_its_functions_and_variables_as_it_likes():
    code = "list = json = leaving = plain = Decimal = isinstance = 5\ndef run(input, steps): return {'a', 'b'}"
    assert code_ran(code) == ["a", "b"]


def test_code_leaves_nothing_behind():
    leave = "import decimal\ndecimal.getcontext().prec = 3\nglobal left\nleft = 1\nreturn left"
    assert ran(leave) == 1
    assert ran("return left") == Failure("NameError: name 'left' is not defined (line 2)")
    assert ran("return Decimal(1) / 3") == "0.3333333333333333333333333333"


def test_the_random_numbers_of_an_execution_are_the_same_when_it_is_repeated():
    body = "import random\nreturn [random.random() for _ in range(3)]"
    assert ran(body) == ran(body)


def test_a_failure_of_code_names_its_line():
    assert ran("order = steps['order']\nreturn order['id']", steps={"order": None}) == Failure(
        "TypeError: 'NoneType' object is not subscriptable (line 3)"
    )


def test_code_without_run_fails():
    assert code_ran("x = 1") == Failure("NameError: the code does not define run(input, steps)")


def test_code_that_does_not_compile_fails():
    assert isinstance(code_ran("def run(input, steps"), Failure)


def test_an_exception_can_say_anything_and_stays_short():
    failure = ran("raise ValueError('x' * 1_000_000)")
    assert isinstance(failure, Failure)
    assert failure.detail.startswith("ValueError: xxx")
    assert len(failure.detail) == 500


# Compiling

COMPILING = [
    ("expression", "input['a'] == 1"),
    ("expression", "a\n  and b  # and a comment"),
    ("expression", "(yes if x else no), 1"),
    ("expression", "undefined / 0"),
    ("code", "def run(input, steps):\n    return 1 / 0"),
    ("code", "import os\nwhile True: pass"),
]


@pytest.mark.parametrize(("kind", "text"), COMPILING)
def test_it_compiles(kind, text):
    started = time.monotonic()
    assert compiles(kind, text) is None
    assert time.monotonic() - started < 0.9  # nothing of it is executed


NOT_COMPILING = [
    ("expression", "", "Line 1: Expected an expression."),
    ("expression", "# nothing", "Line 1: Expected an expression."),
    ("expression", "1) + (2", "Line 1: Expected an expression or a ']'."),
    ("expression", "1]; import os; [2", "Line 1: Expected `)`, found `]`."),
    ("expression", "x = 1", "Line 1: Expected `)`, found `=`."),
    (
        "expression",
        "import os",
        "Line 1: Expected an identifier, but found a keyword `import` that cannot be used here.",
    ),
    (
        "expression",
        "return 1",
        "Line 1: Expected an identifier, but found a keyword `return` that cannot be used here.",
    ),
    ("expression", "a and\n\n* b", "Line 3: Starred expression cannot be used here."),
    ("expression", "(yield 1)", "The sandbox's Python does not know yield expressions."),
    ("expression", "(" * 5000 + ")" * 5000, "Line 1: Source is too deeply nested."),
    ("code", "def run(input, steps):\n    return (1", "Line 2: unexpected EOF while parsing."),
    ("code", "def run(input, steps):\n    del input", "The sandbox's Python does not know the 'del' statement."),
    ("code", "class A(dict):\n    pass", "The sandbox's Python does not know class inheritance and metaclasses."),
    ("code", "from os import *", "Wildcard imports (`from ... import *`) are not supported."),
]


@pytest.mark.parametrize(("kind", "text", "sentence"), NOT_COMPILING, ids=lambda text: text[:40])
def test_it_says_why_a_text_does_not_compile(kind, text, sentence):
    assert compiles(kind, text) == sentence


def test_many_texts_are_compiled_at_once():
    texts = [*COMPILING, *((kind, text) for kind, text, _ in NOT_COMPILING)]
    assert sorted(uncompilable(texts)) == list(range(len(COMPILING), len(texts)))
    assert uncompilable([]) == {}


# Processes


def test_threads_evaluate_at_once():
    def ask(number: int) -> object:
        return value(f"input['lines'][0]['n'] + {number}")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(100))) == [number + 1 for number in range(100)]


def test_a_runaway_does_not_hold_up_another_thread():
    with ThreadPoolExecutor(2) as threads:
        runaway = threads.submit(ran, "while True: pass")
        time.sleep(0.1)
        started = time.monotonic()
        assert value("1 + 1") == 2
        assert time.monotonic() - started < 0.5
        assert isinstance(runaway.result(), Failure)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_of_a_process_that_used_the_sandbox_is_told_so():
    assert value("1") == 1
    child = os.fork()
    if child == 0:
        try:
            value("1")
        except RuntimeError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert value("1") == 1
