"""What a model is told. A step's template is checked when a definition is saved and rendered when it is executed; the
words around it stand in `templates/prompts/execute/`, by prompt format, and never change for a published version."""

import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
    UndefinedError,
    nodes,
    pass_context,
)
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from wire.problems import Fault

from .definition import Definition, EdgeCase, Example
from .template_syntax import LOOP_WORDS, TESTS, UNSTORABLE, complaints

PROMPT_FORMAT = 1

MAX_TEMPLATE = 64 * 1024  # bytes
MAX_OUTPUT = 256 * 1024  # bytes
MAX_PASSES = 10_000  # of all loops of one rendering together
MAX_FAULTS = 20  # of one template
MAX_SECONDS = 1.0  # of this thread's CPU
MAX_QUOTED_ANSWER = 20_000  # characters of an earlier answer, shown to the model that repairs it
NAMES = frozenset({"input", "steps", "constants", "now"})


class PromptError(Exception):
    """The prompt cannot be rendered with these values: an undefined name, a wrong type, a limit."""


def check(template: str, steps_above: Collection[str], more_names: Collection[str] = ()) -> list[Fault]:
    """What is wrong with a prompt template, each with its line. `more_names`: `item`, `index`, … where they exist."""
    if len(template.encode(errors="replace")) > MAX_TEMPLATE:
        return [Fault("", f"A prompt template has at most {MAX_TEMPLATE} bytes.")]
    try:
        tree = _environment.parse(template)
        found = complaints(tree, frozenset(steps_above), NAMES | frozenset(more_names))
        if not found:
            _compiled(template)
    except TemplateSyntaxError as error:
        return [Fault("", f"Line {error.lineno}: {error.message}")]
    except (RecursionError, SyntaxError, MemoryError):
        return [Fault("", "The template is too deeply nested.")]
    except ValueError:
        return [Fault("", "A number in the template is too long.")]
    return [Fault("", sentence) for sentence in found[:MAX_FAULTS]]


@dataclass
class _Rendering:
    """What one rendering has used up."""

    marker: str | None
    deadline: float
    passes: int = 0

    def check_time(self) -> None:
        if time.thread_time() > self.deadline:
            raise PromptError(f"Rendering took longer than {MAX_SECONDS:g} second.")


_RENDERING = " rendering"  # in the context, under what cannot be written as a name


