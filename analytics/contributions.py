"""What calls and used answers add to the cells. One definition, for folding, for what is still pending, for rebuilding.

A row that comes out is a dict: of a cell's key, or of some columns of it, and of the cell's figures.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date
from operator import add
from typing import Any
from uuid import UUID

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import TruncDate

from executions.models import Execution
from gateway import pricing
from gateway.models import Call
from gateway.prices import Price, prompt_sizes
from gateway.types import ANSWERED

from .accounts import ACCOUNT
from .exact import Total
from .latency import Histogram, record
from .models import CACHE_PRICES, TOKENS, AnswerCell, AskedCell, CallCell, DailyCell

Row = dict[str, Any]

# The figures stand under names of their own in SQL: most are also columns of a call.
SUM = "sum_"
PROMPT = F("input") + F("cache_read") + F("cache_write_5m") + F("cache_write_1h")
COUNTED = {
    "calls": Count("pk", filter=Q(corrects=None)),
    "unpriced": Count("pk", filter=Q(cost=None)),
    "cost": Total("cost"),
    **{kind: Total(kind) for kind in TOKENS},
}
NO_CALLS = dict.fromkeys(CallCell.FIGURES, 0)
USED = {
    "answers": Count("pk"),
    **{name: Total(column) for name, column in (("own", "cost"), ("warm", "baseline_warm"), ("cold", "baseline_cold"))},
    "own_priced": Count("cost"),
    "warm_priced": Count("baseline_warm"),
    "cold_priced": Count("baseline_cold"),
    **{kind: Total(kind) for kind in TOKENS},
    "least_prompt": Min(PROMPT),
    "most_prompt": Max(PROMPT),
}
# What a used answer counts on all-frontier's side, warm and cold: one that the frontier gave counts at its own cost.
SIDES = {
    f"{name}_frontier{priced}": (f"own{priced}", f"{name}{priced}")
    for name in ("warm", "cold")
    for priced in ("", "_priced")
}
COUNTED_AS = {
    name: Case(When(by_frontier=True, then=F(own)), default=F(theirs)) for name, (own, theirs) in SIDES.items()
}
NO_BATCH = {"batch_saved": 0, "batch_unknown": 0}

# A call is joined to its step and its execution by hand: the ledger's ids are plain columns, which the ORM joins only by a
# subquery for each row. `+ 0`: project and workflow are compared and never searched by. Before the first ANALYZE,
# PostgreSQL would go through all calls of the workflow for each step.
STEPS = ["executions_stepresult", "executions_execution"]
THEIRS = [
    "executions_stepresult.execution_id = gateway_call.execution",
    "executions_stepresult.call = gateway_call.id",
    "executions_stepresult.status = 'done'",
    "executions_execution.id = gateway_call.execution",
    "executions_execution.project_id + 0 = gateway_call.project + 0",
    "executions_execution.workflow_id + 0 = gateway_call.workflow + 0",
    "executions_execution.simulated = gateway_call.simulated",
]
BY_FRONTIER = "executions_stepresult.answered_by = 'frontier'"


def of_calls(calls: QuerySet[Call], corrected: QuerySet[Call], by: Sequence[str] = CallCell.KEY) -> Iterable[Row]:
    """`corrected`: the calls that a new one corrects. What had no price counts as unpriced no longer, on its own day."""
    batched = False
    for row in sums(_described(calls).values(*by), COUNTED):
        batched |= row.get("batch", False)
        yield {**NO_CALLS, **row}
    for row in sums(_described(corrected).filter(cost=None).values(*by), {"unpriced": Count("pk")}):
        yield {**NO_CALLS, **row, "unpriced": -row["unpriced"]}
    if batched:
        yield from _of_batches(calls, by)


def _described(calls: QuerySet[Call]) -> QuerySet[Call]:
    """With those parts of a cell's key that are no columns of a call, and its account."""
    trial = Execution.objects.tests().filter(pk=OuterRef("execution"))
    doubted = Q(cost_state=Call.CostState.UPPER_BOUND) | Q(corrects__isnull=False)
    return calls.annotate(
        day=TruncDate("finished_at", tzinfo=UTC),
        trial=Exists(trial),
        doubted=ExpressionWrapper(doubted, BooleanField()),
    ).annotate(account=ACCOUNT)


def sums(grouped: QuerySet, figures: dict[str, Any]) -> Iterator[Row]:
    """One row for each of the `values(…)` that it is grouped by."""
    rows = grouped.annotate(**{SUM + name: figure for name, figure in figures.items()}).order_by()
    by = [*rows.query.values_select, *(name for name in rows.query.annotation_select if not name.startswith(SUM))]
    names = [*by, *figures]
    for row in rows.values_list(*by, *(SUM + name for name in figures)):
        yield dict(zip(names, row, strict=True))


