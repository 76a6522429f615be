"""A definition rehearsed on past examples and on its cases, without asking any model or tool: what breaks, what contradicts it,
and how often code alone comes to the answer that was right. Pure, and bounded in time.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from evaluations.cases import ABSENT as UNSTATED
from evaluations.cases import NewCase
from evaluations.comparing import ABSENT, Difference, difference, shown
from wire.problems import Fault, pointer
from workflows.compiled import Compiled, build
from workflows.definition import CodeStep, Definition
from workflows.faults import MAX_FAULTS

from .stage import DONE, KNOWN, MOST_SECONDS, RAN, Rehearsal, Stage, Stop

SECONDS = 30.0  # of everything together; fifty to two hundred inputs of an ordinary definition are rehearsed in one
IN_ORDER = 300  # of more examples, those that there is time for are spread over all of them, the same ones each time
MOST_DIFFERING = 20
MOST_NUMBERS = 20  # of examples that are named
# So many examples in a hundred may not fit the schema, which may be their fault: they are told to a person, and no fault.
MISFITS = 5
BROKEN = frozenset({"code_error", "time"})  # nobody designed that
DESIGNED = frozenset({"uncovered", "rule"})  # the code says that this is not for it

_ERROR = re.compile(r"\b\w*(?:Error|Exception)\b")


@dataclass(frozen=True)
class Differing:
    """An example (counted from 1) whose output is another than the result: where, what was right, what came."""

    example: int
    at: Difference


@dataclass
class Agreement:
    """Of the examples with an output. `reached`: code alone came to a result; `equal` of them to the same. `flagged`: examples
    that the code hands to a person, `refused`: those that `input_schema` does not take; the first of each by number."""

    compared: int = 0
    reached: int = 0
    equal: int = 0
    differing: list[Differing] = field(default_factory=list)
    flagged: int = 0
    flagged_first: list[int] = field(default_factory=list)
    refused: int = 0
    refused_first: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Survey:
    """`examples` and `cases`: how many were rehearsed, of `of_examples` and `of_cases`; fewer where the time ran out."""

    faults: list[Fault]
    agreement: Agreement
    examples: int
    of_examples: int
    cases: int
    of_cases: int
    seconds: float

    @property
    def per_second(self) -> float:
        return round((self.examples + self.cases) / max(self.seconds, 0.001), 1)

    @property
    def whole(self) -> bool:
        return (self.examples, self.cases) == (self.of_examples, self.of_cases)

    @property
    def said(self) -> str:
        """What was done, in a sentence."""
        done = f"{self.examples} of {self.of_examples} examples and {self.cases} of {self.of_cases} cases"
        cut = "" if self.whole else " Then the time was over; what is behind was not looked at."
        return f"{done} were rehearsed in {self.seconds:.1f} s, {self.per_second:g} in a second.{cut}"


def survey(
    definition: Definition,
    examples: Sequence[Mapping[str, object]],
    cases: Sequence[NewCase],
    *,
    now: datetime | None = None,
    seconds: float = SECONDS,
) -> Survey:
    """Cases first: they are few, and the definition's own. An example is `{input, output}`, the output may be missing.

    Faults are where code breaks (pointers into the definition), where many examples do not fit `input_schema`, and where a
    case contradicts the definition (`/cases/3/…`). Raises `wire.problems.Unavailable` where the sandbox has no room.
    """
    began = time.monotonic()
    pass_through = _Pass(Stage(build(definition)), now or timezone.now(), began + seconds)
    counts = Agreement()
    tried_cases = pass_through.each(cases, _of_case)
    tried = pass_through.each(examples, partial(_of_example, counts=counts))
    if counts.refused * 100 > tried * MISFITS:
        pass_through.found.misfits(pass_through.stage.compiled, examples, counts)
    spent = time.monotonic() - began
    return Survey(pass_through.found.faults(), counts, tried, len(examples), tried_cases, len(cases), spent)


def _spread(count: int) -> Sequence[int]:
    """Places, in the order in which they are looked at: by a hash of Knuth's, where not all may be."""
    return range(count) if count <= IN_ORDER else sorted(range(count), key=lambda place: place * 2_654_435_761 % 2**32)


class _Over(Exception):
    """There is no more time for this one."""


class _Pass:
    """Through examples and cases, until `end` by the monotonic clock."""

    def __init__(self, stage: Stage, now: datetime, end: float) -> None:
        self.stage, self.now, self.end = stage, now, end
        self.found = _Found()

    def each(
        self, members: Sequence[Any], faults_of: Callable[["_Pass", int, Any], Iterable[tuple[str, Fault]]]
    ) -> int:
        """How many of them there was time for."""
        for done, place in enumerate(_spread(len(members))):
            if time.monotonic() > self.end:
                return done
            try:
                for whose, fault in faults_of(self, place + 1, members[place]):
                    self.found.add(fault, whose)
            except _Over:
                return done
        return len(members)

    def rehearsed(self, given: object, *known: Mapping[str, object]) -> Rehearsal:
        left = self.end - time.monotonic()
        if left <= 0:
            raise _Over
        seen = self.stage.rehearse(given, *known, now=self.now, seconds=min(left, MOST_SECONDS))
        if seen.stop and seen.stop.reason == "time" and left < MOST_SECONDS:
            raise _Over
        return seen


