"""The hot path's statements: claim an execution, load it, commit a checkpoint, end it. All of them behind the fence:
a worker that lost its lease writes nothing but what it paid."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from gateway import gateway
from gateway.models import Call, Intent, Payload
from gateway.types import Outcome
from projects.keeping import redaction
from wire import crash
from workflows import budgets
from workflows.compiled import compiled
from workflows.models import Budget

from . import statements, states
from .bell import ring_for
from .effects import CALLED, Asked, Called, Completed, Deferred, Ending, Escalated, Failed
from .models import Event, Execution, Flag, Record, Status, StepResult, deadline
from .run import Journal, Run

logger = logging.getLogger(__name__)
T = TypeVar("T")

ITERATION = "coalesce(iteration, -1)"  # as the unique indexes have it
HOLD = "SELECT id FROM executions_execution"
HELD = "WHERE id = %s AND token = %s AND status = 'running'"
EXECUTION, RECORD, EVENT, INTENT, CALL, PAYLOAD = map(
    statements.Kind, (Execution, Record, Event, Intent, Call, Payload)
)
SHARE = """
    SELECT coalesce(workflow.spot_check_share, project.spot_check_share) FROM workflows_workflow AS workflow
    JOIN projects_project AS project ON project.id = workflow.project_id
    WHERE workflow.id = executions_execution.workflow_id
"""
TAKE = f"""
    UPDATE executions_execution SET status = 'running', worker_id = %s, token = token + 1,
    started_at = coalesce(started_at, %s), waiting_for = '', resume_at = NULL
    WHERE id = %s AND status = 'queued'
    RETURNING (SELECT execution_cap FROM projects_project WHERE id = project_id), ({SHARE}), {EXECUTION.columns}
"""
# An attempt that was recorded may become the step's result later: the same row, brought up to date.
STEP = statements.Kind(
    StepResult,
    unique=("execution_id", "step", ITERATION, "attempt"),
    renew=("status", "output", "has_output", "call", "answered_by", "explanation", "finished_at"),
)
# One open flag per execution, step, item and reason: what is found again brings the one that is there up to date.
FLAG = statements.Kind(
    Flag,
    unique=("execution_id", "step", ITERATION, "reason", "edge_case"),
    renew=("attempt", "explanation", "waiting", "answered_by"),
    where="state = 'open'",
)

MAX_DEATHS = 3
MAX_DOUBTS = 10  # workers that ended while they waited for a model: that is seldom the fault of who waits
OUTAGES = ("provider", "service")  # waited for until the deadline; a limit or a budget is a person's decision
DATABASE_PATIENCE = 15.0  # seconds: less than a lease


@dataclass(frozen=True)
class Lease:
    """That this worker may write to this execution, while its token is the newest. `taken`: the row as it was taken from
    the queue, its project's cap, and the share of spot checks."""

    execution: UUID
    worker: UUID
    token: int
    deaths: int = 0
    taken: tuple[Execution, int, Decimal] | None = field(default=None, compare=False)


class LeaseLost(Exception):
    """Another worker holds the execution now; nothing was written."""


def claim(execution_id: UUID, worker_id: UUID) -> Lease | None:
    """Takes a queued execution, or one that its worker dropped: a dead one, or this very process, where no thread has it
    in hands (see `worker.holding`). None where there is nothing to take."""
    lease = _take(execution_id, worker_id) or _take_over(execution_id, worker_id)
    if lease and _is_poisoned(lease):
        end(lease, Journal(), Failed("poisoned", "This execution ended its workers again and again at the same step."))
        return None
    return lease


def _is_poisoned(lease: Lease) -> bool:
    if lease.deaths >= MAX_DEATHS:
        return True
    if lease.taken:
        return False
    doubted = Call.objects.filter(execution=lease.execution, outcome=Outcome.IN_DOUBT)
    return doubted.values("intent__worker").distinct().count() >= MAX_DOUBTS


def _take(execution_id: UUID, worker_id: UUID) -> Lease | None:
    event = states.event(execution_id, Status.QUEUED, Status.RUNNING, "worker")
    taken = statements.write(TAKE, [worker_id, timezone.now(), execution_id], [(EVENT, event)])
    if taken is None:
        return None
    cap, share, *columns = taken
    execution = statements.instance(EXECUTION, columns)
    return Lease(execution_id, worker_id, execution.token, execution.deaths, (execution, cap, _share(share)))


def _share(stated: Decimal | float | None) -> Decimal:
    """As a database gives it: SQLite knows no decimals."""
    return Decimal(str(stated or 0))