def _of_batches(calls: QuerySet[Call], by: Sequence[str]) -> Iterable[Row]:
    """What each call in a batch saved against the standard price. The ledger does not hold that price: it is looked up
    when the call is folded, and stays."""
    for call in _described(calls.filter(batch=True)).iterator():
        saved = batch_saving(call)
        figures = {"batch_saved": saved or 0, "batch_unknown": int(saved is None)}
        yield {**NO_CALLS, **{name: getattr(call, name) for name in by}, **figures}


def standard_prices(call: Call) -> dict[str, int | None]:
    """`CACHE_PRICES`: of a call in a batch those that it would have had outside of one."""
    if not call.batch:
        return {name: getattr(call, name) for name in CACHE_PRICES}
    standard = _standard(call)
    return {name: pricing.to_stored(getattr(standard, name.removeprefix("price_"), None)) for name in CACHE_PRICES}


def _standard(call: Call) -> Price | None:
    return pricing.price(call.project, f"{call.provider}:{call.model_planned}", call.finished_at, call.usage.prompt)


def of_asked(calls: QuerySet[Call], by: Sequence[str] = AskedCell.KEY) -> dict[tuple, tuple[Histogram, Histogram]]:
    """How long the answered ones among these took, and their prefixes, by these columns."""
    found: dict[tuple, tuple[Histogram, Histogram]] = {}
    answered = calls.filter(outcome__in=ANSWERED, reported=False, corrects=None)
    rows = answered.annotate(day=TruncDate("finished_at", tzinfo=UTC)).order_by()
    for *key, latency_ms, prefix in rows.values_list(*by, "latency_ms", "prefix_tokens").iterator():
        latencies, prefixes = found.setdefault(tuple(key), ({}, {}))
        record(latencies, latency_ms)
        record(prefixes, prefix)
    return found


def batch_saving(call: Call) -> int | None:
    """Standard price − batch price, in pico-dollars. None where one of them is not known."""
    standard = _standard(call)
    cost = standard.cost(call.usage) if standard else None
    return None if cost is None or call.cost is None else cost - call.cost


def of_answers(executions: Collection[UUID], day: date) -> Iterable[Row]:
    """The answers that these executions, which completed on that day, used: the calls of their checkpoints. Those in a batch come
    one by one: their standard price, and what they saved against it, are looked up."""
    if not executions:
        return
    calls = Call.objects.filter(execution__among=executions, reported=False)
    used = calls.extra(tables=STEPS, where=THEIRS).annotate(  # noqa: S610
        call_day=TruncDate("finished_at", tzinfo=UTC),
        by_frontier=RawSQL(BY_FRONTIER, [], BooleanField()),  # noqa: S611
        prompt=PROMPT,
        size=Case(*(When(prompt__gte=size, then=Value(size)) for size in reversed(prompt_sizes())), default=Value(0)),
    )
    columns = [name for name in AnswerCell.KEY if name != "day"]
    batched = False
    for row in sums(used.values(*columns, "batch"), USED):
        if row.pop("batch"):
            batched = True
        else:
            yield {**row, **NO_BATCH, "day": day}
    for call in used.filter(batch=True).iterator() if batched else ():
        yield {**_of_batched_answer(call, columns), "day": day}


def _of_batched_answer(call: Call, columns: Sequence[str]) -> Row:
    saved = batch_saving(call)
    priced = {"own": call.cost, "warm": call.baseline_warm, "cold": call.baseline_cold}
    return {
        **{name: getattr(call, name) for name in columns},
        **standard_prices(call),
        "answers": 1,
        **{name: pico or 0 for name, pico in priced.items()},
        **{f"{name}_priced": int(pico is not None) for name, pico in priced.items()},
        **{kind: getattr(call, kind) for kind in TOKENS},
        **{"least_prompt": call.usage.prompt, "most_prompt": call.usage.prompt},
        **{"batch_saved": saved or 0, "batch_unknown": int(saved is None)},
    }


def counted_as(row: Row) -> Row:
    """The same of a row that is in no cell yet."""
    return {name: row[own if row["by_frontier"] else theirs] for name, (own, theirs) in SIDES.items()}


def totals(cells: QuerySet, by: Sequence[str], figures: Sequence[str]) -> list[Row]:
    """The same rows from cells."""
    model: type[DailyCell] = cells.model
    ends = {min: Min, max: Max}
    wanted = {name: ends.get(model.FIGURES.get(name, add), Total)(name) for name in figures}
    return list(sums(cells.values(*by), wanted))


def added(model: type[DailyCell], rows: Iterable[Row], by: Sequence[str], figures: Iterable[str]) -> dict[tuple, Row]:
    """One row for each key."""
    gathered: dict[tuple, Row] = {}
    for row in rows:
        key = tuple([row[name] for name in by])
        mine = gathered.get(key)
        if mine is None:
            gathered[key] = {name: row[name] for name in (*by, *figures)}
        else:
            for name in figures:
                mine[name] = model.FIGURES.get(name, add)(mine[name], row[name])
    return gathered
