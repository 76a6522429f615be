"""What operators watch of a workflow or a project: what a completed task costs, how long it takes, how often a model is asked
again or a stronger one or a person is needed, and what caches and batches save. As a whole, or taken apart.

Executions are known by workflow, version, lane and day, calls by their step, tier and model as well. What has no meaning for
a group is None. Figures come from a `Reading`; the edges render what `operations` returns.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.types import Purpose
from wire.money import to_usd

from ..contributions import Row
from ..discounts import batch_savings, cache_savings
from ..extent import Extent
from ..groups import GROUPINGS, Names, in_order
from ..latency import Histogram, merge, percentile
from ..models import CACHE_PRICES, TOKENS
from ..reading import ALL, Only, Reading
from ..savings import ratio
from ..snapshot import snapshot
from . import caches, people
from .caches import CACHED, Caching
from .people import Effort

WHOLE = ("project",)
OF_EXECUTIONS = (None, "workflow", "version", "lane", "day")
KINDS_OF_CALLS = ("purpose", "trial", "reported", "batch", "provider", "model_planned", *CACHE_PRICES)
FIGURES_OF_CALLS = ("calls", "unpriced", "cost", *TOKENS, "batch_saved", "batch_unknown")
ENDED = ("completed", "rejected", "failed")


@dataclass(frozen=True)
class Executed:
    """The executions of a group. `accepted` is None by lane, and of one lane: a lane may be chosen later."""

    accepted: int | None
    finished: int
    completed: int
    escalated: int
    latencies: Histogram


@dataclass(frozen=True)
class Asked:
    """The calls of a group, without those that agents reported. `cost`: of the priced ones, in USD."""

    cost: Decimal = Decimal(0)
    calls: int = 0
    unpriced: int = 0
    step_calls: int = 0
    repair_calls: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))
    cache_savings: Decimal | None = Decimal(0)
    batch_calls: int = 0
    batch_savings: Decimal | None = Decimal(0)


@dataclass(frozen=True)
class Operation:
    """One row. `per`: the completed executions that its cost is divided by: its own, or, of a step, a tier or a model, those of
    the whole extent, so that the rows add up to what a completed execution costs."""

    key: dict[str, object]
    asked: Asked
    executed: Executed | None
    per: int
    latencies: Histogram
    caching: Caching
    effort: Effort | None

    @property
    def cost_per_completed(self) -> Decimal | None:
        return None if self.asked.unpriced else ratio(self.asked.cost, self.per)

    @property
    def cost_per_completed_with_people(self) -> Decimal | None:
        if self.asked.unpriced or self.effort is None or self.effort.cost is None:
            return None
        return ratio(self.asked.cost + self.effort.cost, self.per)

    @property
    def retry_rate(self) -> Decimal | None:
        return ratio(self.asked.repair_calls, self.asked.step_calls)

    @property
    def escalation_rate(self) -> Decimal | None:
        return ratio(self.executed.escalated, self.executed.finished) if self.executed else None


def operations(extent: Extent, by: str | None = None, only: Only = ALL) -> list[Operation]:
    """By one of `GROUPINGS`; without one, the whole, as one row. `only`: of the id of a version, of a lane, or of both."""
    columns = GROUPINGS[by] if by else WHOLE
    with snapshot():
        reading = Reading(extent)
        asked, caching, latencies = _calls(reading, columns, only)
        executed = executions(reading, by, columns, only) if by in OF_EXECUTIONS else {}
        effort = people.efforts(extent, columns, only) if by in OF_EXECUTIONS else people.UNKNOWN
        completed = None
        if by not in OF_EXECUTIONS:
            completed = sum(row["completed"] for row in reading.executions(WHOLE, ["completed"], only))
        names = Names(extent)
    keys = {*asked, *executed, *effort.decided} if by else {(extent.project.pk,)}
    nothing = Executed(None if by == "lane" or "lane" in only else 0, 0, 0, 0, {})
    found = []
    for key in sorted(keys, key=lambda key: list(map(in_order, key))):
        mine = executed.get(key, nothing) if by in OF_EXECUTIONS else None
        found.append(
            Operation(
                key=names.key(dict(zip(columns, key, strict=True)), by) if by else {},
                asked=asked.get(key, Asked()),
                executed=mine,
                per=mine.completed if mine else completed,
                latencies=latencies.get(key, {}),
                caching=caching.get(key, caches.NOTHING),
                effort=effort.of(key),
            )
        )
    return found


def p50_p95(histogram: Histogram) -> tuple[int | None, int | None]:
    return percentile(histogram, 50), percentile(histogram, 95)


def _calls(
    reading: Reading, columns: Sequence[str], only: Only
) -> tuple[dict[tuple, Asked], dict[tuple, Caching], dict[tuple, Histogram]]:
    rows = reading.calls(list(dict.fromkeys((*columns, *KINDS_OF_CALLS))), FIGURES_OF_CALLS, only)
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for row in rows:
        if not row["reported"]:
            groups[tuple(row[name] for name in columns)].append(row)
    prefixes: dict[tuple, dict[str, Histogram]] = defaultdict(dict)
    latencies: dict[tuple, Histogram] = defaultdict(dict)
    by_model = list(dict.fromkeys((*columns, "provider", "model_planned")))
    for key, (took, stable) in reading.asked(by_model, only).items():
        told = dict(zip(by_model, key, strict=True))
        group, model = tuple(told[name] for name in columns), f"{told['provider']}:{told['model_planned']}"
        merge(latencies[group], took)
        merge(prefixes[group].setdefault(model, {}), stable)
    project = reading.extent.project.pk
    caching = {key: caches.caching(project, rows, prefixes.get(key, {})) for key, rows in groups.items()}
    return {key: _asked(rows) for key, rows in groups.items()}, caching, latencies


def _asked(rows: list[Row]) -> Asked:
    made = [row for row in rows if not row["trial"]]
    batch = [row for row in rows if row["batch"]]
    return Asked(
        cost=to_usd(sum(row["cost"] for row in rows)),
        calls=sum(row["calls"] for row in rows),
        unpriced=sum(row["unpriced"] for row in rows),
        step_calls=sum(row["calls"] for row in made if row["purpose"] == Purpose.STEP),
        repair_calls=sum(row["calls"] for row in made if row["purpose"] == Purpose.REPAIR),
        tokens={kind: sum(row[kind] for row in rows) for kind in TOKENS},
        cache_savings=cache_savings(
            (row[kind], row["price_input"], row[f"price_{kind}"]) for row in rows for kind in CACHED
        ),
        batch_calls=sum(row["calls"] for row in batch),
        batch_savings=batch_savings(None if row["batch_unknown"] else row["batch_saved"] for row in batch),
    )


def executions(reading: Reading, by: str | None, columns: Sequence[str], only: Only) -> dict[tuple, Executed]:
    """By these columns of an execution. Use inside a `snapshot`."""
    rows = reading.executions(columns, ("accepted", *ENDED, "flagged"), only)
    counts = {tuple(row[name] for name in columns): row for row in rows}
    window = reading.extent
    escalated = reading.escalated_by_day(only) if by == "day" else reading.escalated_by(window, columns, only)
    latencies = reading.latencies(window, columns, only)
    found = {}
    for key in {*counts, *escalated}:
        row, (standing, flagged) = counts.get(key, defaultdict(int)), escalated.get(key, (0, 0))
        finished = sum(row[name] for name in ENDED) + standing
        accepted = None if by == "lane" or "lane" in only else row["accepted"]
        if finished or accepted:
            found[key] = Executed(
                accepted, finished, row["completed"], row["flagged"] + flagged, latencies.get(key, {})
            )
    return found
