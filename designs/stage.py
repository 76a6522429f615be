"""One input through the code of a definition, as the engine would take it, and without asking anybody: no model, no tool, no
person, no database. What is known of their answers is given; what is not known is not guessed.

The engine's own generators do it. Only what they ask the world outside is answered here.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluations.comparing import ABSENT
from executions import engine, lanes, turns
from executions.effects import CallTool, Effect, Escalated, Evaluate, KnowTool, Pause, RunCode, Stopped
from executions.evaluating import rendered
from executions.models import Execution
from executions.run import Run
from executions.steps.judging import SentBack
from wire.problems import pointer
from wire.redaction import Policy
from workflows import prompts, shapes
from workflows.compiled import Compiled
from workflows.definition import CodeStep, ModelStep, ReviewStep, Step, ToolStep, WorkflowStep
from workflows.faults import short
from workflows.references import ITEM, read_code, steps_read
from workflows.sandbox import truth_of

RAN, SKIPPED, KNOWN = "ran", "skipped", "known"  # its output is there: of its code, by its `when`, as it was given
ASKS = "asks"  # somebody would be asked here, and nobody said what the answer is
NOT_REACHED = "not_reached"  # it reads what is not known, or stands behind what stops the execution
FAILED = "failed"
DONE = frozenset({RAN, SKIPPED, KNOWN})
MOST_SECONDS = 10.0  # of one input; a hostile text takes a second or two, and a list has a thousand items
PLAIN = Policy(frozenset())  # nothing is kept of it, so nothing is taken out


@dataclass(frozen=True)
class Seen:
    """What came of a step. `said`: why there is no output."""

    status: str
    output: object = ABSENT
    said: str = ""


@dataclass(frozen=True)
class Stop:
    """What would stop the execution, as the flag that it would raise. `pointer`: into the definition. `step`: empty for what
    belongs to none. `reason`: of the flag, or `time` where it took too long."""

    pointer: str
    reason: str
    said: str
    step: str = ""
    edge_case: str = ""
    detector: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """`steps`: of every step. `undecided`: edge cases with a `when` that reads what is not known. `result`: absent where it
    reads such, or where something stops it before."""

    steps: dict[str, Seen]
    stop: Stop | None
    undecided: tuple[str, ...]
    result: object

    @property
    def completed(self) -> bool:
        """Whether it came to its end, with nothing left open."""
        return (
            self.result is not ABSENT and not self.undecided and all(one.status in DONE for one in self.steps.values())
        )


class Stage:
    """A definition that is rehearsed on many inputs."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.definition = compiled.definition
        above: list[str] = []
        self.parts: dict[str, _Part] = {}
        for place, step in enumerate(self.definition.steps):
            self.parts[step.id] = _Part(place, step, above)
            above.append(step.id)
        self.result_reads = _reads(shapes.expressions(self.definition.result))

    def rehearse(
        self,
        given: object,
        steps: Mapping[str, object] | None = None,
        answers: Mapping[str, object] | None = None,
        *,
        now: datetime,
        seconds: float = MOST_SECONDS,
    ) -> Rehearsal:
        """`steps` and `answers`: step → its output where it asks somebody (of a list: one per item, in order); an answer wins.
        A code step runs; where what it reads is not known, its output is taken from there, too. `given` follows
        `input_schema`."""
        return _Rehearsing(self, given, {**(steps or {}), **(answers or {})}, now, seconds).rehearsed()


class _Part:
    """A step on the stage. `step`: itself where it is code, else the one that stands in for it: a tool of the same id, whose
    answer is whatever is known. `reads`: what has to be known before anything can be said of it; `more`: what its own work
    reads, without which it can still be given its output."""

    def __init__(self, place: int, step: Step, above: list[str]) -> None:
        self.written, self.where = step, pointer("steps", place)
        texts = [step.when, step.for_each, *(check.check for check in step.checks), *shapes.expressions(step.otherwise)]
        self.reads = _reads(text for text in texts if text is not None)
        self.step = step if isinstance(step, CodeStep) else _stand_in(step, getattr(step, "arguments", {}))
        self.given = _stand_in(step, {})
        self.more = frozenset(_own_reads(step, above))