@transaction.atomic
def _take_over(execution_id: UUID, worker_id: UUID) -> Lease | None:
    dropped = Execution.objects.dropped(worker_id).filter(pk=execution_id).select_for_update(no_key=True)
    before = dropped.values("worker", "token", "deaths").first()
    if before is None:
        return None
    token, deaths, code = before["token"] + 1, before["deaths"], _cause(before["worker"], worker_id)
    # What waited for its model has hardly ended its worker.
    if code != "given_back" and not Intent.objects.filter(execution=execution_id, calls=None).exists():
        deaths += 1
    Execution.objects.filter(pk=execution_id).update(worker=worker_id, token=token, deaths=deaths)
    Event.objects.create(execution_id=execution_id, kind="take-over", actor="worker", code=code)
    settle_doubts(execution_id)
    return Lease(execution_id, worker_id, token, deaths)


def _cause(before: UUID | None, worker_id: UUID) -> str:
    """Why it is taken over: given back, or `dropped` by this very worker, which lives (its database was away, say), or the worker
    that held it died."""
    if before is None:
        return "given_back"
    return "dropped" if before == worker_id else "died"


def settle_doubts(execution_id: UUID) -> None:
    """Calls that a dead worker had in flight are in doubt: shown, counted, priced at their upper bound. Belongs behind the lock of
    the execution's row, or a late answer could come between."""
    for intent in Intent.objects.filter(execution=execution_id, calls=None):
        gateway.in_doubt(intent).save(force_insert=True)


def begin(lease: Lease) -> Run:
    """What the engine needs to begin, or to go on behind the last checkpoint."""
    if lease.taken and lease.token == 1:  # for the first time: nothing else is recorded of it yet
        execution, cap, share = lease.taken
        policy = redaction(execution.project_id)
        found = compiled(execution.version_id)
        return Run(execution, found, cap, policy, spot_check_share=share, record=_record(execution))
    return load(lease.execution)


def load(execution_id: UUID) -> Run:
    """Everything that is known of an execution."""
    execution = Execution.objects.select_related("project", "workflow").get(pk=execution_id)
    project, own = execution.project, execution.workflow.spot_check_share
    run = Run(execution, compiled(execution.version_id), project.execution_cap, redaction(project.pk))
    run.record = _record(execution)
    run.spot_check_share = _share(project.spot_check_share if own is None else own)
    rows = list(execution.steps.order_by("pk"))
    for row in rows:
        run.take_up(row)
    for call in Call.objects.filter(execution=execution_id).order_by("intended_at", "pk"):
        run.count(call)
    if any(row.iteration is not None for row in rows):
        waiting = execution.flags.standing()
        run.waiting = set(waiting.values_list("step", "iteration"))
    if any(row.kind == "review" for row in run.started.values()):
        overdue = execution.flags.filter(resolution=Flag.Resolution.OVERDUE)
        run.overdue = set(overdue.values_list("step", "iteration"))
    _recall(run, [row for row in rows if row.call and not run.is_past(row)])
    return run


def _record(execution: Execution) -> dict | None:
    """An execution that one of an evaluation or a shadow calls has none of its own: nothing is answered, and still no side effect
    happens."""
    if not execution.is_apart:
        return None
    return Record.objects.filter(pk=execution.pk).values_list("answers", flat=True).first() or {}


def _recall(run: Run, rows: list[StepResult]) -> None:
    """The answers of a step that a crash interrupted between a repair and an escalation. What came before a person said
    `retry` is past: then the step is asked anew."""
    if not rows:
        return
    retried = Flag.objects.filter(execution=run.execution.pk, resolution=Flag.Resolution.RETRY)
    retried = retried.exclude(reason=Flag.Reason.BUDGET)  # the answers were good, only the next one was too dear
    resolved = retried.order_by("resolved_at").values_list("step", "iteration", "resolved_at")
    begins = {(step, iteration): at for step, iteration, at in resolved}
    payloads = Payload.objects.select_related("call").in_bulk([row.call for row in rows])
    for row in rows:
        if row.call in payloads and (row.place not in begins or row.finished_at > begins[row.place]):
            answer = gateway.recalled(payloads[row.call])
            run.recorded.setdefault(row.place, []).append((row, answer))