class _Environment(ImmutableSandboxedEnvironment):
    """Looks only into plain JSON: a dotted name is a key of an object, never a method of its Python value."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, LoopContext) and argument in LOOP_WORDS:
            return getattr(obj, str(argument))
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, dict | list | str):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(f"{_kind_of(obj)} has no {argument!r}")

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    intercepted_binops = frozenset({"+", "-"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> object:
        """A long row of additions must not build what a loop may not."""
        context[_RENDERING].check_time()
        total = super().call_binop(context, operator, _defined(left), _defined(right))
        if isinstance(total, list | str) and len(total) > MAX_OUTPUT:
            raise PromptError(f"An addition is longer than {MAX_OUTPUT}.")
        return total


def new_marker() -> str:
    """The random id around the values of one prompt. It is stripped from them, so it need not be unguessable."""
    return secrets.token_hex(4)


def render(template: str, names: Mapping[str, object], marker: str | None) -> str:
    """The prompt, each inserted value marked as data; without a marker, for a person, as it is. `template` has passed `check`.
    Raises `PromptError`."""
    compiled, read = _compiled(template)
    context = _plain_json({name: value for name, value in names.items() if name in read})
    context[_RENDERING] = _Rendering(marker, time.thread_time() + MAX_SECONDS)
    pieces, size = [], 0
    try:
        for piece in compiled.generate(context):
            size += len(piece.encode())
            if size > MAX_OUTPUT:
                raise PromptError(f"The prompt is larger than {MAX_OUTPUT} bytes.")
            pieces.append(piece)
    except PromptError:
        raise
    except Exception as error:  # whatever a template of somebody else's can do to values of somebody else's
        raise PromptError(_explained(error)) from error
    return "".join(pieces)


@lru_cache(maxsize=512)
def _compiled(template: str) -> tuple[Template, frozenset[str]]:
    """Ready to render, and the names it reads. Loops count their passes."""
    tree = _environment.parse(template)
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "passes", [], [], None, None, lineno=loop.lineno)
    return _environment.from_string(tree), frozenset(name.name for name in tree.find_all(nodes.Name))


def _plain_json(names: dict[str, object]) -> dict[str, object]:
    try:
        return json.loads(json.dumps(names, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise PromptError(f"The values are not plain JSON: {error}") from error


def _explained(error: Exception) -> str:
    if isinstance(error, UndefinedError):
        return f"{error.message}."[:500]
    return f"{type(error).__name__}: {error}"[:500]


def _kind_of(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def marked(value: object, marker: str) -> str:
    """A value as data, without anything that could close the mark."""
    text = _plain(value)
    while marker and marker in text:  # again: what is left may have grown together to it
        text = text.replace(marker, "")
    return f"<data-{marker}>{text}</data-{marker}>"


def _plain(value: object) -> str:
    """Text as it is, everything else as JSON."""
    return UNSTORABLE.sub("", value) if isinstance(value, str) else _json(value)


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(_defined(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _defined(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # raises, and says which name it was
    return value


@pass_context
def _finalize(context: Context, value: object) -> str:
    rendering = context[_RENDERING]
    rendering.check_time()
    return _plain(value) if rendering.marker is None else marked(value, rendering.marker)


@pass_context
def _passes(context: Context, items: Any) -> Iterator[object]:
    if not isinstance(_defined(items), list | dict):
        raise PromptError(f"A loop needs a list, and this is {_kind_of(items)}.")
    rendering = context[_RENDERING]
    for item in items:
        rendering.passes += 1
        if rendering.passes > MAX_PASSES:
            raise PromptError(f"The loops of a prompt make at most {MAX_PASSES} passes in all.")
        rendering.check_time()
        yield item


def _of_text(change: str) -> Callable[[object], object]:
    """A filter for text; anything else passes through it unchanged."""

    def filtered(value: object) -> object:
        return getattr(value, change)() if isinstance(value, str) else value

    return filtered


@pass_context
def _join(context: Context, value: Any, d: object = "") -> str:
    context[_RENDERING].check_time()
    if not isinstance(_defined(value), list):
        raise PromptError(f"`join` needs a list, and this is {_kind_of(value)}.")
    return _plain(_defined(d)).join(item if isinstance(item, str) else _json(item) for item in value)


def _round(value: object, precision: int = 0) -> float:
    if isinstance(_defined(value), bool) or not isinstance(value, int | float):
        raise PromptError(f"`round` needs a number, and this is {_kind_of(value)}; money is rounded in a code step.")
    return round(float(value), precision)


@pass_context
def _tojson(context: Context, value: object, indent: int | None = None) -> str:
    context[_RENDERING].check_time()
    return _json(value, None if indent is None else min(int(indent), 8))


def check_text(text: str, constants: Mapping[str, object]) -> list[Fault]:
    """What is wrong with a guidance or an edge case's text, where `{{ constants.… }}` is all that is known."""
    faults = []
    for found in _INSERTION.finditer(text):
        try:
            _constant(found[1], constants)
        except PromptError as error:
            line = text.count("\n", 0, found.start()) + 1
            faults.append(Fault("", f"Line {line}: {error}"))
    if not faults and _filled_length(text, constants) > max(MAX_OUTPUT, len(text)):
        faults.append(Fault("", f"With its constants filled in this has more than {MAX_OUTPUT // 1024} KB."))
    return faults[:MAX_FAULTS]


