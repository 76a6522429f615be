"""What a crash leaves behind, and how the next worker goes on: lease, fence, calls in doubt, side effects."""

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from executions import engine, queue, store, turns, worker
from executions.drivers import plain
from executions.effects import AskModel, Completed
from executions.models import Event, Execution, Flag, StepResult, Worker
from executions.run import Journal
from gateway import gateway
from gateway.models import Call, Intent, Payload
from projects.tools import ToolError, tool
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100}


def accepted(workflow):
    return queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")


def dead_worker():
    return Worker.objects.create(name="gone", ended_at=timezone.now())


def with_a_call_in_flight(lease):
    """The engine as far as its first paid call, whose intent is committed, and no further."""
    run = store.load(lease.execution)
    generator, answer = engine.advance(run), None
    while not isinstance(effect := generator.send(answer), AskModel):
        answer = turns.compute(run, effect)
    store.checkpoint(lease, run.journal, effect.intent)
    return effect


def test_only_one_worker_claims_an_execution():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    other = Worker.objects.create(name="other")
    assert store.claim(execution.pk, worker.current()) is not None
    assert store.claim(execution.pk, other.pk) is None


def test_a_second_bell_finds_the_execution_in_another_threads_hands():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    with worker.holding(execution.pk) as free:
        plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (free, execution.status) == (True, "queued")


def test_what_this_process_dropped_is_taken_up_again():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    store.claim(execution.pk, worker.current())  # and then the thread broke, without a last write
    assert queue.dropped(worker.current(), in_hands=set()) == [execution.pk]
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.token) == ("completed", 2)


def test_a_silent_workers_execution_is_its_own_until_somebody_calls_it_dead():
    """Behind an outage of the database nobody was heard: a late bell must not take what lives."""
    models_answer(GOOD)
    execution = accepted(make_workflow())
    silent = Worker.objects.create(name="silent")
    store.claim(execution.pk, silent.pk)
    Worker.objects.filter(pk=silent.pk).update(seen_at=Now() - timedelta(seconds=21))
    assert store.claim(execution.pk, worker.current()) is None
    queue.bury()
    assert store.claim(execution.pk, worker.current()).token == 2


def test_a_dead_workers_execution_is_taken_over_behind_its_checkpoint():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    lease = store.claim(execution.pk, dead_worker().pk)
    run = store.load(execution.pk)
    code = StepResult(execution_id=execution.pk, step="clean", kind="code", status="done", output={"text": "A refund"})
    run.journal.steps.append(code)
    store.checkpoint(lease, run.journal)
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.token, execution.deaths) == ("completed", 2, 1)
    assert StepResult.objects.filter(step="clean").count() == 1
    assert Event.objects.filter(execution=execution, kind="take-over").count() == 1


def test_a_call_in_flight_at_a_crash_is_in_doubt_at_its_upper_bound_and_made_again():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    lease = store.claim(execution.pk, dead_worker().pk)
    effect = with_a_call_in_flight(lease)
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    calls = list(Call.objects.order_by("intended_at").values_list("outcome", "attempt", "cost_state"))
    assert execution.status == "completed"
    assert calls == [("in_doubt", 1, "upper_bound"), ("ok", 2, "priced")]
    assert Call.objects.get(outcome="in_doubt").cost == effect.intent.upper_bound


def test_a_worker_that_lost_its_lease_writes_nothing_but_what_it_paid():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    stale = store.claim(execution.pk, dead_worker().pk)
    store.claim(execution.pk, worker.current())
    with pytest.raises(store.LeaseLost):
        store.end(stale, Journal(), Completed({"kind": "other"}))
    execution.refresh_from_db()
    assert (execution.status, execution.output) == ("running", None)