def checkpoint(lease: Lease, journal: Journal, intent: Intent | None = None, started: StepResult | None = None) -> None:
    """Writes the journal and what begins now, the intent of a call or the attempt of a side effect, in one transaction, in
    which the budgets that limit the call reserve what it may cost. Raises `LeaseLost`, and `OverBudget` where one has no room
    for it: then the execution waits already."""
    if not journal and intent is None and started is None:
        return
    whole = replace(journal, steps=[*journal.steps, started]) if started else journal
    # The lock alone is the fence; the row itself changes only where deaths are forgotten behind a checkpoint.
    forgets = bool(lease.deaths and journal.steps)
    fence = f"UPDATE executions_execution SET deaths = 0 {HELD} RETURNING id" if forgets else f"{HOLD} {HELD}"
    write = partial(_write, lease, fence, [], _rows(whole) + ([(INTENT, intent)] if intent else []))
    if intent and (held_to := budgets.limiting(intent.project, intent.workflow)):
        write = partial(_reserve_or_park, lease, journal, held_to, intent, write)
    over = _commit(write, lambda: _is_written(whole, intent))
    journal.clear()
    if over:
        raise over
    if intent is not None:
        crash.at("after-intent")


def take_back(lease: Lease, started: StepResult) -> None:
    """The attempt of a side effect that never began, where the database may have committed it all the same."""
    with transaction.atomic():
        held = Execution.objects.filter(pk=lease.execution, token=lease.token, status=Status.RUNNING)
        if held.select_for_update().values("pk"):
            StepResult.objects.same_attempt(started).filter(status=StepResult.Status.STARTED).delete()


def end(lease: Lease, journal: Journal, ending: Ending, resolved_by: str = "") -> None:
    """Commits the journal together with the status that this advance ends in. Raises `LeaseLost`."""
    after, *statement = patiently(partial(_ending, lease, journal, ending, resolved_by))
    _commit(partial(_write, lease, *statement), lambda: _is(lease, status=after))
    journal.clear()


def release(lease: Lease, journal: Journal) -> None:
    """Gives a running execution back behind a checkpoint: no worker holds it, whoever looks next takes it."""
    fence = f"UPDATE executions_execution SET worker_id = NULL {HELD} RETURNING id"
    _commit(partial(_write, lease, fence, [], _rows(journal)), lambda: _is(lease, worker=None))
    journal.clear()


def _commit(write: Callable[[], T], is_written: Callable[[], bool]) -> T | None:
    """Writes once, also where the database went away before it confirmed the commit."""
    tried = False

    def attempt() -> T | None:
        nonlocal tried
        if tried and is_written():
            return None
        tried = True
        return write()

    came = patiently(attempt)
    crash.at("after-commit")
    return came


def _write(lease: Lease, fence: str, values: list[object], rows: list[statements.Row]) -> None:
    if statements.write(fence, [*values, lease.execution, lease.token], rows) is None:
        raise LeaseLost(lease.execution)
    if called := [row.pk for kind, row in rows if kind is EXECUTION]:
        transaction.on_commit(partial(ring_for, called))


@transaction.atomic
def _reserve_or_park(
    lease: Lease, journal: Journal, held_to: list[Budget], intent: Intent, write: Callable[[], None]
) -> budgets.OverBudget | None:
    """Both under the lock of the budgets: who raises one has raised it before this looks, or finds the execution waiting."""
    try:
        budgets.reserve(held_to, intent)
    except budgets.OverBudget as over:
        _, *statement = _ending(lease, journal, Deferred(over.seconds, "budget", str(over)), "")
        _write(lease, *statement)
        return over
    write()
    return None


def patiently(ask: Callable[[], T]) -> T:
    """What it gives. A database that goes away takes no paid answer with it: it is asked again until it is back. Raises what
    the database says where it stays away."""
    until = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > until:
                raise
            logger.warning("waiting for the database: %s", error)
            connection.close()
            time.sleep(0.2)


def _is(lease: Lease, **fields: object) -> bool:
    """Whether the execution is where this lease has taken it."""
    return Execution.objects.filter(pk=lease.execution, token=lease.token, **fields).exists()


def _is_written(journal: Journal, intent: Intent | None) -> bool:
    """Whether a checkpoint whose commit nobody confirmed is there: its rows were inserted together."""
    if intent is not None:
        return Intent.objects.filter(pk=intent.pk).exists()
    if journal.calls:
        return Call.objects.filter(pk=journal.calls[0][0].pk).exists()
    last = journal.steps[-1]
    return StepResult.objects.same_attempt(last).filter(status=last.status).exists()


def discard(journal: Journal) -> None:
    """What a worker paid after it had lost its lease: recorded, never used."""
    patiently(partial(_discard, journal.calls))
    journal.clear()


