"""How often and how fast: executions accepted and finished, escalations, repairs, and the latency of what completed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from executions.models import Event, Execution, Flag, Status
from gateway.types import Purpose

from .extent import Extent


@dataclass(frozen=True)
class Rates:
    """Of production executions and their calls. `escalated` had a flag that reached a rung: a tier or a person."""

    executions: int
    finished: int
    escalated: int
    step_calls: int
    repair_calls: int
    p50_ms: int | None
    p95_ms: int | None


def rates_of(extent: Extent) -> Rates:
    finished = _finished(extent)
    reached = Flag.objects.filter(execution=OuterRef("pk"))
    made = extent.calls().filter(corrects=None).exclude(execution__in=extent.trials())
    calls = made.aggregate(
        step=Count("pk", filter=Q(purpose=Purpose.STEP)), repair=Count("pk", filter=Q(purpose=Purpose.REPAIR))
    )
    latencies = _latencies(extent.completed())
    return Rates(
        executions=extent.executions().filter(extent.within("created_at")).count(),
        finished=finished.count(),
        escalated=finished.filter(Exists(reached)).count(),
        step_calls=calls["step"],
        repair_calls=calls["repair"],
        p50_ms=percentile(latencies, 50),
        p95_ms=percentile(latencies, 95),
    )


def percentile(ordered: list[int], percent: int) -> int | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank). None of nothing."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)
    return ordered[rank - 1]


def _finished(extent: Extent) -> QuerySet[Execution]:
    """Completed or failed in these days, or escalated in them and still so at their end. The history says so, not the
    row: what was escalated at the end of last month may have been answered since."""
    ended = extent.within("finished_at") & Q(status__in=[Status.COMPLETED, Status.FAILED])
    moves = Event.objects.filter(extent.before_end("at"), kind="status")
    moved_on = moves.filter(execution=OuterRef("execution"), pk__gt=OuterRef("pk"))
    escalated = moves.filter(extent.within("at"), ~Exists(moved_on), after=Status.ESCALATED)
    escalated = escalated.filter(execution__project=extent.project)
    return extent.executions().filter(ended | Q(pk__in=escalated.values("execution")))


def _latencies(completed: QuerySet[Execution]) -> list[int]:
    """Milliseconds from acceptance to the end, shortest first."""
    moments = completed.values_list("created_at", "finished_at")
    return sorted(_milliseconds(accepted, finished) for accepted, finished in moments.iterator())


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