def test_a_late_answer_corrects_the_call_in_doubt_to_the_truth():
    models_answer(GOOD)
    execute(make_workflow())
    paid = Call.objects.get()
    intent = Intent.objects.create(
        **{name: getattr(paid, name) for name in Intent.SHARED}, upper_bound=900_000_000, worker=None
    )
    gateway.in_doubt(intent).save(force_insert=True)
    late = Call(intent=intent, **{name: getattr(paid, name) for name in Intent.SHARED}, outcome="ok", cost=150_000_000)
    store.discard(Journal(calls=[(late, Payload(call=late, request={}))]))
    rows = Call.objects.filter(intent=intent).order_by("pk").values_list("outcome", "cost")
    assert sorted(rows) == [("discarded", -750_000_000), ("in_doubt", 900_000_000)]


def test_an_execution_that_ends_its_workers_is_poisoned():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    for _ in range(3):
        store.claim(execution.pk, dead_worker().pk)
    assert store.claim(execution.pk, worker.current()) is None
    execution.refresh_from_db()
    assert (execution.status, execution.error["code"]) == ("failed", "poisoned")


def test_an_execution_that_waited_for_its_model_is_not_poisoned_with_its_neighbour():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    for _ in range(10):
        with_a_call_in_flight(store.claim(execution.pk, dead_worker().pk))
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.deaths) == ("failed", 0)
    assert Call.objects.filter(outcome="in_doubt").count() == 10
    other = accepted(execution.workflow)
    for _ in range(9):
        with_a_call_in_flight(store.claim(other.pk, dead_worker().pk))
    plain.advance(other.pk, worker.current())
    other.refresh_from_db()
    assert (other.status, other.deaths) == ("completed", 0)


def test_what_ended_two_workers_is_taken_up_alone():
    models_answer(GOOD)
    workflow = make_workflow()
    first, second, harmless = (accepted(workflow) for _ in range(3))
    for execution, deaths in ((first, 3), (second, 3), (harmless, 2)):
        for _ in range(deaths):
            store.claim(execution.pk, dead_worker().pk)
    found = queue.dropped(worker.current(), in_hands=set())
    assert harmless.pk in found
    (suspect,) = set(found) - {harmless.pk}
    assert suspect in (first.pk, second.pk)
    Execution.objects.filter(pk=suspect).update(worker=worker.current())
    assert queue.dropped(worker.current(), in_hands={suspect}) == [harmless.pk]


def test_what_a_worker_gives_back_when_it_is_told_to_end_is_no_death():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    for _ in range(3):
        assert store.claim(execution.pk, worker.current()) is not None
        worker.end()  # in the middle of a call that takes longer than it may
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.token, execution.deaths) == ("completed", 4, 0)


def test_the_sweeper_wakes_waits_that_are_over_and_bells_that_were_lost():
    models_answer({"error": "throttled", "retry_after": 90})
    waiting = execute(make_workflow())
    Execution.objects.filter(pk=waiting.pk).update(resume_at=timezone.now() - timedelta(seconds=1))
    queue.sweep()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.waiting_for, waiting.resume_at) == ("queued", "", None)
    assert queue.next_for(10) == ({waiting.pk: waiting.stream}, False)


def test_an_outage_ends_at_the_deadline_and_not_before(settings):
    models_answer({"error": "throttled", "retry_after": 90})
    workflow = make_workflow()
    execution = accepted(workflow)
    Execution.objects.filter(pk=execution.pk).update(deadline_at=timezone.now())
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.error["code"]) == ("failed", "deadline")


def test_a_wait_never_ends_behind_the_deadline():
    """However long the provider wants to be left alone: at its deadline it is tried once more, and fails then."""
    models_answer({"error": "denied", "retry_after": 24 * 3600})
    execution = accepted(make_workflow())
    ends = timezone.now() + timedelta(hours=1)
    Execution.objects.filter(pk=execution.pk).update(deadline_at=ends)
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.resume_at) == ("waiting", ends)
    Execution.objects.filter(pk=execution.pk).update(deadline_at=timezone.now(), resume_at=timezone.now())
    queue.sweep()
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.error["code"]) == ("failed", "deadline")


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_worker_whose_clock_is_wrong_lives_by_the_databases(hours):
    with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
        current = worker.current()
    assert Worker.objects.alive().filter(pk=current).exists()
    Worker.objects.update(seen_at=Now() - timedelta(seconds=21))
    assert Worker.objects.silent().filter(pk=current).exists()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wait_is_as_long_as_the_provider_says_whatever_the_workers_clock(hours):
    models_answer({"error": "throttled", "retry_after": 90})
    workflow = make_workflow()
    with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
        waiting = execute(workflow)
        assert not Execution.objects.due().exists()
    left = (waiting.resume_at - timezone.now()).total_seconds()
    assert 80 < left <= 90


