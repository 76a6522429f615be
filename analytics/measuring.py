"""The method measured: what the shadows of an extent's executions say all-frontier would have cost, workflow by workflow.

Only shadows of one subject count, and only those on the model that the report names: the baseline's as it is stated now. Under
30 of them nothing is said of a workflow, nor of a project that has such a workflow.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple, Protocol

from django.utils import timezone

from shadows.measurements import Measurement, measurements
from shadows.models import Subject
from workflows.models import Workflow

from . import baselines
from .baselines import Days, no_days
from .extent import Extent
from .shadowed import Completed, Share, Stratum, estimate, interval, resampled


class Ended(NamedTuple):
    """How many executions of a stratum completed on a day."""

    day: date
    workflow: int
    stratum: Stratum
    count: int


class Source(Protocol):
    extent: Extent

    def completed_strata(self) -> list[Ended]: ...

    def pinned_model(self, window: Extent) -> str | None: ...


@dataclass(frozen=True)
class Measured:
    """`n` shadows; of those a grader `compared`, so many were the `same`. `cost` and `interval` in pico-dollars: None where of
    some workflows (`without`) there are too few. `borrowed`: completed executions of strata without shadows. `resamples`: of each
    workflow, what it takes to draw them."""

    subject: Subject
    model: str | None
    n: int
    compared: int
    same: int
    cost: int | None
    borrowed: int
    without: int
    resamples: Sequence[tuple[Completed, Sequence[Measurement], str]] = field(default=(), repr=False, compare=False)

    @property
    def share(self) -> Share:
        return Share(self.same, self.compared)

    @cached_property
    def interval(self) -> tuple[int, int] | None:
        """Drawn when somebody asks: it takes longer than all the rest."""
        if self.without or not self.resamples:
            return None
        return interval(map(sum, zip(*(resampled(*one) for one in self.resamples), strict=True)))


class Measuring:
    """`subject` None: what each workflow's baseline in force is about; of a project as a whole, its workflows."""

    def __init__(self, source: Source, subject: Subject | None, extent: Extent) -> None:
        """`source`: of the extent to date, or of more."""
        self.source, self.extent = source, extent.to_date
        self.subject = subject or subject_of(self.extent.workflow)

    def days(self) -> Days:
        """Each day's completed executions at the mean of everything to date."""
        days = no_days()
        for workflow, ended in self._by_workflow(self.extent).items():
            completed = _counts(ended)
            found = estimate(completed, self.shadows(workflow, self.extent))
            mean = found and found.cost / sum(completed.values())
            for one in ended:
                days[one.day].add(round(one.count * (mean or Fraction(0))), one.count if mean is None else 0)
        return days

    def measured(self, window: Extent) -> Measured:
        counted: list[Measurement] = []
        cost, borrowed, without, resamples = Fraction(0), 0, 0, []
        for workflow, ended in self._by_workflow(window).items():
            completed, shadows = _counts(ended), self.shadows(workflow, window)
            counted += shadows
            found = estimate(completed, shadows)
            if found is None:
                without += 1
                continue
            cost, borrowed = cost + found.cost, borrowed + found.borrowed
            resamples.append((completed, shadows, self._seed(workflow, window)))
        return Measured(
            subject=self.subject,
            model=self._named(counted, window),
            n=len(counted),
            compared=sum(one.same is not None for one in counted),
            same=sum(one.same is True for one in counted),
            cost=None if without else round(cost),
            borrowed=borrowed,
            without=without,
            resamples=resamples,
        )

    def cost(self, window: Extent) -> int | None:
        """The same without an interval."""
        found = [
            estimate(_counts(ended), self.shadows(key, window)) for key, ended in self._by_workflow(window).items()
        ]
        return None if None in found else round(sum((one.cost for one in found), Fraction(0)))

    def _seed(self, workflow: int, window: Extent) -> str:
        return f"{workflow} {window.simulated} {window.since} {window.until} {self.subject.value}"

    def _named(self, counted: Iterable[Measurement], window: Extent) -> str | None:
        """The one model behind all that was counted. Before there is any, what a workflow's would run on."""
        models = {one.model for one in counted}
        if window.workflow and not models:
            return self._model(window.workflow, window)
        return models.pop() if len(models) == 1 else None

    def _by_workflow(self, window: Extent) -> dict[int, list[Ended]]:
        found: dict[int, list[Ended]] = defaultdict(list)
        for one in self._ended:
            if window.covers(one.day):
                found[one.workflow].append(one)
        return found

    @cached_property
    def _ended(self) -> list[Ended]:
        return sorted(one for one in self.source.completed_strata() if self.extent.covers(one.day))

    @cached_property
    def _workflows(self) -> dict[int, Workflow]:
        return {workflow.pk: workflow for workflow in self.extent.workflows()}

    def completed(self, window: Extent) -> Completed:
        """Of an extent of one workflow."""
        return _counts(one for several in self._by_workflow(window).values() for one in several)

    def shadows(self, workflow: int, window: Extent) -> list[Measurement]:
        """Those that count, on the model that the report names. All to date are read once, whatever is asked of them."""
        if workflow not in self._found:
            kind = {"simulated": self.extent.simulated, "until": self.extent.until}
            self._found[workflow] = list(measurements(workflow, self.subject, **kind))
        found = [one for one in self._found[workflow] if window.covers(one.day)]
        if not found:
            return []
        model = self._model(self._workflows[workflow], window)
        return [one for one in found if one.model == model]

    @cached_property
    def _found(self) -> dict[int, list[Measurement]]:
        """By workflow, of all days to date: read once."""
        return {}

    def _model(self, workflow: Workflow, window: Extent) -> str | None:
        """As a summary of the workflow alone names it. Looked for once, whatever is asked of a window."""
        mine = replace(window, workflow=workflow)
        if mine not in self._models:
            pinned = self.source.pinned_model if self.extent.workflow else _last_model
            frontier = self.extent.project.tier_map().get("frontier")
            self._models[mine] = baselines.stated_model(mine) or pinned(mine) or frontier
        return self._models[mine]

    @cached_property
    def _models(self) -> dict[Extent, str | None]:
        """By workflow and window."""
        return {}


def subject_of(workflow: Workflow | None) -> Subject:
    """What the baseline in force is about: with a prompt of the task, the task."""
    stated = workflow.baseline_at(timezone.now()) if workflow else None
    return Subject.TASK if stated and stated.prompt else Subject.WORKFLOW


def _counts(ended: Iterable[Ended]) -> Completed:
    found: dict[Stratum, int] = defaultdict(int)
    for one in ended:
        found[one.stratum] += one.count
    return found


def _last_model(window: Extent) -> str | None:
    last = window.completed().order_by("-finished_at", "-pk")
    return last.values_list("baseline_model", flat=True).first()