def _reads(expressions: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*map(steps_read, expressions))


def _own_reads(step: Step, above: list[str]) -> Iterable[str]:
    match step:
        case CodeStep():
            return read_code(step.code).steps
        case ToolStep() | WorkflowStep():
            return _reads(shapes.expressions(step.arguments))
        case ModelStep() | ReviewStep():
            mentioned = [one for one in above if one in step.prompt]
            return [one for one in mentioned if prompts.check(step.prompt, {*above} - {one}, ITEM)]
    return ()


def _stand_in(step: Step, arguments: dict) -> ToolStep:
    kept = {"id", "when", "for_each", "otherwise", "checks", "repairs"} & step.model_fields_set
    said = {name: getattr(step, name) for name in kept}
    return ToolStep.model_construct(**said, kind="tool", tool=step.kind, arguments=arguments, _fields_set={*said})


class _OutOfTime(Exception):
    pass


class _Rehearsing:
    """One input on its way. `where`: what is at work; `last`: what the engine was answered last, and `culprit`: before it
    raised its first flag."""

    def __init__(self, stage: Stage, given: object, known: Mapping[str, object], now: datetime, seconds: float) -> None:
        self.stage, self.known = stage, known
        lane = lanes.at_first(stage.definition, None)
        execution = Execution(input=given, created_at=now, lane=lane)
        self.run = Run(execution, stage.compiled, cap=0, policy=PLAIN, record={})
        self.end = time.monotonic() + seconds
        self.steps: dict[str, Seen] = {}
        self.where, self.part = "", None
        self.last: Effect | None = None
        self.culprit: Effect | None = None

    def rehearsed(self) -> Rehearsal:
        undecided = {case.id: case for case in self.stage.compiled.edge_cases if case.when is not None}
        stop, result = None, ABSENT
        try:
            result = self._performed(undecided)
        except (Stopped, SentBack, _OutOfTime) as stopped:
            stop = self._stop(stopped)
            if self.part and stop.step:
                self.steps[stop.step] = Seen(FAILED, said=stop.said)
        for name in self.stage.parts:
            self.steps.setdefault(name, Seen(NOT_REACHED, said="The execution would stop before it." if stop else ""))
        return Rehearsal(self.steps, stop, tuple(undecided), result)

    def _performed(self, undecided: dict[str, Any]) -> object:
        self._drive("/lanes/quality", lanes.choose(self.run))
        self._drive("/covers", engine.threshold(self.run, None, [], covers=True))
        for part in self.stage.parts.values():
            self._decide(undecided)
            self._step(part)
        self._decide(undecided)
        reads = self.stage.result_reads if self.stage.definition.has_result else {self.stage.definition.steps[-1].id}
        if not reads <= self.run.outputs.keys():
            return ABSENT
        return self._drive("/result", engine.result(self.run))

    def _decide(self, undecided: dict[str, Any]) -> None:
        """The edge cases of which everything is known that they read."""
        ready = [case for case in undecided.values() if steps_read(case.when) <= self.run.outputs.keys()]
        for case in ready:
            del undecided[case.id]
        if ready:
            self._drive("/edge_cases", engine.threshold(self.run, None, ready, covers=False))

    def _step(self, part: _Part) -> None:
        name, outputs = part.written.id, self.run.outputs
        if missing := part.reads - outputs.keys():
            self.steps[name] = _not_reached(missing)
            return
        self.part = part
        wanted = self._drive(f"{part.where}/when", engine.threshold(self.run, part.written, [], covers=False))
        blind = part.more - outputs.keys() if wanted else frozenset()
        if blind and name not in self.known:
            self.part, self.steps[name] = None, _not_reached(blind)
            return
        step = part.given if blind else part.step
        try:
            self._drive(part.where, engine.perform(self.run, step, wanted))
        except Stopped:
            if self.run.journal.flags:
                raise
            self.steps[name] = Seen(ASKS, said="What is answered here is not known.")
        else:
            status = SKIPPED if not wanted else RAN if isinstance(step, CodeStep) else KNOWN
            self.steps[name] = Seen(status, outputs[name])
        self.part = None

    def _drive(self, where: str, engine_at_work: Generator[Effect, object, Any]) -> Any:
        """To its end, answering whatever it asks."""
        self.where, answer, refused = where, None, None
        while True:
            try:
                effect = engine_at_work.throw(refused) if refused else engine_at_work.send(answer)
            except StopIteration as end:
                return end.value
            finally:
                if self.run.journal.flags and self.culprit is None:
                    self.culprit = self.last
            if time.monotonic() > self.end:
                raise _OutOfTime
            self.last, answer, refused = effect, None, None
            try:
                answer = self._answer(effect)
            except Stopped as stopped:
                refused = stopped

    def _answer(self, effect: Effect) -> object:
        match effect:
            case Pause() | KnowTool():
                return None
            case CallTool():
                return self._told()
        return turns.compute(self.run, effect)

    def _told(self) -> object:
        """What is known of the step that asks, or of its item. Raises `Stopped` where nothing is: other items go on."""
        step, index = self.part.written, self.run.iteration
        if isinstance(step, ModelStep | ReviewStep) and self.part.more <= self.run.outputs.keys():
            rendered(self.run, step, None)  # what cannot be written is found although nobody is asked
        found = self.known.get(step.id, ABSENT)
        if index is not None:
            found = found[index] if isinstance(found, list) and index < len(found) else ABSENT
        if found is ABSENT:
            raise Stopped(Escalated(ASKS))
        return found

    def _stop(self, stopped: Exception) -> Stop:
        name = self.part.written.id if self.part else ""
        if self.run.journal.flags:
            flag = self.run.journal.flags[0]
            where = self._blamed(flag.detector, flag.explanation, flag.edge_case)
            return Stop(where, flag.reason, flag.explanation, name, flag.edge_case, flag.detector)
        if isinstance(stopped, SentBack):
            said = f"{stopped.row.explanation} The step {stopped.judge.repairs} would be asked again."
            return Stop(f"{self.where}/checks", "check_failed", said, name, detector="check")
        return Stop(self.where, "time", "This takes so long that it was not waited for.", name)

    def _blamed(self, detector: str, said: str, edge_case: str) -> str:
        """The place in the definition, as exactly as can be told."""
        definition = self.stage.definition
        if self.where == "/covers":
            found = [place for place, check in enumerate(definition.covers) if check.complaint == said]
            return pointer("covers", *found[:1])
        if self.where == "/edge_cases":
            return pointer("edge_cases", *(n for n, case in enumerate(definition.edge_cases) if case.id == edge_case))
        if self.where == "/result":
            return "/output_schema" if detector == "schema" else "/result"
        if self.part is None or self.where.endswith("/when"):
            return self.where
        return self.where + _key(self.part.written, detector, self.culprit)


def _not_reached(missing: Iterable[str]) -> Seen:
    return Seen(NOT_REACHED, said=f"It reads the step {short(min(missing))}, whose output is not known.")


def _key(step: Step, detector: str, culprit: Effect | None) -> str:
    """Which key of a step the engine was at when it raised its flag."""
    if detector in ("schema", "check"):
        return {"schema": "/output_schema", "check": "/checks"}[detector]
    match culprit:
        case RunCode():
            return "/code"
        case CallTool():
            return "/prompt"
        case Evaluate(expressions):
            return next((key for key, texts in _texts(step) if expressions and tuple(texts) == expressions), "")
    return ""


def _texts(step: Step) -> Iterator[tuple[str, list[str]]]:
    yield "/for_each", [step.for_each or ""]
    yield "/when", [truth_of(step.when or "")]
    yield "/checks", [truth_of(check.check) for check in step.checks]
    yield "/otherwise", shapes.expressions(step.otherwise)
    yield "/arguments", shapes.expressions(getattr(step, "arguments", {}))
