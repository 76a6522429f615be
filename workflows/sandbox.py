"""Runs the Python of a definition in processes of its own, without I/O. The engine's driver calls it, and `definition`
asks it whether a text compiles. Values go in and come out as JSON text."""

import atexit
import json
import os
import re
import resource
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Literal

from pydantic_monty import Monty, MontyCrashedError, MontyError, MontyRuntimeError, OSPolicy, ResourceLimits

from wire.problems import Problem, Unavailable
from wire.strict_json import loads

Kind = Literal["expression", "code"]

MAX_SECONDS = 1.0  # of computing; the kernel counts whole ones, so it may be up to two
BACKSTOP = 20.0  # by the clock: on a busy machine a second of computing takes longer
MAX_MEMORY = 50_000_000
MAX_RESULT = 2**20  # bytes of JSON
MAX_RESULT_NODES = 100_000
MAX_PRINTED = 2_000_000  # characters
MAX_DETAIL = 500
MAX_LIMITS_MET = 2  # of one batch, after the first time it met one: each costs a second and a process
CHECKOUT_PATIENCE = 30.0  # seconds; longer means that the processes are stuck, which is our fault and not the text's

_NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

# Defined anew in every session: at 0.1 ms that is faster than restoring a dump. Each text has a namespace of its own,
# with its names decoded anew, so that nothing one text does can be seen by the next, or by what stands here.
_PRELUDE = """
import json, math, re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

FREE = {
    're': re, 'math': math, 'json': json, 'date': date, 'datetime': datetime, 'timedelta': timedelta,
    'timezone': timezone, 'Decimal': Decimal, 'ROUND_HALF_UP': ROUND_HALF_UP, 'Counter': Counter,
    'defaultdict': defaultdict,
}

def space_of(text):
    return FREE | {name: json.loads(value) for name, value in names.items() if name in text}

def plain(value):
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f'a result has text as keys, not {type(key).__name__}')
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(child) for child in value]
    if isinstance(value, (set, frozenset)):
        return [plain(child) for child in in_order(value)]
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f'{value} is not a number that can leave')
        return format(value, 'f')
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise TypeError(f'a result is JSON, and {type(value).__name__} is not')

def in_order(items):
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=repr)

def leaving(value):
    return json.dumps(plain(value), ensure_ascii=False)
"""

_EVALUATE = (
    _PRELUDE
    + """
def evaluated(text):
    space = space_of(text) | {'eval': None, 'exec': None}
    try:
        return [leaving(eval('(' + text + '\\n)', space)), '']
    except BaseException as error:
        return ['', f'{type(error).__name__}: {error}']

[evaluated(text) for text in texts]
"""
)

_RUN = (
    _PRELUDE
    + """
space = space_of(text + ' input steps')
exec(text, space)
if 'run' not in space:
    raise NameError('the code does not define run(input, steps)')
leaving(space['run'](space['input'], space['steps']))
"""
)

# A program is compiled as a whole before its first line runs, and the first line stops it: nothing of the text is
# executed. An expression has to compile in both forms, so that it is one (`1) + (2` is none) and not empty.
_COMPILE = """
def complaint(kind, text):
    for form in ['(' + text + '\\n)', '[' + text + '\\n, 0]'] if kind == 'expression' else [text]:
        try:
            exec('assert False\\n' + form, {})
        except AssertionError:
            continue
        except BaseException as error:
            return str(error)
    return ''

[complaint(kind, text) for kind, text in texts]
"""


@dataclass(frozen=True)
class Failure:
    """An exception, a limit, or a result that is not JSON: becomes the flag `code_error`."""

    detail: str


def evaluate(
    expressions: Sequence[str], names: Mapping[str, object], now: datetime, timezone: str
) -> list[object | Failure]:
    """The value of each expression as JSON, or why it has none. They share 1 s of computing and 50 MB.

    An exception is one expression's own. Where the batch meets a limit each expression is evaluated again, alone.
    """
    try:
        return _evaluate(expressions, names, now, timezone)
    except MontyError as error:
        if len(expressions) == 1:
            return [_failure(error)]
        return _evaluate_one_by_one(expressions, names, now, timezone)


def truth_of(expression: str) -> str:
    """The expression of a condition. Only Python knows its truth: `Decimal(0)` leaves as "0", a match not at all."""
    return f"bool((\n{expression}\n))"


