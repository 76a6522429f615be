"""The figures of a summary straight from the ledger and the executions' history: the truth that the cells have to equal.

It reads every row, so no report asks it. `reconcile` does, and `cells` for the rows of a day in the middle of which
somebody stated another baseline.
"""

from collections.abc import Iterator
from datetime import UTC, date
from decimal import Decimal

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, TruncDate

from executions.models import Event, Execution, Flag, Status, StepResult
from gateway import pricing
from gateway.models import Call
from gateway.types import Purpose
from workflows.models import Baseline

from .baselines import AllFrontier, Days, Method, Statements, added_up, no_days, reprice
from .contributions import batch_saving, standard_prices
from .discounts import batch_savings, cache_savings
from .exact import Total
from .extent import UNPRICED, Extent
from .latency import milliseconds, nearest_rank
from .measuring import Ended
from .models import CACHE_PRICES
from .rates import Rates, Reported
from .shadowed import Stratum
from .used import Used, used

# The ledger's column that holds a call's tokens at the baseline model's prices, as of when the call was written.
KEPT_FIGURES = {Method.REPRICED_WARM: "baseline_warm", Method.REPRICED_COLD: "baseline_cold"}
ONE_AT_A_TIME = 500  # calls repriced per query: SQLite bounds the parameters of a statement


