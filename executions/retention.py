"""Texts go when their project says so: so many days after an execution has ended, or by a command. What is left tells what it
cost, what became of it and when: the ledger, counts, hashes, statuses and times are never touched, so no report changes.

Every worker does it beside executing, a little at a time; several at once take different executions.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.dispatch import Signal
from django.utils import timezone

from gateway.models import Call, Payload
from projects.fields import VerbatimJSONField
from projects.models import Project

from .models import FINAL, Event, Execution, Feedback, Flag, Record, Report, Status, StepResult

AT_ONCE = 200  # executions in one transaction
SECONDS = 0.5  # that a round of the housekeeping gives it
RETRIED_WITHIN = timedelta(days=1)  # so long a failed execution keeps the answers that a retry would not pay again
forgotten = Signal()  # `executions`: ids; whoever above has words of them lets them go, in the same transaction
NULL = Value(None, VerbatimJSONField())


def purge_the_old() -> None:
    """A worker's duty: what has ended longer ago than its project keeps texts."""
    until = time.monotonic() + SECONDS
    for project, days in Project.objects.exclude(retention_days=None).values_list("pk", "retention_days"):
        before = timezone.now() - timedelta(days=days)
        while time.monotonic() < until and purge(project, before, "retention") == AT_ONCE:
            pass


@transaction.atomic
def purge(project_id: int, before: datetime, actor: str) -> int:
    """Deletes the texts of some of the project's executions that ended before, the oldest first; of how many."""
    found = Execution.objects.to_purge(project_id, before).order_by("finished_at")
    locked = found.select_for_update(skip_locked=True, no_key=True, of=("self",))
    return _purge(list(locked.values_list("pk", "error")[:AT_ONCE]), actor)


@transaction.atomic
def purge_copies(executions: Collection[UUID], actor: str) -> None:
    """Deletes the texts of those of them that have ended, whenever that was: they are copies of texts that go now."""
    found = Execution.objects.filter(pk__in=executions, status__in=FINAL, purged_at=None).order_by("pk")
    if rows := list(found.select_for_update(no_key=True, of=("self",)).values_list("pk", "error")):
        _purge(rows, actor)


def _purge(rows: list[tuple[UUID, dict | None]], actor: str) -> int:
    _forget([pk for pk, _ in rows], actor)
    for code, ids in _by_code(rows).items():
        Execution.objects.filter(pk__in=ids).update(error={"code": code, "detail": None})
    return len(rows)


def forget_answers() -> None:
    """A worker's duty, of projects that keep no texts of calls: answers that nobody can need any more."""
    its = Execution.objects.filter(pk=OuterRef("execution"))
    ended = its.filter(status__in=(Status.COMPLETED, Status.CANCELLED))
    failed = its.filter(status=Status.FAILED, finished_at__lt=timezone.now() - RETRIED_WITHIN)
    calls = Call.objects.filter(Q(execution=None) | Exists(ended) | Exists(failed), payload__transient=True)
    Payload.objects.filter(pk__in=list(calls.values_list("pk", flat=True)[: 5 * AT_ONCE])).delete()


def _forget(ids: list[UUID], actor: str) -> None:
    now = timezone.now()
    Payload.objects.filter(call__in=Call.objects.filter(execution__in=ids)).delete()
    StepResult.objects.filter(execution__in=ids).update(output=None, has_output=False, rationale="", explanation="")
    Flag.objects.filter(execution__in=ids).update(explanation="", note="")
    Feedback.objects.filter(execution__in=ids).update(output=None, has_output=False, note="")
    Record.objects.filter(execution__in=ids).delete()
    Report.objects.filter(execution__in=ids).update(unexpected=[], update="")
    forgotten.send(Execution, executions=ids)
    Execution.objects.filter(pk__in=ids).update(input=NULL, output=None, metadata={}, purged_at=now)
    Event.objects.bulk_create([Event(execution_id=pk, kind="purged", actor=actor, at=now) for pk in ids])


def _by_code(rows: Iterable[tuple[UUID, dict | None]]) -> dict[str, list[UUID]]:
    """Why it failed, in one word, stays; the sentence goes."""
    found = defaultdict(list)
    for pk, error in rows:
        if error:
            found[error["code"]].append(pk)
    return found