def run(code: str, names: Mapping[str, object], now: datetime, timezone: str) -> object | Failure:
    """What the code's `run(input, steps)` returns, as JSON, within 1 s of computing and 50 MB, in a session of its own."""
    try:
        inputs = {"text": code, "names": _written(names, f"{code} input steps")}
        return _received(_feed(_RUN, inputs, _clock(now, timezone)))
    except MontyError as error:
        return _failure(error)


def compiles(kind: Kind, text: str) -> str | None:
    """Why this text does not compile, as a sentence; None where it does. Nothing of it is executed."""
    return uncompilable([(kind, text)]).get(0)


def uncompilable(texts: Sequence[tuple[Kind, str]]) -> dict[int, str]:
    """Which of the texts do not compile: index → sentence. One visit for all of them; nothing of them is executed."""
    return {
        index: _sentence(complaint, texts[index][1]) for index, complaint in enumerate(_complaints(texts)) if complaint
    }


_TOO_DEEP = "This is too large or too deeply nested to be compiled"


def _complaints(texts: Sequence[tuple[Kind, str]]) -> list[str]:
    try:
        return _feed(_COMPILE, {"texts": [list(pair) for pair in texts]}, {})
    except MontyError:
        if len(texts) == 1:
            return [_TOO_DEEP]
    found: list[str] = []
    for pair in texts:  # one after the other, and not for ever: each that ends its process costs a second
        too_many = found.count(_TOO_DEEP) >= MAX_LIMITS_MET
        found += ["Not compiled: too many texts before it are too deeply nested"] if too_many else _complaints([pair])
    return found


def _evaluate(
    expressions: Sequence[str], names: Mapping[str, object], now: datetime, timezone: str
) -> list[object | Failure]:
    inputs = {"texts": list(expressions), "names": _written(names, "\n".join(expressions))}
    answers = _feed(_EVALUATE, inputs, _clock(now, timezone))
    return [Failure(_bounded(problem)) if problem else _received(text) for text, problem in answers]


def _evaluate_one_by_one(
    expressions: Sequence[str], names: Mapping[str, object], now: datetime, timezone: str
) -> list[object | Failure]:
    values: list[object | Failure] = []
    limits_met = 0
    for expression in expressions:
        if limits_met == MAX_LIMITS_MET:
            values.append(Failure("Not evaluated: too many expressions before it met a limit."))
            continue
        try:
            values += _evaluate([expression], names, now, timezone)
        except MontyError as error:
            limits_met += 1
            values.append(_failure(error))
    return values


def _written(names: Mapping[str, object], text: str) -> dict[str, str]:
    """As JSON, which crosses faster than objects do, and only what the text mentions."""
    return {
        name: json.dumps(value, ensure_ascii=False, allow_nan=False) for name, value in names.items() if name in text
    }


def _received(text: str) -> object | Failure:
    """The parser for what comes from outside also refuses NaN, NUL and integers beyond ±2⁵³."""
    if len(text.encode()) > MAX_RESULT:
        return Failure(f"The result has more than {MAX_RESULT} bytes.")
    try:
        return loads(text, MAX_RESULT_NODES)
    except Problem as problem:
        return Failure(_bounded(f"The result is not JSON that can be kept: {problem.detail}"))


def _failure(error: MontyError) -> Failure:
    cause = error.exception()
    if _computed_too_long(error):
        return Failure(f"It ran longer than {MAX_SECONDS:g} second.")
    if isinstance(cause, TimeoutError) or _is_timed_out(error):
        return Failure(f"It had not ended after {_by_the_clock():g} seconds.")
    if isinstance(error, MontyCrashedError):
        return Failure("It ended the sandbox's process.")
    if isinstance(cause, MemoryError):
        return Failure(f"It needed more than {MAX_MEMORY // 1_000_000} MB of memory.")
    return Failure(_bounded(f"{error}{_line(error)}"))


def _computed_too_long(error: MontyError) -> bool:
    """The kernel's signal for whoever has used up the time that it may compute (see `_bound`)."""
    if not _counts_computing:
        return _is_timed_out(error) or isinstance(error.exception(), TimeoutError)
    return isinstance(error, MontyCrashedError) and "SIGXCPU" in str(error)


def _is_timed_out(error: MontyError) -> bool:
    return isinstance(error, MontyCrashedError) and error.timed_out


def _line(error: MontyError) -> str:
    """` (line 3)`: where in the text it happened, not where in our own program."""
    frames = error.traceback() if isinstance(error, MontyRuntimeError) else []
    lines = [frame.line for frame in frames if frame.filename == "<string>"]
    return f" (line {lines[-1]})" if lines else ""


