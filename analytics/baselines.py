"""What all-frontier would have cost: over completed executions, by day, by one named method. `costs` compares with it.

Only the one call whose answer was used counts, or what a person declared. Repairs, attempts, discarded and in-doubt
calls, and steps that a person answered count 0: our waste is never the baseline's.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from executions.models import Execution, StepResult
from gateway import pricing
from gateway.models import Call
from wire.money import to_usd
from workflows.models import Baseline, Workflow

from .extent import Extent

Method = Baseline.Method

# The ledger's column that holds a call's tokens at the baseline model's prices, as of when the call was written.
KEPT_FIGURES = {Method.REPRICED_WARM: "baseline_warm", Method.REPRICED_COLD: "baseline_cold"}
ONE_AT_A_TIME = 500  # calls repriced per query: SQLite bounds the parameters of a statement


@dataclass
class AllFrontier:
    """Pico-dollars of one day. `unpriced`: used answers, or completed executions, for which there is no figure."""

    pico: int = 0
    unpriced: int = 0

    def add(self, pico: int | None) -> None:
        self.pico += pico or 0
        self.unpriced += pico is None

    @property
    def usd(self) -> Decimal | None:
        return None if self.unpriced else to_usd(self.pico)


Days = dict[date, AllFrontier]


def method_of(workflow: Workflow | None) -> Method:
    """The method that is in force now; for a project as a whole, and where nobody stated one, the same tokens warm."""
    stated = workflow.baseline_at(timezone.now()) if workflow else None
    return Method(stated.method) if stated else Method.REPRICED_WARM


def model_of(extent: Extent) -> str | None:
    """The model, `provider:model`, that these days are measured against at their end: the stated one, else what the
    last execution had pinned, else the project's frontier."""
    if extent.workflow:
        stated = extent.workflow.baselines.exclude(model="").filter(extent.before_end("valid_from"))
        last = stated.filter(valid_from__lte=timezone.now()).order_by("-valid_from", "-pk").first()
        if last:
            return last.model
    pinned = extent.completed().order_by("-finished_at").values_list("baseline_model", flat=True).first()
    return pinned or extent.project.tier_map().get("frontier")


def all_frontier(extent: Extent, method: Method) -> Days:
    """What all-frontier would have cost, by the UTC day on which the executions completed. A project's figure is the
    sum over its workflows."""
    days: Days = defaultdict(AllFrontier)
    for workflow in [extent.workflow] if extent.workflow else extent.project.workflows.all():
        completed = extent.completed().filter(workflow=workflow)
        if method == Method.DECLARED:
            _declared(days, completed, workflow)
        else:
            _repriced(days, _used_answers(completed, extent, workflow), KEPT_FIGURES[method], method)
    return days


def _declared(days: Days, completed: QuerySet[Execution], workflow: Workflow) -> None:
    """Σ of the cost per execution that was in force when each completed."""
    for rows, cost in _by_declared_cost(completed, workflow):
        counted = rows.annotate(day=TruncDate("finished_at", tzinfo=UTC)).values("day").annotate(count=Count("pk"))
        for day, count in counted.values_list("day", "count"):
            if cost is None:
                days[day].unpriced += count
            else:
                days[day].pico += count * cost


def _by_declared_cost(
    completed: QuerySet[Execution], workflow: Workflow
) -> Iterator[tuple[QuerySet[Execution], int | None]]:
    """The executions between one statement and the next, with the cost that was in force. A statement without a cost
    (of another method) changes none."""
    stated = workflow.baselines.filter(cost_per_execution__isnull=False).order_by("valid_from", "pk")
    start, cost = Q(), None
    for moment, next_cost in stated.values_list("valid_from", "cost_per_execution"):
        yield completed.filter(start, finished_at__lt=moment), cost
        start, cost = Q(finished_at__gte=moment), next_cost
    yield completed.filter(start), cost


def _used_answers(completed: QuerySet[Execution], extent: Extent, workflow: Workflow) -> QuerySet[StepResult]:
    """The model answers that these executions used, each with what its call says: `day`, `asked_at`, `kept_model`, and
    `in_force`, the baseline model as it is now stated for the moment of the call."""
    call = extent.ledger().filter(pk=OuterRef("call"), reported=False)
    stated = workflow.baselines.exclude(model="").filter(valid_from__lte=OuterRef("asked_at"))
    answers = StepResult.objects.filter(status=StepResult.Status.DONE, call__isnull=False, execution__in=completed)
    return (
        answers.annotate(
            day=TruncDate("execution__finished_at", tzinfo=UTC),
            asked_at=Subquery(call.values("finished_at")),
            kept_model=Subquery(call.values("baseline_model")),
            own_cost=Subquery(call.values("cost")),
            baseline_warm=Subquery(call.values("baseline_warm")),
            baseline_cold=Subquery(call.values("baseline_cold")),
        )
        .filter(asked_at__isnull=False)
        .annotate(
            in_force=Coalesce(Subquery(stated.order_by("-valid_from", "-pk").values("model")[:1]), F("kept_model")),
        )
    )


def _repriced(days: Days, answers: QuerySet[StepResult], kept_figure: str, method: Method) -> None:
    """Each used answer at the baseline model's prices in force at its call; a used frontier answer at its own cost."""
    by_frontier = Q(answered_by=Execution.Resolver.FRONTIER)
    kept = answers.filter(by_frontier | Q(in_force=F("kept_model")))
    kept = kept.annotate(figure=Case(When(by_frontier, then=F("own_cost")), default=F(kept_figure)))
    sums = kept.values("day").annotate(total=Sum("figure"), answers=Count("pk"), priced=Count("figure"))
    for day, total, count, priced in sums.values_list("day", "total", "answers", "priced"):
        days[day].pico += total or 0
        days[day].unpriced += count - priced
    restated = answers.exclude(by_frontier).exclude(in_force=F("kept_model"))
    for day, model, call in _with_calls(restated):
        days[day].add(_reprice(call, model, method))


def _with_calls(restated: QuerySet[StepResult]) -> Iterator[tuple[date, str, Call]]:
    """The calls whose baseline a person stated after they were written, with that baseline's model."""
    rows = list(restated.values_list("day", "in_force", "call"))
    for first in range(0, len(rows), ONE_AT_A_TIME):
        some = rows[first : first + ONE_AT_A_TIME]
        calls = Call.objects.in_bulk([call for _, _, call in some])
        yield from ((day, model, calls[call]) for day, model, call in some)


def _reprice(call: Call, model: str, method: Method) -> int | None:
    price = pricing.price(call.project, model, call.finished_at, call.usage.prompt)
    if price is None:
        return None
    return price.reprice_warm(call.usage) if method == Method.REPRICED_WARM else price.reprice_cold(call.usage)
