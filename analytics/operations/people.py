"""The work of people: each flag that a person decided, a review of the design included, takes the minutes that were stated for
its workflow and in force then. Nobody measures it: without a statement it is unknown.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal

from django.db.models import Q

from executions.models import Execution, Flag
from executions.resolution import DECISIONS
from wire.money import to_usd
from workflows.models import HumanEffort

from ..extent import Extent
from ..reading import ALL, Only

AN_HOUR = 60  # minutes


@dataclass
class Effort:
    """`cost` in USD; None where no cost of an hour was stated."""

    minutes: Decimal = Decimal(0)
    cost: Decimal | None = Decimal(0)

    def add(self, stated: HumanEffort) -> None:
        self.minutes += stated.minutes_per_review
        if self.cost is not None and stated.cost_per_hour is not None:
            self.cost += stated.minutes_per_review * to_usd(stated.cost_per_hour) / AN_HOUR
        else:
            self.cost = None


@dataclass(frozen=True)
class Efforts:
    """By group. `decided`: the groups in which somebody decided something; None where one of the decisions was made while
    nothing was stated for its workflow. `stated`: the workflows with a statement."""

    columns: Sequence[str] = ()
    decided: dict[tuple, Effort | None] = field(default_factory=dict)
    stated: frozenset[int] = frozenset()

    def of(self, key: tuple) -> Effort | None:
        """Where nobody decided anything it is nothing, if somebody says what a decision takes."""
        if key in self.decided:
            return self.decided[key]
        told = dict(zip(self.columns, key, strict=True)).get("workflow") if self.columns else None
        known = told in self.stated if told is not None else bool(self.stated)
        return Effort() if known else None


UNKNOWN = Efforts()


def efforts(extent: Extent, columns: Sequence[str], only: Only = ALL) -> Efforts:
    """By columns of an execution and the day of the decision; `only`: what some of those have to be. Use inside a `snapshot`."""
    stated = _stated(extent)
    if not stated:
        return UNKNOWN
    found: dict[tuple, Effort | None] = {}
    for row in _decisions(extent, only):
        key = tuple(row[name] for name in columns)
        in_force = [one for one in stated.get(row["workflow"], ()) if one.valid_from <= row["resolved_at"]]
        mine = found.setdefault(key, Effort())
        if not in_force:
            found[key] = None
        elif mine is not None:
            mine.add(in_force[-1])
    return Efforts(columns, found, frozenset(stated))


def _stated(extent: Extent) -> dict[int, list[HumanEffort]]:
    mine = Q(workflow=extent.workflow) if extent.workflow else Q(workflow__project=extent.project)
    found: dict[int, list[HumanEffort]] = defaultdict(list)
    for one in HumanEffort.objects.filter(mine).order_by("valid_from", "pk"):
        found[one.workflow_id].append(one)
    return found


def _decisions(extent: Extent, only: Only) -> list[dict]:
    """The flags of production executions that a person decided in these days and has not taken back. What nobody answered in
    time, and what a cancellation closed, is no decision."""
    mine = Q(execution__workflow=extent.workflow) if extent.workflow else Q(execution__project=extent.project)
    production = Q(execution__purpose=Execution.Purpose.PRODUCTION, execution__simulated=extent.simulated)
    flags = Flag.objects.filter(mine, production, extent.within("resolved_at"), resolution__in=DECISIONS)
    columns = ("execution__project", "execution__workflow", "execution__version", "execution__lane", "resolved_at")
    rows = flags.filter(**{f"execution__{name}": value for name, value in only.items()}).values(*columns)
    return [
        {**{name.removeprefix("execution__"): value for name, value in row.items()}, "day": _day(row)} for row in rows
    ]


def _day(row: dict) -> object:
    return row["resolved_at"].astimezone(UTC).date()