def _bounded(detail: str) -> str:
    """What untrusted code says, short enough and without the character that no database keeps."""
    return detail.replace("\x00", "")[:MAX_DETAIL]


def _sentence(complaint: str, text: str) -> str:
    complaint = complaint.replace("The monty syntax parser does not yet support", "The sandbox's Python does not know")
    found = re.fullmatch(r"(.*) \(<string>, line (\d+)\)", complaint, re.DOTALL)
    if not found:
        return _bounded(complaint.rstrip(".") + ".")
    line = int(found[2]) - 1  # the program begins with a line of ours, and may end with one
    return _bounded(f"Line {min(line, text.count(chr(10)) + 1)}: {found[1]}.")


def _clock(now: datetime, timezone: str) -> OSPolicy:
    return {"datetime": now, "timezone": timezone, "sleep": "zero", "random_start": {"seed": 0}}


def _feed(program: str, inputs: dict[str, Any], policy: OSPolicy) -> Any:
    """A process that somebody killed from outside is nobody's fault in here: once more, in another one."""
    try:
        return _feed_once(program, inputs, policy)
    except MontyCrashedError as crash:
        if crash.timed_out or _computed_too_long(crash):
            raise
        return _feed_once(program, inputs, policy)


def _feed_once(program: str, inputs: dict[str, Any], policy: OSPolicy) -> Any:
    try:
        pool = _processes()
        limits: ResourceLimits = {"max_feed_duration_secs": _by_the_clock(), "max_memory": MAX_MEMORY}
        with pool.checkout(limits=limits, os_policy=policy) as session:
            process = session.worker_pid
            _bound(process, MAX_SECONDS)
            try:
                return session.feed_run(program, inputs=inputs, print_callback=_Unheard(process))
            finally:
                _bound(process, None)
    except TimeoutError as error:  # of the checkout: what runs too long inside is a MontyError
        raise Unavailable("All processes of the sandbox are busy; try again in a moment.") from error


def _bound(process: int | None, seconds: float | None) -> bool:
    """How much longer this process may compute, or, with None, as long as it likes: it serves many, one after the other. False
    where the kernel does not do that for us.

    Time on the clock says little about a text: on a busy machine the honest ones would end as errors.
    """
    if process is None or not hasattr(resource, "prlimit"):
        return False
    try:
        used = time.clock_gettime(~process << 3 | 2)  # clock_getcpuclockid(3): the processor time of another process
        most = _NO_LIMIT if seconds is None else (ceil(used + seconds), resource.RLIM_INFINITY)
        resource.prlimit(process, resource.RLIMIT_CPU, most)
        resource.prlimit(process, resource.RLIMIT_CORE, (0, 0))  # its memory has data of people in it
    except OSError:  # not allowed in here; or it has ended already, which its session says
        return False
    return True


def _by_the_clock() -> float:
    return BACKSTOP if _counts_computing else MAX_SECONDS


class _Unheard:
    """What the code prints is nobody's business, least of all our standard output's. Who prints for ever waits at the pipe, where
    no computing is counted: it is ended as who computes for ever."""

    def __init__(self, process: int | None) -> None:
        self._process, self._room = process, MAX_PRINTED

    def __call__(self, stream: str, text: str) -> None:
        self._room -= len(text)
        if self._room < 0 and self._process and _counts_computing:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGXCPU)
            self._process = None


_starting = threading.Lock()
_pool: Monty | None = None
_pool_owner = 0
_counts_computing = False  # whether the kernel bounds what our processes compute: on Linux, where it lets us


def _processes() -> Monty:
    """The pool of this process, started at first use. A fork of a process that has one hangs in it: refused instead."""
    global _pool, _pool_owner, _counts_computing
    if _pool is None:
        with _starting:
            if _pool is None:
                pool = Monty(max_processes=max(4, os.cpu_count() or 1), checkout_timeout=CHECKOUT_PATIENCE)
                _pool_owner = os.getpid()
                entered = pool.__enter__()
                with entered.checkout() as session:
                    process = session.worker_pid
                    _counts_computing = _bound(process, MAX_SECONDS) and _bound(process, None)
                _pool = entered
                atexit.register(_close)
    if _pool_owner != os.getpid():
        raise RuntimeError("This process was forked after its parent had used the sandbox; fork first, or spawn.")
    return _pool


def _close() -> None:
    if _pool is not None and _pool_owner == os.getpid():
        _pool.__exit__(None, None, None)
