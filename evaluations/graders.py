"""Graders: how an answer is compared with the one that is expected. A list of them is JSON, and all of them have to hold; an empty
list means that the two are the same.

`faults` examines a list before it is kept; `grade` applies it to the answer of one case. A judge is a model, and asked elsewhere
(`judges`): what it said is given to `grade`, which says whom else to ask.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from math import floor
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from rapidfuzz.distance import Indel

from wire.problems import Fault, pointer
from workflows import sandbox
from workflows.definition import Check, JsonSchema, Part, Tier
from workflows.faults import MAX_FAULTS, Keys, Location, of_structure, unknown
from workflows.references import BUILTINS, EVERYWHERE, FREE, SOMEWHERE, read_expression
from workflows.schemas import Schema, check_schema

from . import rubric as judging
from .comparing import ABSENT, at, difference, key_of, listed, shown
from .rubric import Said

MAX_GRADERS = 20
MAX_FIELDS = 100
MAX_POINTER = 500  # characters
MAX_COMPARED = 20_000  # characters of a text that is compared by likeness
MAX_PLACE = 200  # characters of a pointer in a sentence
MAX_SAID = 1_000  # characters
MAX_RUBRIC = 10_000  # characters
NAMES = frozenset({"input", "expected", "output"})

_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,50}(?:\.[0-9]{1,50})?")
_EXACTLY = Context(prec=1_000)  # digits: the largest float times the smallest has fewer
_NO_CLOCK = datetime(2000, 1, 1, tzinfo=UTC)  # the same answer is graded the same at any time


def _pointer(text: str) -> str:
    if len(text) > MAX_POINTER or not _POINTER.fullmatch(text):
        raise ValueError("A JSON pointer is empty, for the whole answer, or begins with '/', such as '/lines/0/sku'.")
    return text


def _number(value: object) -> Decimal | None:
    """Of a JSON number or a decimal string; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _amount(value: object) -> Decimal | None:
    number = _number(value)
    if value is not None and (number is None or number < 0):
        raise ValueError("A tolerance is a number, or a decimal string, of at least 0, such as '0.01'.")
    return number


Pointer = Annotated[str, AfterValidator(_pointer)]
Amount = Annotated[Decimal | None, BeforeValidator(_amount)]


class Grader(Part):
    """One way to compare. `objection` says what is wrong with the answer, in a sentence; an empty text where nothing is."""

    def objection(self, expected: object, output: object, input: object) -> str:
        raise NotImplementedError


class Exact(Grader):
    """The same JSON value, of the whole or at one place."""

    grade: Literal["exact"]
    pointer: Pointer = ""

    def objection(self, expected: object, output: object, input: object) -> str:
        return _differing(expected, output, self.pointer)


class Fields(Grader):
    """The same JSON values at these places, whatever stands elsewhere."""

    grade: Literal["fields"]
    fields: Annotated[tuple[Pointer, ...], Field(strict=False, min_length=1, max_length=MAX_FIELDS)]

    def objection(self, expected: object, output: object, input: object) -> str:
        wrong = [_differing(expected, output, field) for field in self.fields]
        return " ".join(filter(None, wrong))


class Tolerance(Grader):
    """A number that is not further away than this, or than this share of the expected one. Computed in decimals."""

    grade: Literal["tolerance"]
    pointer: Pointer
    absolute: Amount = None
    relative: Amount = None

    @model_validator(mode="after")
    def _some(self) -> "Tolerance":
        if self.absolute is None and self.relative is None:
            raise ValueError("A tolerance is 'absolute', or 'relative' to the expected number, or both.")
        return self

    def objection(self, expected: object, output: object, input: object) -> str:
        wanted, found = at(expected, self.pointer), at(output, self.pointer)
        goal, number = _number(wanted), _number(found)
        if goal is None or number is None:
            return _differing(expected, output, self.pointer)
        with localcontext(_EXACTLY):
            allowed = max(self.absolute or Decimal(0), (self.relative or Decimal(0)) * abs(goal))
            if abs(number - goal) <= allowed:
                return ""
        return f"{_told(self.pointer, wanted, found)} It is more than {allowed:.12g} away."


class Set(Grader):
    """The same items in a list, in whatever order, and however often each."""

    grade: Literal["set"]
    pointer: Pointer = ""

    def objection(self, expected: object, output: object, input: object) -> str:
        wanted, found = at(expected, self.pointer), at(output, self.pointer)
        if not isinstance(wanted, list) or not isinstance(found, list):
            return _differing(expected, output, self.pointer)
        items, others = ({key_of(one): one for one in value} for value in (wanted, found))
        lacking = [one for key, one in items.items() if key not in others]
        added = [one for key, one in others.items() if key not in items]
        said = [f"lacks {listed(lacking)}"] * bool(lacking) + [f"has {listed(added)} unexpectedly"] * bool(added)
        return f"{_place(self.pointer)} {' and '.join(said)}." if said else ""


