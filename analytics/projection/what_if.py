"""What recorded executions would have cost otherwise: a sample of them, priced anew call by call. It asks no model, and keeps
nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from executions.lanes import OF_STEP
from gateway.models import Call
from projects.models import Tier
from projects.targets import parse_target
from wire.problems import Fault, Invalid, pointer
from workflows.definition import ModelStep
from workflows.models import Workflow

from ..baselines import Method
from ..costs import Summary, summarise
from ..extent import Extent
from ..snapshot import snapshot
from . import recorded
from .arithmetic import PERIODS, Pace
from .projecting import pace_of
from .repricing import Question, Repricing
from .sentences import assumptions, unknowns
from .windows import window_of


@dataclass
class Figures:
    """Pico-dollars of a number of calls. None: one of them is not known."""

    calls: int = 0
    recorded: int | None = 0
    what_if: int | None = 0

    def add(self, call: Call, cost: int | None) -> None:
        self.calls += call.corrects_id is None
        self.recorded = _sum(self.recorded, call.cost)
        self.what_if = _sum(self.what_if, cost)


@dataclass(frozen=True)
class Found:
    """`recent`: the summary of the days that the executions are of; `n`: how many of them were priced anew; `volume`: executions
    a month; `moved`: the models that calls were of, each with the one that they would be of. `was`, `would` and `frontier` are
    pico-dollars of a completed execution."""

    recent: Summary
    pace: Pace
    n: int
    volume: Fraction | None
    total: Figures
    by_step: dict[str, Figures]
    moved: list[tuple[str, str]]
    assumptions: list[str]
    unknown: list[str]

    def each(self, total: int | None) -> Fraction | None:
        return Fraction(total, self.n) if self.n and total is not None else None

    @property
    def was(self) -> Fraction | None:
        return self.each(self.total.recorded)

    @property
    def would(self) -> Fraction | None:
        return self.each(self.total.what_if)

    @property
    def frontier(self) -> Fraction | None:
        return self.pace.each(self.pace.if_all_frontier)

    @property
    def dearest_first(self) -> list[tuple[str, Figures]]:
        return sorted(self.by_step.items(), key=lambda one: (one[1].recorded is None, -(one[1].recorded or 0), one[0]))


def ask(extent: Extent, method: Method | None, question: Question, volume: int | None, now: datetime) -> Found:
    """Raises `Invalid` for a tier or a step that the workflow has not, and for a provider that the project has not."""
    _must_be_known(extent, question)
    with snapshot():
        window = window_of(extent, now.date())
        recent = summarise(window, method)
        executions = recorded.draw(window)
        repricing = Repricing(extent.project.pk, question, now)
        calls = recorded.calls_of(window, executions, look_back=bool(question.caching))
        by_step = _priced(calls.iterator(chunk_size=2_000), repricing)
        _must_be_steps(extent.workflow, question, by_step)
    pace, total = pace_of(recent), _total(by_step.values())
    a_month = _volume(pace, volume)
    return Found(
        recent=recent,
        pace=pace,
        n=len(executions),
        volume=a_month,
        total=total,
        by_step=by_step,
        moved=sorted(repricing.moved),
        assumptions=list(assumptions(repricing, len(executions), pace.completed, volume, a_month)),
        unknown=list(unknowns(repricing, pace, a_month)),
    )


def _must_be_known(extent: Extent, question: Question) -> None:
    known = extent.project.known_providers()
    said = {pointer("models", name): target for name, target in question.models.items()}
    said |= {pointer("prices", number, "model"): target for number, target in enumerate(question.prices)}
    faults = [fault for where, target in said.items() for fault in _faults(where, target, known)]
    words = [name for name in question.models if name not in Tier.values and not name.startswith(OF_STEP)]
    of_tiers = f"This is a tier ({', '.join(Tier.values)}) or a step, such as {OF_STEP}classify."
    faults += [Fault(pointer("models", name), of_tiers) for name in words]
    if faults:
        raise Invalid.of(faults)


def _faults(where: str, target: str, known: list[str]) -> Iterator[Fault]:
    try:
        parse_target(target, known)
    except ValueError as error:
        yield Fault(where, str(error))


def _must_be_steps(workflow: Workflow, question: Question, recorded_steps: Iterable[str]) -> None:
    """Of the version that is live, else of the newest one, or of a call that was recorded."""
    asked = {name.removeprefix(OF_STEP): name for name in question.models if name.startswith(OF_STEP)}
    if not asked.keys() - set(recorded_steps):
        return
    version = workflow.live.version if workflow.live else workflow.versions.order_by("-pk").first()
    steps = version.parsed().steps if version else []
    known = {step.id for step in steps if isinstance(step, ModelStep)} | set(recorded_steps)
    said = "This workflow has no such model step."
    faults = [Fault(pointer("models", name), said) for step, name in asked.items() if step not in known]
    if faults:
        raise Invalid.of(faults)


def _priced(calls: Iterable[Call], repricing: Repricing) -> dict[str, Figures]:
    by_step: dict[str, Figures] = {}
    for call in calls:
        by_step.setdefault(call.step, Figures()).add(call, repricing.cost(call, call.warm))
    return by_step


def _total(figures: Iterable[Figures]) -> Figures:
    total = Figures()
    for one in figures:
        total.calls += one.calls
        total.recorded = _sum(total.recorded, one.recorded)
        total.what_if = _sum(total.what_if, one.what_if)
    return total


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _volume(pace: Pace, stated: int | None) -> Fraction | None:
    if stated is not None:
        return Fraction(stated)
    return pace.completed * PERIODS["month"] / pace.days if pace.is_enough else None