@pytest.mark.parametrize(
    ("last", "now", "must"),
    [(0.0, 1000.0, True), (1000.0, 1004.9, False), (1000.0, 1005.0, True), (4600.0, 1000.0, True)],
)
def test_a_worker_beats_also_after_its_clock_was_set_back(last, now, must):
    assert worker.must_beat(last, now) is must


@pytest.mark.parametrize("table", ["gateway_call", "gateway_intent", "workflows_version", "executions_event"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_history_is_append_only_in_the_database_itself(table, statement):
    models_answer(GOOD)
    execute(make_workflow())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


SENT = []


@tool("test.send", description="Sends.", input_schema={"type": "object", "properties": {}}, side_effects=True)
def send():
    SENT.append("sent")
    return {"id": len(SENT)}


@tool(
    "test.send_once",
    description="Sends, once a key.",
    input_schema={"type": "object"},
    side_effects=True,
    takes_key=True,
)
def send_once(idempotency_key):
    if idempotency_key not in SENT:
        SENT.append(idempotency_key)
    return {"key": idempotency_key}


@tool("test.broken", description="Is out of order.", input_schema={"type": "object", "properties": {}})
def broken():
    raise ToolError("out of order")


def with_tool(name, **fields):
    step = {"id": "send", "kind": "tool", "tool": name, **fields}
    return make_workflow({**REFUND, "steps": [*REFUND["steps"], step]}, tools=(name,))


@pytest.mark.parametrize(("name", "status"), [("test.send", "escalated"), ("test.send_once", "completed")])
def test_a_side_effect_in_doubt_is_repeated_only_with_a_key(name, status):
    models_answer(GOOD)
    SENT.clear()
    execution = execute(with_tool(name))
    assert (execution.status, len(SENT)) == ("completed", 1)
    # The same execution as its worker would have left it, had it died while the tool was being called.
    Execution.objects.filter(pk=execution.pk).update(status="running", worker=dead_worker(), output=None)
    StepResult.objects.filter(step="send").update(status="started", output=None)
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, len(SENT)) == (status, 1)
    if status == "escalated":
        flag = Flag.objects.get()
        assert (flag.reason, flag.detector, flag.waiting) == ("in_doubt", "crash", True)


def test_a_tools_error_is_covered_by_otherwise_or_flagged():
    models_answer(GOOD)
    covered = execute(with_tool("test.broken", otherwise={"error": "error"}))
    assert covered.status == "completed"
    assert covered.steps.get(step="send").output == {"error": "out of order"}


def test_a_tools_error_without_otherwise_is_uncovered():
    models_answer(GOOD)
    execution = execute(with_tool("test.broken"))
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.step) == ("escalated", "uncovered", "send")
    assert "out of order" in flag.explanation


def test_a_crash_between_a_repair_and_an_escalation_repeats_neither():
    models_answer({"model": "opus", "error": "throttled", "retry_after": 90}, {"text": "not an envelope"})
    execution = execute(make_workflow())
    assert execution.status == "waiting"  # the frontier is out of order; two answers of the cheap model are recorded
    models_answer({"model": "opus", "text": envelope({"kind": "refund"})}, {"text": envelope({"kind": "other"})})
    queue.requeue(execution.pk, execution.status, "test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "frontier", {"kind": "refund"})
    made = list(Call.objects.order_by("intended_at").values_list("purpose", "outcome"))
    assert made == [("step", "ok"), ("repair", "ok"), ("escalation", "throttled"), ("escalation", "ok")]
    rows = list(StepResult.objects.filter(step="classify").order_by("attempt").values_list("attempt", "status"))
    assert rows == [(1, "rejected"), (2, "flagged"), (3, "done")]
