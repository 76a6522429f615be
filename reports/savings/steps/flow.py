"""A version's definition as a picture: its steps in their order, what each is and on what it runs, and where it leads when it is
not sure. What they cost comes from `analytics.operations.steps`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analytics.operations.figures import p50_p95
from analytics.operations.steps import Steps, Taken
from workflows.definition import CodeStep, Definition, ModelStep, ReviewStep, Step, ToolStep, WorkflowStep

from ...charts.chart import Cell, counted, money
from ...numbers import count, duration, rate
from ..asking import Asked

KINDS = {"code": "Code", "model": "Model", "tool": "Tool", "workflow": "Workflow", "review": "Person"}
TASKS = {"summarization": "summarisation"}
LONGEST = 160  # characters of what a step does
TIERS = ("cheap", "standard", "frontier")
ON_ONE_CALL = "of calls on the tier that the design gives it"


@dataclass(frozen=True)
class Node:
    """A step as it is drawn. `share`: of the cost of executing, 0 to 1, as text; empty where it has none. `rungs`: whom a flagged
    one asks, in their order."""

    number: int
    id: str
    kind: str
    word: str
    does: str
    runs_on: str
    when: str
    for_each: str
    share: str
    share_text: str
    figures: Sequence[tuple[str, Cell]]
    answered_by: str
    rungs: Sequence[str]
    flagged: Cell | None


def flow(definition: Definition, tier_map: Mapping[str, str], found: Steps, about: Asked, version: str) -> list[Node]:
    rungs = [_rung(rung, tier_map) for rung in definition.escalation.rungs]
    return [
        _node(number, step, tier_map, found, rungs, lambda page, **more: about.to(page, version=version, **more))
        for number, step in enumerate(definition.steps, 1)
    ]


def _node(
    number: int, step: Step, tier_map: Mapping[str, str], found: Steps, rungs: Sequence[str], leads: object
) -> Node:
    taken, share = found.of(step.id), found.share(step.id)
    asks = isinstance(step, ModelStep)
    return Node(
        number=number,
        id=step.id,
        kind=step.kind,
        word=KINDS[step.kind],
        does=_does(step),
        runs_on=_runs_on(step, tier_map),
        when=_short(step.when),
        for_each=_short(step.for_each),
        share=f"{share:.4f}" if asks and share is not None else "",
        share_text=f"{rate(share)} of the cost" if asks else "",
        figures=list(_figures(step, taken, found, leads)) if asks else [],
        answered_by=_answered_by(step, taken),
        rungs=rungs if asks else [rungs[-1]] if taken.flagged else [],
        flagged=Cell(_times(taken.flagged)) if taken.flagged else None,
    )


def _figures(step: ModelStep, taken: Taken, found: Steps, leads: object) -> Iterator[tuple[str, Cell]]:
    rows = leads("calls", figure="execution_cost", step=step.id)
    yield "Executing, per completed", money(found.per_completed(step.id), rows)
    yield "Calls", counted(taken.calls, rows)
    half = p50_p95(taken.latencies.get(step.tier, {}))[0] or None  # 0 ms is a scripted model, and no speed
    yield "Half within", Cell(duration(half), "" if half is None else f"{half:,} ms {ON_ONE_CALL}", is_number=True)


def _does(step: Step) -> str:
    """In a sentence, as the design has it, or else as its kind says."""
    match step:
        case ModelStep():
            told = step.note or step.instructions or TASKS.get(step.task, step.task) or step.prompt
        case ToolStep():
            told = step.note or f"Calls the tool {step.tool}."
        case WorkflowStep():
            told = step.note or f"Calls the workflow {step.workflow}."
        case ReviewStep():
            told = step.note or f"Asks a {step.to}" + (f", and waits {step.within} at most." if step.within else ".")
        case _:
            told = step.note or "Works it out by a few lines of code."
    return _short(told)


def _runs_on(step: Step, tier_map: Mapping[str, str]) -> str:
    match step:
        case ModelStep():
            return f"{step.tier} → {_model(tier_map.get(step.tier))}"
        case CodeStep():
            return "plain code, no model"
        case ReviewStep():
            return "a person, no model"
        case WorkflowStep():
            return "executions of its own, which cost what they cost there"
    return "a tool of the project, no model"


def _answered_by(step: Step, taken: Taken) -> str:
    if not isinstance(step, ModelStep):
        return f"a person {_times(taken.people)}" if taken.people else ""
    tiers = sorted(taken.answered, key=lambda tier: (tier not in TIERS, TIERS.index(tier) if tier in TIERS else 0))
    told = [f"{tier or 'tier not recorded'} {_times(taken.answered[tier])}" for tier in tiers if taken.answered[tier]]
    told += [f"a person {_times(taken.people)}"] if taken.people else []
    return ", ".join(told)


def _times(value: int) -> str:
    return "once" if value == 1 else f"{count(value)} times"


def _rung(rung: str, tier_map: Mapping[str, str]) -> str:
    return "a person" if rung == "human" else f"{rung} → {_model(tier_map.get(rung))}"


def _model(target: str | None) -> str:
    """`anthropic:claude-haiku-4-5` → `claude-haiku-4-5`."""
    return target.partition(":")[2] or target if target else "no model"


def _short(text: str | None) -> str:
    """Whole sentences of it, or its beginning."""
    line = " ".join((text or "").split())
    if len(line) <= LONGEST:
        return line
    sentences, end, _ = line[:LONGEST].rpartition(". ")
    return f"{sentences}." if end else f"{line[:LONGEST].rstrip()} …"
