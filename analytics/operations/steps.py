"""What each step of a workflow takes in production: what its calls cost, who answered it, and how often it was flagged. What tests
a version, designs it or runs in the shadow is no part of it, but for how long calls took."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Q

from executions.models import Execution, Flag
from gateway.types import ANSWERED, Purpose
from wire.money import to_usd

from ..contributions import Row
from ..extent import Extent
from ..latency import Histogram
from ..reading import Only, Reading
from ..savings import ratio
from ..snapshot import snapshot
from .figures import WHOLE

OF_CALLS = ("step", "tier", "purpose", "outcome", "account", "reported")


@dataclass(frozen=True)
class Taken:
    """`cost` in USD, of the priced calls. `answered`: tier → how often it gave an answer to the step, without repairs.
    `latencies`: tier → how long answered calls of it took, those of evaluations and
    shadows too. `people`: flags of it that a person answered."""

    step: str
    cost: Decimal = Decimal(0)
    calls: int = 0
    unpriced: int = 0
    answered: dict[str, int] = field(default_factory=dict)
    latencies: dict[str, Histogram] = field(default_factory=dict)
    flagged: int = 0
    people: int = 0


@dataclass(frozen=True)
class Steps:
    """`cost`: of all of them; `completed`: the executions that it is divided by."""

    completed: int
    taken: dict[str, Taken]

    @property
    def cost(self) -> Decimal:
        return sum((one.cost for one in self.taken.values()), Decimal(0))

    @property
    def unpriced(self) -> int:
        return sum(one.unpriced for one in self.taken.values())

    def of(self, step: str) -> Taken:
        return self.taken.get(step) or Taken(step)

    def share(self, step: str) -> Decimal | None:
        """Of the cost of executing. None where that is not known, or nothing."""
        return None if self.unpriced else ratio(self.of(step).cost, self.cost)

    def per_completed(self, step: str) -> Decimal | None:
        taken = self.of(step)
        return None if taken.unpriced else ratio(taken.cost, self.completed)


def steps(extent: Extent, only: Only) -> Steps:
    """Of a workflow. `only`: of the id of a version, of a lane, or of both."""
    with snapshot():
        reading = Reading(extent)
        rows = reading.calls(OF_CALLS, ("cost", "calls", "unpriced"), only)
        latencies: dict[str, dict[str, Histogram]] = defaultdict(dict)
        for (step, tier), (took, _) in reading.asked(("step", "tier"), only).items():
            latencies[step][tier] = took
        completed = sum(row["completed"] for row in reading.executions(WHOLE, ["completed"], only))
        flags = _flags(extent, only)
    by_step: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not row["reported"] and row["account"] == "execution_cost":
            by_step[row["step"]].append(row)
    return Steps(
        completed,
        {
            step: _taken(step, by_step[step], latencies[step], flags.get(step, (0, 0)))
            for step in sorted({*by_step, *flags})
        },
    )


def _taken(step: str, rows: Iterable[Row], latencies: dict[str, Histogram], flags: tuple[int, int]) -> Taken:
    answered: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["purpose"] != Purpose.REPAIR and row["outcome"] in ANSWERED:
            answered[row["tier"]] += row["calls"]
    flagged, people = flags
    return Taken(
        step=step,
        cost=to_usd(sum(row["cost"] for row in rows)),
        calls=sum(row["calls"] for row in rows),
        unpriced=sum(row["unpriced"] for row in rows),
        answered=dict(answered),
        latencies=latencies,
        flagged=flagged,
        people=people,
    )


def _flags(extent: Extent, only: Only) -> dict[str, tuple[int, int]]:
    """By step, of these days: flags that escalate it, and those that a person answered."""
    production = {"execution__purpose": Execution.Purpose.PRODUCTION, "execution__simulated": extent.simulated}
    mine = {f"execution__{name}": value for name, value in only.items()}
    flags = Flag.objects.escalating().filter(
        extent.within("created_at"), execution__workflow=extent.workflow, **production, **mine
    )
    by_people = Count("pk", filter=Q(answered_by=Execution.Resolver.HUMAN))
    rows = flags.order_by().values_list("step").annotate(flagged=Count("pk"), people=by_people)
    return {step: (flagged, people) for step, flagged, people in rows}