class Follows(Grader):
    """The answer alone: that it follows a JSON Schema, whatever is expected."""

    grade: Literal["schema"]
    wanted: JsonSchema = Field(alias="schema")  # pydantic has a `schema` of its own
    pointer: Pointer = ""

    def objection(self, expected: object, output: object, input: object) -> str:
        found = at(output, self.pointer)
        if found is ABSENT:
            return f"{_place(self.pointer)} is missing."
        broken = [fault.under(self.pointer) for fault in Schema(self.wanted).faults(found)]
        return f"{_place(broken[0].pointer)} breaks its schema: {broken[0].detail}" if broken else ""


class Expression(Check, Grader):
    """An expression over `input`, `expected` and `output` that has to be true, in the sandbox."""

    grade: Literal["expression"]

    def objection(self, expected: object, output: object, input: object) -> str:
        names = {"input": input, "expected": expected, "output": output}
        [holds] = sandbox.evaluate([sandbox.truth_of(self.check)], names, _NO_CLOCK, "UTC")
        if isinstance(holds, sandbox.Failure):
            return f"It could not be evaluated: {holds.detail}"
        return "" if holds else self.complaint


class Similarity(Grader):
    """A text that is so much like the expected one: 1 for the same, 0 where no character stands in the same order."""

    grade: Literal["similarity"]
    pointer: Pointer = ""
    at_least: Annotated[float, Field(ge=0, le=1)]

    def objection(self, expected: object, output: object, input: object) -> str:
        wanted, found = at(expected, self.pointer), at(output, self.pointer)
        if not isinstance(wanted, str) or not isinstance(found, str):
            return _differing(expected, output, self.pointer)
        if max(len(wanted), len(found)) > MAX_COMPARED and wanted != found:
            return f"{_place(self.pointer)} is too long: texts of up to {MAX_COMPARED} characters are compared by likeness."
        likeness = Indel.normalized_similarity(wanted, found)
        if likeness >= self.at_least:
            return ""
        told = _told(self.pointer, wanted, found)
        return f"{told} They are alike to {floor(likeness * 1_000) / 1_000:g}, and {self.at_least:g} is asked for."


class Judge(Grader):
    """A model that is shown both answers, in both orders, and says that the output is as good as the expected one by a rubric."""

    grade: Literal["judge"]
    rubric: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_RUBRIC)]
    pointer: Pointer = ""
    tier: Tier = "frontier"

    def objection(self, expected: object, output: object, input: object) -> str:
        """What needs no judge."""
        wanted, found = self.compared(expected, output)
        if wanted is ABSENT or found is ABSENT:
            return _differing(expected, output, self.pointer)
        most = ((input, judging.MAX_INPUT), (wanted, judging.MAX_ANSWER), (found, judging.MAX_ANSWER))
        if self.is_asked(expected, output) and any(judging.is_too_long(value, limit) for value, limit in most):
            return f"{_place(self.pointer)}, the expected answer or the input is too long to be shown to a judge."
        return ""

    def compared(self, expected: object, output: object) -> tuple[object, object]:
        return at(expected, self.pointer), at(output, self.pointer)

    def is_asked(self, expected: object, output: object) -> bool:
        """Two that are the same need no opinion."""
        return difference(*self.compared(expected, output)) is not None


KINDS: dict[str, type[Grader]] = {
    "exact": Exact,
    "fields": Fields,
    "tolerance": Tolerance,
    "set": Set,
    "schema": Follows,
    "expression": Expression,
    "similarity": Similarity,
    "judge": Judge,
}
_Any = Exact | Fields | Tolerance | Set | Follows | Expression | Similarity | Judge
_GRADER: TypeAdapter[_Any] = TypeAdapter(Annotated[_Any, Field(discriminator="grade")])


@dataclass(frozen=True)
class Grade:
    """`said`: which graders object, and to what; empty where the answer is right. `right` None: a judge could not be asked.
    `to_ask`: the judges that have not been heard, by their place in the list; until then nothing is decided."""

    right: bool | None
    said: str = ""
    to_ask: tuple[int, ...] = ()