class _Found:
    """Faults of one kind at one place are one: the first is told, the others are counted."""

    def __init__(self) -> None:
        self.first: dict[tuple[str, str], Fault] = {}
        self.more: dict[tuple[str, str], int] = {}

    def add(self, fault: Fault, whose: str) -> None:
        kind = _ERROR.search(fault.detail)
        key = fault.pointer, kind[0] if kind else fault.detail[:60]
        if key in self.first:
            self.more[key] = self.more.get(key, 0) + 1
        elif len(self.first) < MAX_FAULTS:
            self.first[key] = Fault(fault.pointer, f"{whose}: {fault.detail}")

    def misfits(self, compiled: Compiled, examples: Sequence[Mapping[str, object]], counts: Agreement) -> None:
        number = counts.refused_first[0]
        said = _listed(compiled.input_schema.faults(examples[number - 1].get("input")))
        self.add(Fault("/input_schema", said), _named(number, examples[number - 1]))
        self.more["/input_schema", said[:60]] = counts.refused - 1

    def faults(self) -> list[Fault]:
        return [
            Fault(one.pointer, one.detail + (f" And on {self.more[key]} more." if self.more.get(key) else ""))
            for key, one in self.first.items()
        ]


def _named(number: int, example: Mapping[str, object]) -> str:
    return f"example {number}, {shown(example.get('input'))}"


def _listed(faults: Iterable[Fault]) -> str:
    return " ".join(f"{fault.pointer or 'As a whole'}: {fault.detail}" for fault in list(faults)[:3])


def _of_example(
    through: _Pass, number: int, example: Mapping[str, object], counts: Agreement
) -> Iterator[tuple[str, Fault]]:
    given = example.get("input")
    if through.stage.compiled.input_schema.faults(given):
        counts.refused += 1
        _note(counts.refused_first, number)
        return
    seen = through.rehearsed(given)
    if seen.stop and (seen.stop.reason in BROKEN or seen.stop.detector == "schema"):
        yield _named(number, example), Fault(seen.stop.pointer, seen.stop.said)
    elif seen.stop:
        counts.flagged += 1
        _note(counts.flagged_first, number)
    _compare(number, example, seen, counts)


def _note(numbers: list[int], number: int) -> None:
    if len(numbers) < MOST_NUMBERS:
        numbers.append(number)


def _compare(number: int, example: Mapping[str, object], seen: Rehearsal, counts: Agreement) -> None:
    if "output" not in example:
        return
    counts.compared += 1
    if not seen.completed:
        return
    counts.reached += 1
    found = difference(example["output"], seen.result)
    counts.equal += found is None
    if found and len(counts.differing) < MOST_DIFFERING:
        counts.differing.append(Differing(number, found))


def _of_case(through: _Pass, number: int, case: NewCase) -> Iterator[tuple[str, Fault]]:
    name, where = f"case {number}", pointer("cases", number - 1)
    if wrong := through.stage.compiled.input_schema.faults(case.input):
        yield name, Fault(f"{where}/input", f"`input_schema` refuses it. {_listed(wrong)}")
        return
    seen = through.rehearsed(case.input, case.steps, case.answers)
    for fault in (*_of_outcome(through.stage, where, case, seen), *_of_steps(where, case, seen)):
        yield name, fault


def _of_outcome(stage: Stage, where: str, case: NewCase, seen: Rehearsal) -> Iterator[Fault]:
    """That it is answered or flagged, and with what."""
    if seen.stop and seen.stop.reason in BROKEN:
        yield Fault(seen.stop.pointer, seen.stop.said)
    elif seen.stop and (seen.stop.detector == "schema" or not case.flagged):
        yield _stopped(stage, where, case, seen.stop)
    elif case.flagged and seen.completed:
        said = f"It expects a flag, and with what it says of the steps the answer is {shown(seen.result)}."
        yield Fault(f"{where}/expects_flag", said)
    elif not case.flagged and UNSTATED is not case.expected and (at := _wrong(case, seen)):
        yield Fault(f"{where}/expected{at.pointer}", differs("The result", at))


def _wrong(case: NewCase, seen: Rehearsal) -> Difference | None:
    return None if seen.result is ABSENT else difference(case.expected, seen.result)


def _stopped(stage: Stage, where: str, case: NewCase, stop: Stop) -> Fault:
    """An answer is expected, and there is none; or an output that the case itself states does not hold."""
    if stop.reason in DESIGNED:
        return Fault(where, f"It expects an answer, and {stop.pointer} hands it to a person: {stop.said}")
    for name, stated in (("answers", case.answers), ("steps", case.steps)):
        if stop.step in stated and not isinstance(stage.parts[stop.step].written, CodeStep):
            return Fault(where + pointer(name, stop.step), stop.said)
    return Fault(stop.pointer, stop.said)


def _of_steps(where: str, case: NewCase, seen: Rehearsal) -> Iterator[Fault]:
    for name, expected in case.steps.items():
        one = seen.steps.get(name)
        if one is None or one.status not in DONE or (at := difference(expected, one.output)) is None:
            continue
        what = {RAN: "The output of the code of", KNOWN: "The answer of"}.get(
            one.status, "The output of the skipped step"
        )
        yield Fault(where + pointer("steps", name) + at.pointer, differs(f"{what} {name}", at))


def differs(what: str, at: Difference) -> str:
    place = f" at {at.pointer}" if at.pointer else ""
    return f"{what} differs{place}: expected {_value(at.expected)}, found {_value(at.found)}."


def _value(one: object) -> str:
    return "nothing" if one is ABSENT else shown(one)
