"""What each workflow of a project cost and saved, in a number of queries that does not grow with them: for pages that list them.

A line says what `costs.summarise` says of that workflow alone, by the same method and of the same subject, to the last digit.
What belongs to none of them stands in a line of its own, so that the lines of one method add up to the summary of the project.

Only what is measured takes queries of its own for each workflow: its shadows, and the model that they are of, of each window.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from shadows.models import Subject
from wire.money import to_usd
from workflows.models import Baseline, Publication, Workflow

from .baselines import AllFrontier, Days, Method, added_up, no_days
from .cells import Cells
from .contributions import Row
from .costs import declared_versions
from .extent import Extent
from .measuring import Ended, Measuring, subject_of
from .projection.arithmetic import Outlook, Pace
from .projection.projecting import outlook_of, pace_from
from .projection.windows import days_in, window_from
from .savings import Balance, paid_back_on

DECLARED = "design_declared"


@dataclass(frozen=True)
class Line:
    """`workflow` None: what belongs to none of the project's. `balance` is of the days that are asked for, `to_date` of everything
    until their end; `paid_back_on`, `baseline_unpriced` and the counts are as in a summary, `outlook` is as in a projection."""

    workflow: Workflow | None
    method: Method
    balance: Balance
    to_date: Balance
    paid_back_on: date | None
    baseline_unpriced: int
    executions: int
    finished: int
    escalated: int
    evidence: Publication.Evidence | None  # None: nothing is live
    outlook: Outlook


def by_workflow(
    source: Cells, extent: Extent, today: date, method: Method | None = None, subject: Subject | None = None
) -> list[Line]:
    """Of a project: its workflows by name, and at the end what belongs to none, where there is anything. `source` reads apart, to
    date. Without a method, each by the one that is in force for it. With one, `subject` is that of the project's summary, whatever
    the baseline of a workflow is about: else what is measured would not add up."""
    subject = subject or subject_of(None) if method else subject
    escalated = source.reading.escalated_by_workflow(extent)
    owns = _owns(source)
    lives = owns if extent.until is None else _owns(Cells(replace(extent, since=None, until=None), apart=True))
    found = []
    for workflow in [*_workflows(extent), None]:
        key = workflow and workflow.pk
        asked = _Asked(replace(extent, workflow=workflow), today, method or _in_force(workflow), subject)
        if workflow or owns[key].is_something:
            found.append(_line(asked, owns[key], lives[key], escalated.get(key, (0, 0))))
    return found


def _workflows(extent: Extent) -> list[Workflow]:
    """With the method that is in force now, as `baselines.method_of` says."""
    stated = Baseline.objects.filter(workflow=OuterRef("pk"), valid_from__lte=timezone.now())
    in_force = Subquery(stated.order_by("-valid_from", "-pk").values("method")[:1])
    return list(extent.project.workflows.select_related("live").annotate(in_force=in_force).order_by("name"))


def _in_force(workflow: Workflow | None) -> Method:
    return Method(workflow.in_force) if workflow and workflow.in_force else Method.REPRICED_WARM


class _Asked(NamedTuple):
    extent: Extent  # of one workflow
    today: date
    method: Method
    subject: Subject | None


def _line(asked: _Asked, own: "_Own", life: "_Own", escalated: tuple[int, int]) -> Line:
    extent = asked.extent
    figures = own.figures(asked)
    of_life = figures if life is own else life.figures(asked)
    ended = [row for row in own.ended if extent.covers(row["day"])]
    live = extent.workflow and extent.workflow.live
    return Line(
        workflow=extent.workflow,
        method=asked.method,
        balance=figures.balance(extent),
        to_date=figures.balance(extent.to_date),
        paid_back_on=paid_back_on({day: figures.of_day(day) for day in figures.days}),
        baseline_unpriced=figures.baseline_unpriced(extent),
        executions=sum(row["accepted"] for row in ended),
        finished=sum(row["completed"] + row["rejected"] + row["failed"] for row in ended) + escalated[0],
        escalated=sum(row["flagged"] for row in ended) + escalated[1],
        evidence=Publication.Evidence(live.evidence) if live else None,
        outlook=_outlook(asked, of_life, life.first_day),
    )


def _outlook(asked: _Asked, life: "_Figures", first: date | None) -> Outlook:
    """Of all there is until now, at the pace of the days that a projection takes."""
    window = window_from(asked.extent, first, asked.today)
    ever = replace(asked.extent, since=None, until=None)
    return outlook_of(life.balance(ever), life.pace(window), asked.today)


@dataclass
class _Own:
    """What was read of one workflow. `costs`: pico-dollars by day and account."""

    source: Cells
    costs: dict[date, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    unpriced: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    ended: list[Row] = field(default_factory=list)
    keys: set[int | None] = field(default_factory=set)  # under which it was read

    @property
    def is_something(self) -> bool:
        return bool(self.costs or self.ended)

    @cached_property
    def completed(self) -> dict[date, int]:
        days: dict[date, int] = defaultdict(int)
        for row in self.ended:
            days[row["day"]] += row["completed"]
        return {day: count for day, count in days.items() if count}

    @property
    def first_day(self) -> date | None:
        """On which an execution was accepted or ended."""
        days = (row["day"] for row in self.ended if row["accepted"] or row["completed"] or row["failed"])
        return min(days, default=None)

    def figures(self, asked: _Asked) -> "_Figures":
        if asked.method == Method.MEASURED and asked.extent.workflow:
            one = _OneOf(self.source, replace(asked.extent, since=None, until=self.source.extent.until))
            return _Measured(self, Measuring(one, asked.subject, one.extent))
        apart = {} if asked.method == Method.MEASURED else self.source.all_frontier_apart(asked.method)
        return _Figures(self, _together([apart[key] for key in self.keys if key in apart]))


def _together(some: list[Days]) -> Days:
    if len(some) == 1:
        return some[0]
    days = no_days()
    for mine in some:
        for day, one in mine.items():
            days[day].add(one.pico, one.unpriced)
    return days


class _Figures:
    """Beside what all-frontier would have cost."""

    def __init__(self, own: _Own, frontier: Days) -> None:
        self.own, self.frontier = own, frontier
        self.days = {*own.costs, *own.completed, *frontier}
        self.known: dict[tuple[date | None, date | None], Balance] = {}

    def balance(self, window: Extent) -> Balance:
        """Added up once for the same days."""
        days = window.since, window.until
        if days not in self.known:
            self.known[days] = self._balance(window)
        return self.known[days]

    def _balance(self, window: Extent) -> Balance:
        days = [day for day in self.days if window.covers(day)]
        costs: dict[str, int] = defaultdict(int)
        for day in days:
            for account, pico in self.own.costs[day].items() if day in self.own.costs else ():
                costs[account] += pico
        return Balance(
            **{account: to_usd(pico) for account, pico in costs.items()},
            if_all_frontier=self.if_all_frontier(window),
            completed=sum(self.own.completed.get(day, 0) for day in days),
            unpriced_calls=sum(self.own.unpriced.get(day, 0) for day in days),
        )

    def if_all_frontier(self, window: Extent) -> Decimal | None:
        return self._total(window).usd

    def baseline_unpriced(self, window: Extent) -> int:
        return self._total(window).unpriced

    def _total(self, window: Extent) -> AllFrontier:
        return added_up(one for day, one in self.frontier.items() if window.covers(day))

    def of_day(self, day: date) -> "_Day":
        known = self.frontier.get(day) or AllFrontier()
        unknown = known.unpriced or self.own.unpriced.get(day)
        cost = sum(self.own.costs[day].values()) if day in self.own.costs else 0
        return _Day(cost, None if unknown else known.pico - cost)

    def pace(self, window: Extent) -> Pace:
        return pace_from(self.balance(window), days_in(window))


class _Measured(_Figures):
    """The figure of some days is that of their own shadows, as in a summary."""

    def __init__(self, own: _Own, measuring: Measuring) -> None:
        super().__init__(own, measuring.days())
        self.measuring = measuring

    def if_all_frontier(self, window: Extent) -> Decimal | None:
        cost = self.measuring.cost(window)
        return None if cost is None else to_usd(cost)

    def baseline_unpriced(self, window: Extent) -> int:
        return int(self.measuring.cost(window) is None)


class _Day(NamedTuple):
    """In pico-dollars, what `paid_back_on` looks at of a balance."""

    total_cost: int
    savings: int | None


@dataclass(frozen=True)
class _OneOf:
    """One workflow of what was read apart: a source of `Measuring`."""

    source: Cells
    extent: Extent

    def completed_strata(self) -> list[Ended]:
        return self.source.strata_by_workflow.get(self.extent.workflow.pk, [])

    def pinned_model(self, window: Extent) -> str | None:
        return self.source.pinned_model(window)


def _owns(source: Cells) -> Mapping[int | None, _Own]:
    """By workflow; None: of what none of the project's workflows has."""
    known = set(source.extent.project.workflows.values_list("pk", flat=True))
    owns: dict[int | None, _Own] = defaultdict(lambda: _Own(source))

    def _own(row: Row) -> _Own:
        own = owns[row["workflow"] if row["workflow"] in known else None]
        own.keys.add(row["workflow"])
        return own

    for row in source.paid:
        own = _own(row)
        own.costs[row["day"]][row["account"]] += row["cost"]
        own.unpriced[row["day"]] += row["unpriced"]
    for row in source.ended:
        _own(row).ended.append(row)
    for version, day in declared_versions(source.extent):
        owns[version.workflow_id].costs[day][DECLARED] += version.design_cost
    return owns
