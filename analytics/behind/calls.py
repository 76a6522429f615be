"""The calls that make up a figure of a summary: as rows of the ledger, and as the daily cells, which every report adds up. Both are
one classification, written twice: of a row of either. Their sums prove them against each other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from executions.models import Execution, StepResult
from gateway.models import Call
from gateway.types import Purpose
from wire.money import to_usd

from ..accounts import ACCOUNTS
from ..cells import CACHED
from ..contributions import Row, batch_saving
from ..costs import declared_versions
from ..discounts import batch_savings, cache_savings
from ..exact import Total
from ..extent import UNPRICED, Extent
from ..ledger import batches_saved, caches_saved
from ..models import CACHE_PRICES
from ..reading import Reading
from .stretches import MOST, Place, Stretch, newest, whole

DOUBTED = Q(cost_state=Call.CostState.UPPER_BOUND) | Q(corrects__isnull=False)
TRIAL = Q(Exists(Execution.objects.tests().filter(pk=OuterRef("execution"))))
HAS_CACHED = Q(cache_read__gt=0) | Q(cache_write_5m__gt=0) | Q(cache_write_1h__gt=0)
MOST_PRICED = 2_000  # calls in batches whose standard price is looked up, one by one
KINDS = ("workflow", "day", "account", "purpose", "trial", "doubted", "reported", "batch")
FIGURES = ("calls", "unpriced", "cost", *CACHED, "batch_saved", "batch_unknown")


@dataclass(frozen=True)
class Added:
    """`count` rows, of which `unpriced` add nothing; None: the cells do not say. `usd` None: it is not known, as a report says
    of the same figure, or the figure is a count."""

    count: int | None
    usd: Decimal | None
    unpriced: int = 0


@dataclass(frozen=True)
class Figure:
    """Which calls stand in it. `by`: what cells have to be told apart by for it, beside their kind."""

    rows: Q
    cells: Callable[[Row], bool]
    by: tuple[str, ...] = ()


def _account(name: str) -> Figure:
    purposes = [purpose for purpose, account in ACCOUNTS.items() if account == name]
    mine, rest = Q(purpose__in=purposes), ~Q(purpose__in=list(ACCOUNTS))
    if name == "evaluation_cost":
        mine |= rest & TRIAL
    if name == "execution_cost":
        mine = rest & ~TRIAL
    return Figure(~DOUBTED & mine, lambda row: row["account"] == name)


def _is_retry(row: Row) -> bool:
    return row["purpose"] == Purpose.REPAIR and not row["trial"] and row["calls"] > 0


OF_CALLS: dict[str, Figure] = {
    **{name: _account(name) for name in ("execution_cost", "design_measured", "evaluation_cost", "shadow_cost")},
    "design_cost": _account("design_measured"),
    "in_doubt_cost": Figure(DOUBTED, lambda row: row["doubted"]),
    "total_cost": Figure(Q(), lambda row: True),
    "unpriced": Figure(UNPRICED, lambda row: row["unpriced"] > 0),
    "retries": Figure(Q(purpose=Purpose.REPAIR, corrects=None) & ~TRIAL, _is_retry),
    "cache_savings": Figure(HAS_CACHED, lambda row: any(row[kind] for kind in CACHED), CACHE_PRICES),
    "batch_savings": Figure(Q(batch=True), lambda row: row["batch"]),
}
COUNTED = ("unpriced", "retries")  # and not added up
DECLARED_TOO = ("design_cost", "total_cost")  # to which belongs what people say that designing cost


class Calls:
    """The calls behind one of `OF_CALLS`. `only`: what some columns have to be. Use inside a `snapshot`."""

    def __init__(self, extent: Extent, figure: str, only: Mapping[str, object] = MappingProxyType({})) -> None:
        self.extent, self.name, self.only = extent, figure, dict(only)
        self.figure = OF_CALLS[figure]

    @cached_property
    def by_cells(self) -> Added:
        """What reports say of it."""
        mine, unpriced = self._mine, sum(row["unpriced"] for row in self._mine)
        match self.name:
            case "cache_savings":
                cached = ((row[kind], row["price_input"], row[f"price_{kind}"]) for row in mine for kind in CACHED)
                return Added(None, cache_savings(cached))
            case "batch_savings":
                saved = batch_savings(None if row["batch_unknown"] else row["batch_saved"] for row in mine)
                return Added(self._count(mine), saved)
            case "unpriced":
                return Added(unpriced, None)
            case "retries":
                return Added(sum(row["calls"] for row in mine), None)
        return Added(self._count(mine), to_usd(sum(row["cost"] for row in mine)), unpriced)

    @cached_property
    def by_rows(self) -> Added | None:
        """What the rows themselves say. None where there are too many to be read for it."""
        all_of_them = whole(self._places)
        if all_of_them is None:
            return Added(0, None if self.name in COUNTED else Decimal(0))
        if all_of_them.read > MOST:
            return None
        rows = self.rows(all_of_them)
        if self.name in COUNTED:
            return Added(rows.count(), None)
        sums = rows.aggregate(count=Count("pk"), total=Total("cost"), unpriced=Count("pk", filter=UNPRICED))
        if self.name == "cache_savings":
            return Added(sums["count"], caches_saved(rows))
        if self.name == "batch_savings":
            return Added(sums["count"], batches_saved(rows)) if sums["count"] <= MOST_PRICED else None
        return Added(sums["count"], to_usd(sums["total"]), sums["unpriced"])

    def page(self, after: UUID | None = None) -> tuple[list[Call], bool]:
        """A page of them, newest first, behind that call; and whether there are more."""
        last = after and self.extent.ledger().filter(pk=after).only("finished_at").first()
        if after and last is None:
            return [], False

        def rows(stretch: Stretch) -> QuerySet[Call]:
            found = self.rows(stretch).order_by("-finished_at", "-pk").defer("error", "prefix_hash", "request_hash")
            return found.filter(_behind(last)) if last else found

        return newest(self._places, rows, last and last.finished_at.astimezone(UTC).date())

    def rows(self, stretch: Stretch) -> QuerySet[Call]:
        return self.extent.calls().filter(stretch.rows("finished_at"), self.figure.rows, **self.only)

    def _count(self, mine: list[Row]) -> int:
        """Cells count the calls, without those that correct another: these are few."""
        counted = sum(row["calls"] for row in mine)
        if not any(row["doubted"] for row in mine):
            return counted
        corrections = self.extent.calls().filter(self.figure.rows, corrects__isnull=False, **self.only)
        return counted + corrections.count()

    @cached_property
    def _cells(self) -> list[Row]:
        columns = dict.fromkeys((*KINDS, *self.figure.by, *self.only))
        return Reading(self.extent).calls(tuple(columns), FIGURES)

    @cached_property
    def _mine(self) -> list[Row]:
        return [row for row in self._cells if self._is_mine(row)]

    def _is_mine(self, row: Row) -> bool:
        asked = all(row[name] == value for name, value in self.only.items())
        return asked and not row["reported"] and self.figure.cells(row)

    @cached_property
    def _places(self) -> list[Place]:
        """A correction is a row, and no call of the cells. What is read to find one is every call of its day."""
        return [
            Place(row["day"], row["workflow"], max(row["calls"], 1) if self._is_mine(row) else 0, row["calls"])
            for row in self._cells
        ]


@dataclass(frozen=True)
class Declared:
    """What a person says that designing a version cost."""

    workflow: str
    version: str
    day: date
    usd: Decimal


def declared(extent: Extent, only: Mapping[str, object]) -> list[Declared]:
    """Those that belong to a figure's rows; none where a step, tier, lane or model is asked for, which a design has not."""
    if not set(only) <= {"version"}:
        return []
    said = [
        Declared(version.workflow.name, version.number, day, to_usd(version.design_cost))
        for version, day in declared_versions(extent)
        if only.get("version", version.pk) == version.pk
    ]
    return sorted(said, key=lambda one: one.day, reverse=True)


def used_calls(calls: list[Call]) -> set[UUID]:
    """Those whose answer became the result of its step."""
    executions = {call.execution for call in calls if call.execution}
    rows = StepResult.objects.filter(execution__in=executions, status=StepResult.Status.DONE, call__isnull=False)
    return set(rows.values_list("call", flat=True))


def worth(call: Call, figure: str) -> Decimal | None:
    """What one call adds to what caches, or batches, saved."""
    if figure == "batch_savings":
        return batch_savings([batch_saving(call)])
    return cache_savings((getattr(call, kind), call.price_input, getattr(call, f"price_{kind}")) for kind in CACHED)


def _behind(last: Call) -> Q:
    """In the order of the page. The first bound is the one an index is searched by."""
    same_moment = Q(finished_at=last.finished_at, pk__lt=last.pk)
    return Q(finished_at__lte=last.finished_at) & (Q(finished_at__lt=last.finished_at) | same_moment)
