"""What a redesign may not do, and what it does that makes a definition more permissive. Pure.

Flags say where a design has gaps, so a redesign closes gaps. What people have set (limits of cost, numbers of the policy, who
is asked) and what catches mistakes (covers, checks, judges, reviews, always-escalate cases) it does not take away: a person
does that, in a draft of their own. Both functions read documents that were accepted, by `workflows.parsing.parse` or
`workflows.models.Examined.of`; of any other they say nothing, and may raise.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pydantic import BaseModel

from wire.problems import Fault, pointer
from workflows.definition import Check, Definition, EdgeCase, ModelStep, ReviewStep, Step, WorkflowStep
from workflows.faults import short
from workflows.references import read_expression

from .acting import acts, callee, too_early, unasked

TIERS = ("cheap", "standard", "frontier")  # the dearest last
USUAL_TOKENS = 4096  # what a model step may answer where it does not say
FOR_A_PERSON = "a redesign may not do that, a person may."


@dataclass(frozen=True)
class Softening:
    """Something that is allowed and more permissive than before: where, and a sentence for who publishes it."""

    pointer: str
    said: str


@dataclass(frozen=True)
class _Pair:
    """Both definitions, read; their steps and edge cases with their places, by id."""

    before: Definition
    after: Definition

    @property
    def steps(self) -> Iterator[tuple[int, Step, Step | None]]:
        """Each step there was: its place now, or, where it is gone, the one it had; it, and what it is now."""
        now = {step.id: (place, step) for place, step in enumerate(self.after.steps)}
        for place, step in enumerate(self.before.steps):
            where, found = now.get(step.id, (place, None))
            yield where, step, found

    @property
    def new_steps(self) -> Iterator[tuple[int, Step]]:
        known = {step.id for step in self.before.steps}
        yield from ((place, step) for place, step in enumerate(self.after.steps) if step.id not in known)

    @property
    def edge_cases(self) -> Iterator[tuple[int, EdgeCase, EdgeCase | None]]:
        now = {case.id: (place, case) for place, case in enumerate(self.after.edge_cases)}
        for place, case in enumerate(self.before.edge_cases):
            where, found = now.get(case.id, (place, None))
            yield where, case, found


def limits(before: dict, after: dict, harmless: Collection[str] = ()) -> list[Fault]:
    """What a redesign may not do and does here: pointers lead into the later definition, for what is gone into the earlier.
    Both are documents that were accepted, so look at `after` first. `harmless`: as for `softens`.

    A dearer tier, a longer answer, a model asked once for each of a list, a lower confidence; another lane, other rungs of
    the escalation; a constant changed or removed; covers, checks, judges, reviews and escalating edge cases taken away or
    made to say nothing; a call that acts before what stood above it, or without the review that it asked; a tool or a
    workflow that the earlier one does not call. Lists of checks may be rewritten, one for one: `softens` says how.
    """
    pair = _Pair(Definition.model_validate(before), Definition.model_validate(after))
    parts = (_head, _constants, _edge_cases, _steps_that_were, _new_steps, _new_lists, _new_callees)
    return [*(fault for part in parts for fault in part(pair)), *_calls(pair, harmless)]


def softens(before: dict, after: dict, harmless: Collection[str] = ()) -> list[Softening]:
    """What is more permissive, or acts otherwise, as far as code can tell; empty: nothing that it can. `harmless`: tools that
    are known to have no side effects; every other tool may have some, and so may a workflow that is called."""
    pair = _Pair(Definition.model_validate(before), Definition.model_validate(after))
    found = [*_softer_head(pair), *_softer_edge_cases(pair), *_softer_steps(pair, harmless)]
    return [Softening(fault.pointer, fault.detail) for fault in found]


def _head(pair: _Pair) -> Iterator[Fault]:
    before, after = pair.before, pair.after
    if before.lanes.quality != after.lanes.quality:
        yield Fault("/lanes/quality", f"The rule of the lane quality is changed or removed: {FOR_A_PERSON}")
    if before.default_lane != after.default_lane:
        said = f"Executions would take the lane {after.default_lane} where no rule says another"
        yield Fault("/default_lane", f"{said}: {FOR_A_PERSON}")
    if before.escalation.rungs != after.escalation.rungs:
        was, now = ", ".join(before.escalation.rungs), ", ".join(after.escalation.rungs)
        said = f"Flagged steps go to {was}, and would go to {now}"
        yield Fault("/escalation/to", f"{said}: who is asked is not changed by a redesign; {FOR_A_PERSON}")
    for fault in _taken_away(before.covers, after.covers, "precondition"):
        yield fault.under("/covers")


def _constants(pair: _Pair) -> Iterator[Fault]:
    for name, value in pair.before.constants.items():
        if name not in pair.after.constants:
            said = f"The constant {short(name)} is removed: the policy's numbers belong to people."
            yield Fault(pointer("constants", name), said)
        elif not same(value, pair.after.constants[name]):
            said = (
                f"The constant {short(name)} is changed: the policy's numbers belong to people. Ask a question instead."
            )
            yield Fault(pointer("constants", name), said)


def _edge_cases(pair: _Pair) -> Iterator[Fault]:
    for place, case, now in pair.edge_cases:
        where = pointer("edge_cases", place)
        if not case.escalates:
            continue
        if now is None:
            yield Fault(where, f"The edge case {short(case.id)} is always escalated, and would be gone: {FOR_A_PERSON}")
            continue
        for key in ("handling", "when", "to"):
            if getattr(case, key) != getattr(now, key):
                said = f"The edge case {short(case.id)} is always escalated, and its {key!r} would be another"
                yield Fault(f"{where}/{key}", f"{said}: {FOR_A_PERSON}")
    for place, case in _newly_escalated(pair):
        if case.to not in pair.before.escalation.rungs:
            said = f"The edge case {short(case.id)} would go to the {case.to}, which this workflow asks nowhere"
            yield Fault(pointer("edge_cases", place, "to"), f"{said}: {FOR_A_PERSON}")


def _newly_escalated(pair: _Pair) -> Iterator[tuple[int, EdgeCase]]:
    """Those that are new, or that models answered before."""
    known = {case.id for case in pair.before.edge_cases if case.escalates}
    for place, case in enumerate(pair.after.edge_cases):
        if case.escalates and case.id not in known:
            yield place, case


def _steps_that_were(pair: _Pair) -> Iterator[Fault]:
    for place, step, now in pair.steps:
        where = pointer("steps", place)
        if now is None:
            if held := _holds(step):
                said = f"The step {short(step.id)} is removed, and with it {held}"
                yield Fault(where, f"{said}: {FOR_A_PERSON}")
            continue
        yield from (fault.under(where) for fault in _of_step(step, now))


def _of_step(step: Step, now: Step) -> Iterator[Fault]:
    yield from _of_any_step(step, now)
    if isinstance(step, ModelStep) and isinstance(now, ModelStep):
        yield from _of_model_step(step, now)
    if isinstance(now, ModelStep | WorkflowStep) and type(step) is type(now):
        yield from _of_list(step, now)
    if isinstance(step, ReviewStep) and isinstance(now, ReviewStep):
        yield from _of_review(step, now)


def _holds(step: Step) -> str:
    """What goes with a step that goes."""
    if isinstance(step, ReviewStep):
        return "a person's decision"
    if step.repairs:
        return f"what judges the step {short(step.repairs)}"
    if step.checks:
        return "its checks"
    return "its 'min_confidence'" if isinstance(step, ModelStep) and step.min_confidence else ""


def _of_any_step(step: Step, now: Step) -> Iterator[Fault]:
    if isinstance(step, ReviewStep) and not isinstance(now, ReviewStep):
        yield Fault("/kind", f"A person decides in the step {short(step.id)}, and would not any more: {FOR_A_PERSON}")
    if isinstance(step, ModelStep) and not isinstance(now, ModelStep) and step.min_confidence:
        yield Fault("/kind", f"The 'min_confidence' of the model step {short(step.id)} would be gone: {FOR_A_PERSON}")
    for key in ("when", "for_each") if not isinstance(step, ReviewStep) else ():
        text = getattr(now, key)
        if text not in (None, getattr(step, key)) and is_constant(text):
            yield Fault(
                f"/{key}", f"The {key!r} of the step {short(step.id)} would say always the same: {FOR_A_PERSON}"
            )
    for fault in _taken_away(step.checks, now.checks, f"check of the step {short(step.id)}"):
        yield fault.under("/checks")
    if step.repairs is not None and step.repairs != now.repairs:
        said = f"The step {short(step.id)} judges the step {short(step.repairs)}, and would not any more"
        yield Fault("/repairs", f"{said}: {FOR_A_PERSON}")


def _of_model_step(step: ModelStep, now: ModelStep) -> Iterator[Fault]:
    about = f"of the model step {short(step.id)}"
    if TIERS.index(now.tier) > TIERS.index(step.tier):
        yield Fault("/tier", f"The tier {about} goes up from {step.tier} to {now.tier}: {FOR_A_PERSON}")
    if now.max_output_tokens > step.max_output_tokens:
        said = f"The longest answer {about} goes up from {step.max_output_tokens} to {now.max_output_tokens} tokens"
        yield Fault("/max_output_tokens", f"{said}: {FOR_A_PERSON}")
    if now.min_confidence < step.min_confidence:
        said = f"The confidence that is asked {about} goes down from {step.min_confidence} to {now.min_confidence}"
        yield Fault("/min_confidence", f"{said}: {FOR_A_PERSON}")


def _of_list(step: Step, now: Step) -> Iterator[Fault]:
    if step.for_each is None and now.for_each is not None and not is_constant(now.for_each):
        said = f"The step {short(step.id)} would run once for each of a list, and cost as often"
        yield Fault("/for_each", f"{said}: {FOR_A_PERSON}")


def _of_review(step: ReviewStep, now: ReviewStep) -> Iterator[Fault]:
    about = f"of the review {short(step.id)}"
    if step.to != now.to:
        yield Fault("/to", f"The role {about} changes from {step.to} to {now.to}: {FOR_A_PERSON}")
    if step.when != now.when:
        yield Fault("/when", f"When a person is asked {about} changes: {FOR_A_PERSON}")
    for key in ("within", "otherwise"):
        if not same(getattr(step, key), getattr(now, key)):
            yield Fault(f"/{key}", f"What it means that nobody is asked, or answers, {about} changes: {FOR_A_PERSON}")


def _calls(pair: _Pair, harmless: Collection[str]) -> Iterator[Fault]:
    for one in (too_early, unasked):
        for fault in one(pair.before, pair.after, harmless):
            yield Fault(fault.pointer, f"{fault.detail}: {FOR_A_PERSON}")


def _new_steps(pair: _Pair) -> Iterator[Fault]:
    """A model step that is new, or of another kind before, costs what it costs."""
    models = {step.id: step for step in pair.before.steps if isinstance(step, ModelStep)}
    dearest = max((TIERS.index(step.tier) for step in models.values()), default=-1)
    longest = max([USUAL_TOKENS, *(step.max_output_tokens for step in models.values())])
    for place, step in enumerate(pair.after.steps):
        if not isinstance(step, ModelStep) or step.id in models:
            continue
        where = pointer("steps", place)
        if TIERS.index(step.tier) > dearest:
            most = f"the dearest tier there was is {TIERS[dearest]}" if models else "no step asked a model before"
            said = f"The new model step {short(step.id)} is of the tier {step.tier}, and {most}"
            yield Fault(f"{where}/tier", f"{said}: {FOR_A_PERSON}")
        if step.max_output_tokens > longest:
            said = f"The new model step {short(step.id)} may answer {step.max_output_tokens} tokens, others {longest}"
            yield Fault(f"{where}/max_output_tokens", f"{said}: {FOR_A_PERSON}")


def _new_lists(pair: _Pair) -> Iterator[Fault]:
    """A model, or a workflow that may ask some, is asked for each of a list only where one of its kind was."""
    kinds = {step.id: step.kind for step in pair.before.steps}
    lists = {(step.kind, step.for_each) for step in pair.before.steps}
    for place, step in enumerate(pair.after.steps):
        new = isinstance(step, ModelStep | WorkflowStep) and kinds.get(step.id) != step.kind
        if new and step.for_each is not None and (step.kind, step.for_each) not in lists:
            said = f"The new {step.kind} step {short(step.id)} would run for each of a list, for which none ran"
            yield Fault(pointer("steps", place, "for_each"), f"{said}: {FOR_A_PERSON}")


def _new_callees(pair: _Pair) -> Iterator[Fault]:
    known = {callee(step) for step in pair.before.steps}
    for place, step in enumerate(pair.after.steps):
        if (called := callee(step)) and called not in known:
            what, name = called
            said = f"The {what} {short(name)} is not called by the version that is redesigned"
            yield Fault(pointer("steps", place, what), f"{said}: {FOR_A_PERSON}")


def _taken_away(before: Sequence[Check], after: Sequence[Check], what: str) -> Iterator[Fault]:
    """The checks that are gone, and have no other one in their place that can fail."""
    gone, come = _exchanged(before, after)
    able = [check for _, check in come if not is_constant(check.check)]
    for place, check in gone[len(able) :]:
        said = f"A {what} would be gone, or say nothing: {short(check.check, 200)}"
        yield Fault(pointer(place), f"{said}. {FOR_A_PERSON.capitalize()}")


def _exchanged(
    before: Sequence[Check], after: Sequence[Check]
) -> tuple[list[tuple[int, Check]], list[tuple[int, Check]]]:
    """Those whose expression is gone, and those whose expression is new, with their places."""
    return _without(before, after), _without(after, before)


def _without(checks: Sequence[Check], others: Sequence[Check]) -> list[tuple[int, Check]]:
    left = Counter(check.check.strip() for check in others)
    found = []
    for place, check in enumerate(checks):
        if left[check.check.strip()]:
            left[check.check.strip()] -= 1
        else:
            found.append((place, check))
    return found


def is_constant(expression: str) -> bool:
    """Whether it reads nothing, and so says always the same: `True`, `1 == 1`."""
    return not read_expression(expression).names


def same(one: object, other: object) -> bool:
    """As JSON: true is not 1, and 1 is not 1.0."""
    return json.dumps(one, sort_keys=True, default=_plain) == json.dumps(other, sort_keys=True, default=_plain)


def _plain(part: BaseModel) -> object:
    return part.model_dump(mode="json")


def _softer_head(pair: _Pair) -> Iterator[Fault]:
    before, after = pair.before, pair.after
    for fault in _rewritten(before.covers, after.covers, "A precondition"):
        yield fault.under("/covers")
    if not same(before.input_schema, after.input_schema):
        yield Fault("/input_schema", "Which inputs are accepted changes.")
    if before.output_schema is not None and not same(before.output_schema, after.output_schema):
        yield Fault("/output_schema", "What the result has to be changes.")
    if before.has_result and not same(before.result, after.result):
        yield Fault("/result", "What the result is made of changes.")
    if before.guidance != after.guidance:
        yield Fault("/guidance", "The guidance of all model steps changes.")
    if before.timezone != after.timezone:
        said = f"The time zone changes from {before.timezone} to {after.timezone}, and with it what day it is."
        yield Fault("/timezone", said)


def _softer_edge_cases(pair: _Pair) -> Iterator[Fault]:
    for place, case, now in pair.edge_cases:
        where, name = pointer("edge_cases", place), short(case.id)
        if now is None:
            yield Fault(where, f"The models are not told of the edge case {name} any more.")
            continue
        if case.case != now.case:
            yield Fault(
                f"{where}/case", f"What is meant by the edge case {name} changes: {_exchange(case.case, now.case)}"
            )
        if case.handling != now.handling and not now.escalates:
            told = _exchange(case.handling, now.handling)
            yield Fault(f"{where}/handling", f"What a model does in the edge case {name} changes: {told}")
    yield from _softer_new_edge_cases(pair)


def _softer_new_edge_cases(pair: _Pair) -> Iterator[Fault]:
    known = {case.id for case in pair.before.edge_cases}
    for place, case in enumerate(pair.after.edge_cases):
        if case.id not in known and not case.escalates:
            said = f"The models answer a case by themselves that is new, {short(case.id)}: {short(case.handling, 200)}"
            yield Fault(pointer("edge_cases", place), said)
    for place, case in _newly_escalated(pair):
        if case.to != "human":
            said = f"The edge case {short(case.id)} goes to the {case.to}, and not at once to a person."
            yield Fault(pointer("edge_cases", place, "to"), said)


def _softer_steps(pair: _Pair, harmless: Collection[str]) -> Iterator[Fault]:
    acting = [place for place, step in enumerate(pair.after.steps) if acts(step, harmless)]
    for place, step, now in pair.steps:
        where, name = pointer("steps", place), short(step.id)
        if now is None:
            yield Fault(where, f"The step {name} is removed.")
            continue
        for fault in _rewritten(step.checks, now.checks, f"A check of the step {name}"):
            yield fault.under(f"{where}/checks")
        last = max(acting, default=-1)
        for key, said in _told_of(step, now, acts=place in acting, leads_to_acting=place < last):
            if not same(getattr(step, key, None), getattr(now, key, None)):
                yield Fault(f"{where}/{key}", said.format(name=name))
    for place, step in pair.new_steps:
        if acts(step, harmless):
            yield Fault(pointer("steps", place), f"The new step {short(step.id)} acts outside of the workflow.")


def _told_of(step: Step, now: Step, *, acts: bool, leads_to_acting: bool) -> Iterator[tuple[str, str]]:
    """The keys whose change a person should read, and the sentence of each."""
    yield "kind", "The step {name} is of another kind."
    yield "for_each", "How often the step {name} runs changes, and with it what it costs."
    yield "output_schema", "What the step {name} may answer changes."
    yield "code", "The code of the step {name} changes: read what it allows now."
    yield "when", f"When the step {{name}}{', which acts outside of the workflow,' if acts else ''} runs changes."
    yield "otherwise", "What the step {name} gives where it has no output changes."
    if isinstance(now, ReviewStep):
        yield "prompt", "What a person sees in the review {name} changes."
    if isinstance(now, WorkflowStep):
        yield "workflow", "The step {name} calls another version of its workflow."
    if acts:
        yield "arguments", "What the step {name}, which acts outside of the workflow, is given changes."
        yield "tool", "The step {name} calls another tool."
    if leads_to_acting:
        for key in ("instructions", "prompt", "examples") if isinstance(now, ModelStep) else ():
            yield (
                key,
                f"What the step {{name}} tells its model ({key}) changes, and a step below acts outside of the workflow.",
            )


def _rewritten(before: Sequence[Check], after: Sequence[Check], what: str) -> Iterator[Fault]:
    gone, come = _exchanged(before, after)
    for (place, check), new in zip_longest(gone, come[: len(gone)]):
        at, said = new if new else (place, None)
        told = _exchange(check.check, said.check) if said else short(check.check, 200)
        yield Fault(pointer(at), f"{what} changes: {told}")


def _exchange(was: str, now: str) -> str:
    return f"from {short(was, 200)} to {short(now, 200)}"