def grade(
    graders: list[dict],
    expected: object,
    output: object,
    input: object,
    heard: Mapping[int, Sequence[Said]] | None = None,
) -> Grade:
    """The grade of one answer, by graders that `faults` found right. One that breaks does not hold, and says so. A judge costs
    money, so it is not asked about what another grader objects to. `heard`: what judges have said, by their place in the list.

    Raises `wire.problems.Unavailable` where no process of the sandbox is free.
    """
    said = " ".join(filter(None, (_objection(one, expected, output, input) for one in graders or [{"grade": "exact"}])))
    if said:
        return Grade(False, _cut(said))
    heard = heard or {}
    asked = [index for index, one in judges_of(graders) if one.is_asked(expected, output)]
    if to_ask := tuple(index for index in asked if index not in heard):
        return Grade(None, "", to_ask)
    if silent := [one.reason for index in asked for one in heard[index] if not one.prefers]:
        return Grade(None, _cut(f"judge: {silent[0]}"))
    said = " ".join(f"judge: {one}" for one in (judging.objection(heard[index]) for index in asked) if one)
    return Grade(not said, _cut(said))


def judges_of(graders: Sequence[dict]) -> Iterator[tuple[int, Judge]]:
    """Those among a list, with their places in it."""
    for index, one in enumerate(graders):
        if one.get("grade") == "judge":
            yield index, Judge.model_validate(one)


def _cut(said: str) -> str:
    return said if len(said) <= MAX_SAID else said[:MAX_SAID] + "…"


def _objection(grader: dict, expected: object, output: object, input: object) -> str:
    try:
        said = _GRADER.validate_python(grader).objection(expected, output, input)
    except RecursionError:
        said = "The values are nested too deeply to be compared."
    except ValueError:  # a grader from before a change of the rules, or a value that is no JSON
        said = "This grader cannot be applied."
    return said and f"{grader.get('grade')}: {said}"


def _differing(expected: object, output: object, where: str) -> str:
    """Where a case says nothing at that place, nothing is proven by it: a slip in a pointer must not make every answer right."""
    wanted = at(expected, where)
    if wanted is ABSENT:
        return f"{_place(where)} is not in the expected answer, so that there is nothing to compare with."
    found = difference(wanted, at(output, where))
    return _told(where + found.pointer, found.expected, found.found) if found else ""


def _told(where: str, wanted: object, found: object) -> str:
    is_there = "is missing" if found is ABSENT else f"is {shown(found)}"
    should_be = "nothing is expected there" if wanted is ABSENT else f"{shown(wanted)} is expected"
    return f"{_place(where)} {is_there}, and {should_be}."


def _place(where: str) -> str:
    return where if 0 < len(where) <= MAX_PLACE else f"{where[:MAX_PLACE]}…" if where else "The output"


def faults(spec: object, prefix: str = "") -> list[Fault]:
    """Everything that is wrong with a list of graders, at most 50 things; `prefix` is the pointer to the list."""
    if not isinstance(spec, list):
        return [Fault(prefix, "Graders are a list of objects; an empty one means that the answers are the same.")]
    found = [Fault("", f"There are at most {MAX_GRADERS} graders.")] if len(spec) > MAX_GRADERS else []
    expressions: dict[str, str] = {}  # place → text: compiled together, as a visit to the sandbox is dear
    for index, one in enumerate(spec[:MAX_GRADERS]):
        found += [fault.under(pointer(index)) for fault in _faults_of(one)]
        check = one.get("check") if isinstance(one, dict) and one.get("grade") == "expression" else None
        if isinstance(check, str) and check.strip():
            wrong = list(_misread(check))
            found += [Fault(pointer(index, "check"), detail) for detail in wrong]
            expressions |= {} if wrong else {pointer(index, "check"): check}
    places = list(expressions)
    complaints = sandbox.uncompilable([("expression", text) for text in expressions.values()]) if places else {}
    found += [Fault(places[index], detail) for index, detail in complaints.items()]
    return [fault.under(prefix) for fault in dict.fromkeys(found)][:MAX_FAULTS]


def _faults_of(one: object) -> Iterator[Fault]:
    try:
        _GRADER.validate_python(one)
    except ValidationError as error:
        for place, detail in of_structure(error, _keys_at):
            yield Fault(pointer(*place[1:] if place[0] in KINDS else place) if place else "", detail)
    if isinstance(one, dict) and one.get("grade") == "schema" and isinstance(one.get("schema"), dict):
        yield from (fault.under("/schema") for fault in check_schema(one["schema"]))


def _keys_at(place: Location) -> Keys:
    fields = KINDS[str(place[0])].model_fields
    return [field.alias or name for name, field in fields.items()], ()


def _misread(check: str) -> Iterator[str]:
    """What is wrong with an expression before it is compiled: names that do not exist here."""
    reading = read_expression(check)
    yield from reading.faults
    for name in sorted(reading.names - NAMES):
        if name in EVERYWHERE | SOMEWHERE:
            yield f"`{name}` does not exist here: a grader reads input, expected and output."
        elif not name.startswith("__"):
            yield unknown("name", name, NAMES | BUILTINS | FREE)