@transaction.atomic
def _discard(calls: list[tuple[Call, Payload]]) -> None:
    """Behind the lock of the execution, as whoever settles its calls: one of both comes first, and the other sees it."""
    executions = Execution.objects.filter(pk__in={call.execution for call, _ in calls})
    locked = executions.select_for_update(no_key=True).values_list("pk", "purged_at")
    purged = {pk for pk, purged_at in locked if purged_at}  # what was emptied stays empty
    for call, payload in calls:
        if Call.objects.filter(pk=call.pk).exists():
            continue  # its commit was confirmed by nobody, and had happened
        doubted = Call.objects.filter(intent=call.intent_id, corrects=None).first()
        gateway.late(call, doubted).save(force_insert=True)
        if call.execution not in purged:
            payload.save(force_insert=True)


def _ending(
    lease: Lease, journal: Journal, ending: Ending, resolved_by: str
) -> tuple[Status, str, list[object], list[statements.Row]]:
    """The status after, and the fence, values and rows that are written."""
    after, fields, why = _fields(lease, ending, resolved_by)
    event = states.event(lease.execution, Status.RUNNING, after, "worker", **why)
    lane = {"lane": journal.lane} if journal.lane else {}
    assigned, values = statements.changes(status=after, **fields, **lane)
    fence = f"UPDATE executions_execution SET {assigned} {HELD} RETURNING id"
    return after, fence, values, [*_rows(journal), (EVENT, event)]


def _fields(lease: Lease, ending: Ending, resolved_by: str) -> tuple[Status, dict[str, object], dict[str, str]]:
    """The status after, what else changes with it, and why, for the event."""
    now = timezone.now()
    match ending:
        case Completed(output):
            answer = {"output": statements.as_json(output), "resolved_by": resolved_by, "error": None}
            return Status.COMPLETED, {**answer, "finished_at": now}, {}
        case Escalated(reason):
            return Status.ESCALATED, {}, {"code": CALLED} if reason == CALLED else {}
        case Failed(code, detail):
            why = {"code": code, "detail": detail}
            return Status.FAILED, {"error": statements.as_json(why), "finished_at": now}, why
        case Deferred(seconds, waiting_for, detail):
            why = {"code": waiting_for, "detail": detail}
            waits = {"waiting_for": waiting_for, "error": statements.as_json(why)}
            # By the clock that the sweeper goes by, whatever this machine's says.
            ends, now = Execution.objects.values_list("deadline_at", Now()).get(pk=lease.execution)
            if waiting_for in OUTAGES and now >= ends:
                return _fields(lease, Failed("deadline", f"Its deadline passed while it waited: {detail}"), "")
            again = None if seconds is None else now + timedelta(seconds=seconds)
            if again and waiting_for in OUTAGES:
                again = min(again, ends)  # it is tried once more then, and ends in time
            return Status.WAITING, {**waits, "resume_at": again}, why
        case Asked() | Called():
            waits = (
                _asked(lease, ending) if isinstance(ending, Asked) else {"waiting_for": "workflow", "resume_at": None}
            )
            return Status.WAITING, waits, {"code": waits["waiting_for"]}
    raise TypeError(f"no such ending: {ending!r}")


def _asked(lease: Lease, review: Asked) -> dict[str, object]:
    """Time that people take is no outage: the deadline begins anew behind it."""
    [now] = Execution.objects.values_list(Now()).get(pk=lease.execution)
    again = None if review.patience is None else now + review.patience
    anew = {"deadline_at": deadline(again)} if again else {}
    return {"waiting_for": "review", "resume_at": again, **anew}


def _rows(journal: Journal) -> list[statements.Row]:
    calls = [row for call, payload in journal.calls for row in ((CALL, call), (PAYLOAD, payload))]
    called = [row for one in journal.called for row in ((EXECUTION, one), (EVENT, accepted(one, "workflow")))]
    return [*calls, *((STEP, row) for row in journal.steps), *((FLAG, flag) for flag in journal.flags), *called]


def accepted(execution: Execution, actor: str) -> Event:
    """The first event of an execution."""
    return Event(execution=execution, kind="accepted", after=Status.QUEUED, actor=actor)


def resolver(run: Run) -> str:
    """Who resolved it: a person where one answered a step, else the frontier where it did, else the workflow."""
    for who in (Execution.Resolver.HUMAN, Execution.Resolver.FRONTIER):
        if who in run.resolvers:
            return who
    return Execution.Resolver.WORKFLOW
