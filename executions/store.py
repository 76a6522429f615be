"""The hot path's statements: claim an execution, load it, commit a checkpoint, end it. All of them behind the fence:
a worker that lost its lease writes nothing but what it paid."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Case, F, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from gateway import gateway
from gateway.models import Call, Intent, Payload
from workflows.compiled import compiled

from . import states
from .effects import Completed, Deferred, Ending, Escalated, Failed
from .models import Event, Execution, Flag, Status, StepResult
from .run import Journal, Run

logger = logging.getLogger(__name__)

MAX_DEATHS = 3
DATABASE_PATIENCE = 15.0  # seconds: less than a lease


@dataclass(frozen=True)
class Lease:
    """That this worker may write to this execution, while its token is the newest."""

    execution: UUID
    worker: UUID
    token: int


class LeaseLost(Exception):
    """Another worker holds the execution now; nothing was written."""


@transaction.atomic
def claim(execution_id: UUID, worker_id: UUID) -> Lease | None:
    """Takes a queued execution, or one that its worker dropped: a dead one, or this very process, where no thread has it
    in hands (see `worker.holding`). None where there is nothing to take."""
    fields = {"worker_id": worker_id, "token": F("token") + 1, "waiting_for": "", "resume_at": None}
    started = Coalesce("started_at", timezone.now())
    if not states.move(execution_id, Status.QUEUED, Status.RUNNING, actor="worker", started_at=started, **fields):
        deaths = Case(When(worker=None, then=F("deaths")), default=F("deaths") + 1)  # given back is not died
        if not Execution.objects.dropped(worker_id).filter(pk=execution_id).update(deaths=deaths, **fields):
            return None
        Event.objects.create(execution_id=execution_id, kind="take-over", actor="worker")
        settle_doubts(execution_id)
    execution = Execution.objects.only("token", "deaths").get(pk=execution_id)
    lease = Lease(execution_id, worker_id, execution.token)
    if execution.deaths >= MAX_DEATHS:
        end(lease, Journal(), Failed("poisoned", f"This execution ended {MAX_DEATHS} workers at the same step."))
        return None
    return lease


def settle_doubts(execution_id: UUID) -> None:
    """Calls that a dead worker had in flight are in doubt: shown, counted, priced at their upper bound."""
    for intent in Intent.objects.filter(execution=execution_id, calls=None):
        gateway.in_doubt(intent).save(force_insert=True)


def load(execution_id: UUID) -> Run:
    """Everything the engine needs to go on behind the last checkpoint."""
    execution = Execution.objects.select_related("project").get(pk=execution_id)
    run = Run(execution, compiled(execution.version_id), cap=execution.project.execution_cap)
    rows = list(execution.steps.order_by("pk"))
    for row in rows:
        run.attempts[row.step] = row.attempt
        if row.status in (StepResult.Status.DONE, StepResult.Status.SKIPPED):
            run.outputs[row.step] = row.output
            run.resolvers.add(row.answered_by)
        elif row.status == StepResult.Status.STARTED:
            run.started[row.step] = row
    for call in Call.objects.filter(execution=execution_id).order_by("intended_at", "pk"):
        run.count(call)
    _recall(run, [row for row in rows if row.step not in run.outputs and row.call])
    return run


def _recall(run: Run, rows: list[StepResult]) -> None:
    """The answers of a step that a crash interrupted between a repair and an escalation. What came before a person said
    `retry` is past: then the step is asked anew."""
    if not rows:
        return
    retried = Flag.objects.filter(execution=run.execution.pk, resolution=Flag.Resolution.RETRY)
    retried = retried.exclude(reason=Flag.Reason.BUDGET)  # the answers were good, only the next one was too dear
    begins = dict(retried.order_by("resolved_at").values_list("step", "resolved_at"))
    payloads = Payload.objects.select_related("call").in_bulk([row.call for row in rows])
    for row in rows:
        if row.call in payloads and (row.step not in begins or row.finished_at > begins[row.step]):
            answer = gateway.recalled(payloads[row.call])
            run.recorded.setdefault(row.step, []).append((row, answer))


def checkpoint(lease: Lease, journal: Journal, intent: Intent | None = None) -> None:
    """Writes the journal and the intent of the next call in one transaction. Raises `LeaseLost`."""
    if not journal and intent is None:
        return

    def write() -> None:
        held = Execution.objects.filter(pk=lease.execution, token=lease.token, status=Status.RUNNING)
        if not held.update(deaths=0 if journal.steps else F("deaths")):
            raise LeaseLost(lease.execution)
        _write(journal)
        if intent is not None:
            intent.save(force_insert=True)

    _commit(write, lambda: _is_written(journal, intent))
    journal.clear()


def end(lease: Lease, journal: Journal, ending: Ending, resolved_by: str = "") -> None:
    """Commits the journal together with the status that this advance ends in. Raises `LeaseLost`."""
    after, fields = _fields(lease, ending, resolved_by)

    def write() -> None:
        if not states.move(lease.execution, Status.RUNNING, after, actor="worker", held=lease.token, **fields):
            raise LeaseLost(lease.execution)
        _write(journal)

    ended = Execution.objects.filter(pk=lease.execution, token=lease.token, status=after)
    _commit(write, ended.exists)
    journal.clear()


def release(lease: Lease, journal: Journal) -> None:
    """Gives a running execution back behind a checkpoint: no worker holds it, whoever looks next takes it."""

    def write() -> None:
        held = Execution.objects.filter(pk=lease.execution, token=lease.token, status=Status.RUNNING)
        if not held.update(worker=None):
            raise LeaseLost(lease.execution)
        _write(journal)

    _commit(write, lambda: _is_written(journal, None))
    journal.clear()


def _commit(write: Callable[[], None], is_written: Callable[[], bool]) -> None:
    """One transaction. A database that goes away takes no paid answer with it: it is written as soon as the database is
    back, unless the commit had reached it. Raises what the database says where it stays away."""
    until = time.monotonic() + DATABASE_PATIENCE
    lost = False
    while True:
        try:
            if not (lost and is_written()):
                with transaction.atomic():
                    write()
            return
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > until:
                raise
            logger.warning("a checkpoint waits for the database: %s", error)
            lost = True
            connection.close()
            time.sleep(0.2)


def _is_written(journal: Journal, intent: Intent | None) -> bool:
    """Whether a checkpoint whose commit nobody confirmed is there: its rows were inserted together."""
    if intent is not None:
        return Intent.objects.filter(pk=intent.pk).exists()
    if journal.calls:
        return Call.objects.filter(pk=journal.calls[0][0].pk).exists()
    rows = [(row.step, row.attempt) for row in journal.steps if row.pk is None]
    return (
        bool(rows)
        and StepResult.objects.filter(
            execution=journal.steps[0].execution_id, step=rows[0][0], attempt=rows[0][1]
        ).exists()
    )


def discard(journal: Journal) -> None:
    """What a worker paid after it had lost its lease: recorded, never used."""
    with transaction.atomic():
        for call, payload in journal.calls:
            if Call.objects.filter(pk=call.pk).exists():
                continue  # its commit was confirmed by nobody, and had happened
            doubted = Call.objects.filter(intent=call.intent_id, corrects=None).first()
            gateway.late(call, doubted).save(force_insert=True)
            payload.save(force_insert=True)
    journal.clear()


def _fields(lease: Lease, ending: Ending, resolved_by: str) -> tuple[Status, dict]:
    now = timezone.now()
    match ending:
        case Completed(output):
            return Status.COMPLETED, {"output": output, "resolved_by": resolved_by, "finished_at": now, "error": None}
        case Escalated():
            return Status.ESCALATED, {}
        case Failed(code, detail):
            error = {"code": code, "detail": detail}
            return Status.FAILED, {"error": error, "finished_at": now, "detail": detail}
        case Deferred(seconds, waiting_for, detail):
            if now > Execution.objects.values_list("deadline_at", flat=True).get(pk=lease.execution):
                return _fields(lease, Failed("deadline", f"Its deadline passed while it waited: {detail}"), "")
            again = now + timedelta(seconds=seconds)
            waits = {"waiting_for": waiting_for, "resume_at": again}
            return Status.WAITING, {**waits, "error": {"code": waiting_for, "detail": detail}, "detail": detail}
    raise TypeError(f"no such ending: {ending!r}")


def _write(journal: Journal) -> None:
    for call, payload in journal.calls:
        call.save(force_insert=True)
        payload.save(force_insert=True)
    new = [row for row in journal.steps if row.pk is None]
    for row in journal.steps:
        if row.pk is not None:
            row.save()
    StepResult.objects.bulk_create(new)
    for flag in journal.flags:
        _write_flag(flag)


def _write_flag(flag: Flag) -> None:
    """One open flag per execution, step and reason: what is found again brings the one that is there up to date."""
    same = {name: getattr(flag, name) for name in ("execution_id", "step", "reason", "edge_case")}
    found = {name: getattr(flag, name) for name in ("attempt", "explanation", "waiting", "answered_by")}
    if not Flag.objects.filter(**same, state=Flag.State.OPEN).update(**found):
        flag.save(force_insert=True)


def resolver(run: Run) -> str:
    """Who resolved it: a person where one answered a step, else the frontier where it did, else the workflow."""
    for who in (Execution.Resolver.HUMAN, Execution.Resolver.FRONTIER):
        if who in run.resolvers:
            return who
    return Execution.Resolver.WORKFLOW