def _filled_length(text: str, constants: Mapping[str, object]) -> int:
    """Counted before anything is put together: a text can insert a large constant many times."""
    lengths: dict[str, int] = {}
    for expression in _INSERTION.findall(text):
        if expression not in lengths:
            lengths[expression] = len(_constant(expression, constants))
    return len(text) + sum(lengths[expression] for expression in _INSERTION.findall(text))


def fill(text: str, constants: Mapping[str, object]) -> str:
    """The text with its constants put in, once: what a constant says is not read again. Raises `PromptError`."""
    return _INSERTION.sub(lambda found: _constant(found[1], constants), text)


_INSERTION = re.compile(r"\{\{([^{}]*)\}\}")
_PATH = re.compile(r"""\s*constants((?:\.\w+|\['[^'\n]*'\]|\["[^"\n]*"\]|\[\d{1,6}\])+)\s*""")
_KEY = re.compile(r"""\.(\w+)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""")


def _constant(expression: str, constants: Mapping[str, object]) -> str:
    path = _PATH.fullmatch(expression)
    if not path:
        raise PromptError(
            f"{{{{{expression[:80]}}}}} cannot be filled in: in this text there is only {{{{ constants.… }}}}."
        )
    value: object = dict(constants)
    for name, single, double, index in _KEY.findall(path[1]):
        value = _environment.getitem(value, int(index) if index else name or single or double)
        if isinstance(value, Undefined):
            raise PromptError(f"{expression.strip()[:80]} does not exist.")
    return value if isinstance(value, str) else _json(value)


def system_prefix(definition: Definition, told: Sequence[EdgeCase]) -> str:
    """System block 1, one text per version: guidance, the edge cases that models are told of, the envelope's rules."""
    constants = definition.constants
    cases = [
        {"id": case.id, "case": fill(case.case, constants).strip(), "handling": fill(case.handling, constants).strip()}
        | {"escalates": case.escalates}
        for case in told
    ]
    guidance = fill(definition.guidance, constants).strip()
    return _say("system", guidance=guidance, edge_cases=cases, escalating=any(case.escalates for case in told))


def rules() -> str:
    """What of block 1 is ours, and the same in every workflow."""
    return _say("system", guidance="", edge_cases=[], escalating=True)


def step_block(instructions: str, examples: Sequence[Example] = ()) -> str:
    """System block 2: what this step adds, as it was written."""
    said = _say("step", instructions=instructions.strip())
    shown = [{"input": _plain(one.input), "output": _json(one.output)} for one in examples]
    return said + _say("examples", examples=shown) if shown else said


def repair_note(problem: str, previous_answer: str, marker: str) -> str:
    """Behind the prompt of a repair."""
    answer = marked(previous_answer[:MAX_QUOTED_ANSWER], marker)
    return _say("repair", answer=answer, problem=marked(problem, marker))


def escalation_note(reason: str, explanation: str, marker: str) -> str:
    """Behind the prompt of an escalation. `reason` is the flag's word."""
    return _say("escalation", reason=reason, explanation=marked(explanation, marker))


def _say(name: str, **values: object) -> str:
    return _our_texts.get_template(f"{PROMPT_FORMAT}/{name}.txt").render(values)


_our_texts = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates" / "prompts" / "execute"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 (what is rendered is plain text for a model)
    trim_blocks=True,
    lstrip_blocks=True,
)


def _make_environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=_finalize,
        optimized=False,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=0,
    )
    environment.globals.clear()
    environment.tests = {name: environment.tests[name] for name in TESTS}
    texts = {"lower": "lower", "title": "title", "trim": "strip", "upper": "upper"}
    environment.filters = {
        **{name: JINJA_FILTERS[name] for name in ("default", "first", "last", "length")},
        **{name: _of_text(change) for name, change in texts.items()},
        **{"join": _join, "round": _round, "tojson": _tojson, "passes": _passes},
    }
    return environment


_environment = _make_environment()