class Ledger:
    """A source of `costs.summarise`: of an extent from the beginning, and of windows at its end."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent

    def accounts(self) -> list[tuple[date, str, int, int]]:
        account = Case(
            When(Q(cost_state=Call.CostState.UPPER_BOUND) | Q(corrects__isnull=False), then=Value("in_doubt_cost")),
            When(purpose__in=[Purpose.DESIGN, Purpose.REDESIGN], then=Value("design_measured")),
            When(purpose__in=[Purpose.EVALUATION, Purpose.JUDGE], then=Value("evaluation_cost")),
            When(purpose=Purpose.SHADOW, then=Value("shadow_cost")),
            When(execution__in=self.extent.trials().values("pk"), then=Value("evaluation_cost")),
            default=Value("execution_cost"),
            output_field=CharField(),
        )
        calls = self.extent.calls().annotate(day=TruncDate("finished_at", tzinfo=UTC), account=account)
        sums = calls.values("day", "account").annotate(total=Total("cost"), unpriced=Count("pk", filter=UNPRICED))
        return list(sums.values_list("day", "account", "total", "unpriced"))

    def completed(self) -> dict[date, int]:
        completed = self.extent.completed().annotate(day=TruncDate("finished_at", tzinfo=UTC))
        return dict(completed.values("day").annotate(count=Count("pk")).values_list("day", "count"))

    def completed_strata(self) -> list[Ended]:
        flagged = Exists(Flag.objects.escalating().filter(execution=OuterRef("pk")))
        completed = self.extent.completed().annotate(day=TruncDate("finished_at", tzinfo=UTC), flagged=flagged)
        counts = completed.values("day", "workflow", "version", "flagged").annotate(count=Count("pk")).order_by()
        rows = counts.values_list("day", "workflow", "version", "flagged", "count")
        return [
            Ended(day, workflow, Stratum(version, flagged), count) for day, workflow, version, flagged, count in rows
        ]

    def all_frontier(self, method: Method) -> Days:
        days = no_days()
        column, empty = ("cost_per_execution", None) if method == Method.DECLARED else ("model", "")
        stated = Statements.by_workflow(self.extent, column, empty)
        for workflow in self.extent.workflows():
            completed = self.extent.completed().filter(workflow=workflow)
            if method == Method.DECLARED:
                declare(days, completed, stated.get(workflow.pk, Statements([])))
            else:
                reprice_answers(days, used_answers(completed, self.extent, workflow.pk), method)
        return days

    def all_frontier_of_step(self, workflow: int, version: int, step: str) -> AllFrontier:
        days, completed = no_days(), self.extent.completed().filter(workflow=workflow, version=version)
        reprice_answers(days, used_answers(completed, self.extent, workflow).filter(step=step), Method.REPRICED_WARM)
        return added_up(days.values())

    def used(self, window: Extent) -> Used:
        own = unpriced = 0
        ours: list[Call] = []
        for workflow in window.workflows():
            answers = used_answers(window.completed().filter(workflow=workflow), self.extent, workflow.pk)
            sums = answers.aggregate(total=Total("own_cost"), answers=Count("pk"), priced=Count("own_cost"))
            own, unpriced = own + sums["total"], unpriced + sums["answers"] - sums["priced"]
            others = answers.exclude(answered_by=Execution.Resolver.FRONTIER)
            ours += Call.objects.filter(pk__in=others.values("call"))
        savings = [batch_saving(call) for call in ours if call.batch]
        return used(
            own=own,
            unpriced=unpriced,
            cached=(one for call in ours for one in _cached(call)),
            batched=sum(saving or 0 for saving in savings),
            unknown=savings.count(None),
        )

    def pinned_model(self, window: Extent) -> str | None:
        last = window.completed().order_by("-finished_at", "-pk")  # of two at one moment the later one
        return last.values_list("baseline_model", flat=True).first()

    def rates(self, window: Extent) -> Rates:
        finished = _finished(window)
        made = window.calls().filter(corrects=None).exclude(execution__in=window.trials())
        moments = window.completed().values_list("created_at", "finished_at")
        latencies = sorted(milliseconds(accepted, finished_at) for accepted, finished_at in moments.iterator())
        return Rates(
            executions=window.executions().filter(window.within("created_at")).count(),
            finished=finished.count(),
            escalated=finished.filter(Exists(Flag.objects.escalating().filter(execution=OuterRef("pk")))).count(),
            step_calls=made.filter(purpose=Purpose.STEP).count(),
            repair_calls=made.filter(purpose=Purpose.REPAIR).count(),
            p50_ms=nearest_rank(latencies, 50),
            p95_ms=nearest_rank(latencies, 95),
        )

    def reported(self, window: Extent) -> Reported:
        calls = window.ledger().filter(window.within("finished_at"), reported=True)
        sums = calls.aggregate(made=Count("pk"), unpriced=Count("pk", filter=UNPRICED), total=Total("cost"))
        return Reported(window.reported().count(), sums["made"], sums["total"], sums["unpriced"])

    def cache_savings(self, window: Extent) -> Decimal | None:
        return caches_saved(window.calls())

    def batch_savings(self, window: Extent) -> Decimal | None:
        return batches_saved(window.calls())


def caches_saved(calls: QuerySet[Call]) -> Decimal | None:
    kinds = ("cache_read", "cache_write_5m", "cache_write_1h")
    sums = {f"tokens_{kind}": Total(kind) for kind in kinds}
    rows = calls.values(*CACHE_PRICES).annotate(**sums).order_by()
    return cache_savings(
        (row[f"tokens_{kind}"], row["price_input"], row[f"price_{kind}"]) for row in rows for kind in kinds
    )


def batches_saved(calls: QuerySet[Call]) -> Decimal | None:
    return batch_savings(batch_saving(call) for call in calls.filter(batch=True).iterator())


def _cached(call: Call) -> Iterator[tuple[int, int | None, int | None]]:
    """Tokens of each kind of the cache, with the standard prices of input and of that kind."""
    prices = standard_prices(call)
    for kind in ("cache_read", "cache_write_5m", "cache_write_1h"):
        yield getattr(call, kind), prices["price_input"], prices[f"price_{kind}"]


def declare(days: Days, completed: QuerySet[Execution], stated: Statements) -> None:
    """Σ of the cost per execution that was in force when each completed."""
    for period, cost in stated.periods("finished_at"):
        counted = completed.filter(period).annotate(day=TruncDate("finished_at", tzinfo=UTC)).values("day")
        for day, count in counted.annotate(count=Count("pk")).values_list("day", "count"):
            days[day].add(count * (cost or 0), count if cost is None else 0)


def used_answers(completed: QuerySet[Execution], extent: Extent, workflow: int) -> QuerySet[StepResult]:
    """The model answers that these executions used, each with what its call says: `day`, `asked_at`, `kept_model`, and
    `in_force`, the baseline model as it is now stated for the moment of the call."""
    call = extent.ledger().filter(pk=OuterRef("call"), reported=False)
    stated = Baseline.objects.filter(workflow=workflow, valid_from__lte=OuterRef("asked_at")).exclude(model="")
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


def reprice_answers(days: Days, answers: QuerySet[StepResult], method: Method) -> None:
    """Each used answer at the baseline model's prices in force at its call; a used frontier answer at its own cost."""
    by_frontier = Q(answered_by=Execution.Resolver.FRONTIER)
    kept = answers.filter(by_frontier | Q(in_force=F("kept_model")))
    kept = kept.annotate(figure=Case(When(by_frontier, then=F("own_cost")), default=F(KEPT_FIGURES[method])))
    sums = kept.values("day").annotate(total=Total("figure"), answers=Count("pk"), priced=Count("figure"))
    for day, total, count, priced in sums.values_list("day", "total", "answers", "priced"):
        days[day].add(total, count - priced)
    restated = answers.exclude(by_frontier).exclude(in_force=F("kept_model"))
    for day, model, call in _with_calls(restated):
        price = pricing.price(call.project, model, call.finished_at, call.usage.prompt)
        pico = reprice(price, call.usage, method)
        days[day].add(pico or 0, int(pico is None))


def _with_calls(restated: QuerySet[StepResult]) -> Iterator[tuple[date, str, Call]]:
    """The calls whose baseline a person stated after they were written, with that baseline's model."""
    rows = list(restated.values_list("day", "in_force", "call"))
    for first in range(0, len(rows), ONE_AT_A_TIME):
        some = rows[first : first + ONE_AT_A_TIME]
        calls = Call.objects.in_bulk([call for _, _, call in some])
        yield from ((day, model, calls[call]) for day, model, call in some)


def _finished(extent: Extent) -> QuerySet[Execution]:
    """Completed or failed in these days, or escalated in them and still so at their end. The history says so, not the
    row: what was escalated at the end of last month may have been answered since."""
    ended = extent.within("finished_at") & Q(status__in=[Status.COMPLETED, Status.FAILED])
    moves = Event.objects.filter(extent.before_end("at"), kind="status")
    moved_on = moves.filter(execution=OuterRef("execution"), pk__gt=OuterRef("pk"))
    escalated = moves.filter(extent.within("at"), ~Exists(moved_on), after=Status.ESCALATED)
    escalated = escalated.filter(execution__project=extent.project)
    return extent.executions().filter(ended | Q(pk__in=escalated.values("execution")))
