"""Building the cells anew, one day of a project at a time: a cell is what the ledger holds and no pending row names.

Every step is a transaction of its own, and after each one every figure is exact: what is pending stays so, and is folded
as ever. So it may run while the service does, and it may be killed.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, timedelta
from functools import partial
from uuid import UUID

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from executions.models import Event, Execution, Status
from gateway.models import Call
from projects.models import Project

from . import standings
from .contributions import Row, of_answers, of_asked, of_calls
from .extent import midnight
from .models import AnswerCell, AskedCell, CallCell, Escalation, ExecutionCell, LatencyCell, Pending, Standing
from .snapshot import alone
from .standings import NO_LANE, NOTHING, Changes, counted, parts, stand
from .store import put, put_histograms

CELLS = (CallCell, ExecutionCell, AnswerCell, LatencyCell, AskedCell)
A_MOMENT = 0.05  # seconds, while somebody else is folding


def rebuild(project: Project) -> Iterator[tuple[int, int]]:
    """Yields how many of how many steps are done."""
    strangers = _strangers(project)
    steps = [partial(_rebuild_day, project, day, strangers) for day in _days(project)]
    steps += [partial(_rebuild_escalations, part) for part in parts(_ever_escalated(project))]
    for done, step in enumerate(steps, start=1):
        _alone(step)
        yield done, len(steps)


def _alone(step: Callable[[], None]) -> None:
    while True:
        with alone() as we_are:
            if we_are:
                step()
                return
        time.sleep(A_MOMENT)


def _rebuild_day(project: Project, day: date, strangers: list[int]) -> None:
    for model in CELLS:
        model.objects.filter(project=project.pk, day=day).delete()
    folded, corrected = _calls(project, day, strangers)
    put(CallCell, of_calls(folded, corrected))
    put_histograms(AskedCell, of_asked(folded))
    put(ExecutionCell, [*_accepted(project, day), *_reported(project, day)])
    ended = _ended(project, day)
    Standing.objects.filter(project=project.pk, day=day).delete()
    standings.apply(ended)


def _calls(project: Project, day: date, strangers: list[int]) -> tuple[QuerySet[Call], QuerySet[Call]]:
    """The folded calls of a day, and those whose correction is folded: each was counted when its own row was folded, and
    became priced when that of its correction was."""
    by_index = Q(workflow__in=[*_workflows(project), *strangers]) | Q(workflow=None)
    calls = Call.objects.filter(by_index, _on(day, "finished_at"), project=project.pk)
    pending = Pending.objects.filter(project=project.pk)
    folded = calls.exclude(pk__in=pending.filter(call__isnull=False).values("call"))
    corrected = calls.filter(correction__isnull=False)
    corrected = corrected.exclude(pk__in=pending.filter(corrects__isnull=False).values("corrects"))
    return folded, corrected


def _accepted(project: Project, day: date) -> list[Row]:
    folded = _known(project).production().filter(_on(day, "created_at"))
    counts = folded.values("workflow", "version", "simulated").annotate(accepted=Count("pk"))
    return [{**NOTHING, "project": project.pk, "lane": NO_LANE, "day": day, **row} for row in counts.order_by()]


def _reported(project: Project, day: date) -> list[Row]:
    return standings.reported(_known(project).filter(_on(day, "finished_at"), workflow__in=_workflows(project)))


def _known(project: Project) -> QuerySet[Execution]:
    """Those whose acceptance is folded."""
    pending = Pending.objects.filter(project=project.pk, accepted=True)
    return Execution.objects.filter(project=project.pk).exclude(pk__in=pending.values("execution"))


def _ended(project: Project, day: date) -> Changes:
    """As if none of the executions that ended on that day had been counted before. One that stands in the cells of another
    day is left to whoever folds next."""
    executions = Execution.objects.filter(_on(day, "finished_at"), workflow__in=_workflows(project))
    elsewhere = Exists(Standing.objects.filter(execution=OuterRef("pk")).exclude(day=day))
    for execution, workflow in executions.filter(elsewhere).values_list("pk", "workflow"):
        Pending.objects.create(project=project.pk, workflow=workflow, execution=execution, accepted=False)
    result, completed = Changes(), []
    for row in counted(executions.exclude(elsewhere)):
        now = stand(row)
        result.move(row, None, now)
        if now and now.ended == Status.COMPLETED:
            completed.append(row.id)
    result.answers = list(of_answers(completed, day))
    return result


def _rebuild_escalations(executions: list[UUID]) -> None:
    found = standings.escalations(counted(Execution.objects.filter(pk__among=executions)))
    Escalation.objects.filter(execution__among=executions).delete()
    Escalation.objects.bulk_create(found)


def _ever_escalated(project: Project) -> list[UUID]:
    moves = Event.objects.filter(kind="status", after=Status.ESCALATED, execution__project=project)
    kept = Escalation.objects.filter(project=project.pk)
    return sorted({*moves.values_list("execution", flat=True), *kept.values_list("execution", flat=True)})


def _days(project: Project) -> list[date]:
    """Every day from the first to the last of which there is a row or a cell."""
    mine = {"project": project.pk}
    ends = [
        *Call.objects.filter(**mine).aggregate(a=Min("finished_at"), z=Max("finished_at")).values(),
        *Execution.objects.filter(**mine)
        .aggregate(a=Min("created_at"), z=Max("finished_at"), y=Max("created_at"))
        .values(),
    ]
    days = [moment.astimezone(UTC).date() for moment in ends if moment]
    for model in (*CELLS, Standing):
        days += [day for day in model.objects.filter(**mine).aggregate(a=Min("day"), z=Max("day")).values() if day]
    return [min(days) + timedelta(days=n) for n in range((max(days) - min(days)).days + 1)] if days else []


def _workflows(project: Project) -> list[int]:
    """The indexes of calls and of ended executions start with the workflow, not with the day."""
    return list(project.workflows.values_list("pk", flat=True))


def _strangers(project: Project) -> list[int]:
    """Workflows that the project's ledger names and the project has not. `reconcile` says so; their calls still count."""
    named = Call.objects.filter(project=project.pk, workflow__isnull=False).values_list("workflow", flat=True)
    return sorted(set(named.distinct()).difference(_workflows(project)))


def _on(day: date, field: str) -> Q:
    return Q(**{f"{field}__gte": midnight(day), f"{field}__lt": midnight(day + timedelta(days=1))})
