"""What goes wrong around an execution, and that it delays, is counted, and is never lost or paid for endlessly."""

import asyncio
from datetime import timedelta
from threading import Timer

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone

from executions import queue, resolution, store, turns, worker
from executions.drivers import plain
from executions.models import Execution, Flag, Status
from executions.resolution import Decision
from executions.run import Journal
from gateway import pricing
from gateway.event_loop import wait_for
from gateway.models import Call, Intent, Payload
from gateway.providers.registry import register
from projects.models import TierModel, Tool
from projects.tools import tool
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.locked import LockedDatabase
from wire import crash
from wire.problems import Conflict
from workflows.models import Budget, Examined, Reservation, Workflow

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"})}
UNSURE = {"text": envelope({"kind": "refund"}, confidence=0.1)}


def accepted(workflow):
    return queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")


def go_on(execution):
    """As the sweeper would, when the wait is over."""
    if execution.status == Status.WAITING:
        queue.requeue(execution.pk, Status.WAITING, "test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()


def test_what_is_not_the_protocol_is_tried_once_more_and_fails_also_over_a_wait():
    models_answer({"error": "protocol"})
    execution = execute(make_workflow())
    for _ in range(3):
        if execution.status != Status.FAILED:
            go_on(execution)
    assert (execution.status, execution.error["code"]) == ("failed", "provider_protocol")
    assert list(Call.objects.values_list("outcome", "cost_state")) == [("protocol", "upper_bound")] * 2


def test_an_answer_that_was_lost_is_asked_for_ever_more_rarely():
    models_answer({"error": "unknown"})
    execution = execute(make_workflow())
    waits = []
    for _ in range(4):
        if execution.status == Status.WAITING:
            waits.append(round((execution.resume_at - timezone.now()).total_seconds() / 600))
        go_on(execution)
    assert waits in ([0, 1, 2, 4], [1, 2, 4, 8])  # tens of minutes; the first wait is one of seconds, or a mere pause


def test_a_client_that_breaks_leaves_no_intent_without_a_call():
    class Broken:
        protocol, simulated = "scripted", True

        async def complete(self, request):
            raise TypeError("a library's own fault")

    register("scripted", Broken())
    workflow = make_workflow()
    execution = execute(workflow)
    assert execution.status in (Status.WAITING, Status.RUNNING)
    assert Intent.objects.filter(calls=None).count() == 0
    assert set(Call.objects.values_list("outcome", flat=True)) == {"in_doubt"}


@pytest.mark.django_db(transaction=True)
def test_a_locked_database_delays_and_the_execution_goes_on_behind_its_checkpoint(monkeypatch):
    """Another process takes the write lock while the model is asked, and keeps it until after our patience."""
    monkeypatch.setattr(store, "DATABASE_PATIENCE", 0.0)
    database = LockedDatabase()

    class Locking:
        protocol, simulated = "scripted", True

        async def complete(self, request):
            await asyncio.to_thread(database.lock)
            return await models_answer(GOOD).complete(request)

    workflow = make_workflow()
    register("scripted", Locking())
    execution = accepted(workflow)
    with pytest.raises(DatabaseError, match="lock"):
        plain.advance(execution.pk, worker.current())
    database.unlock()
    execution.refresh_from_db()
    assert execution.status == "running"  # in nobody's hands
    go_on(execution)
    assert (execution.status, execution.output) == ("completed", {"kind": "refund"})
    assert sorted(Call.objects.values_list("outcome", flat=True)) == ["in_doubt", "ok"]
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_while_the_database_is_locked_is_kept():
    """Pricing it needs the database too, before anything could be written."""
    database = LockedDatabase()

    class Locking:
        protocol, simulated = "scripted", True

        async def complete(self, request):
            pricing._own.clear()
            await asyncio.to_thread(database.lock)
            Timer(0.5, database.unlock).start()
            return await models_answer(GOOD).complete(request)

    workflow = make_workflow()
    register("scripted", Locking())
    execution = execute(workflow)
    assert (execution.status, execution.output) == ("completed", {"kind": "refund"})
    assert list(Call.objects.values_list("outcome", flat=True)) == ["ok"]
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "ended"), [(OperationalError("away"), "waiting"), (RuntimeError("a fault of ours"), "failed")]
)
def test_an_answer_that_cannot_be_priced_is_in_doubt(monkeypatch, error, ended):
    """What fails is the look at the project's own prices, and nothing behind it: the database is back by then."""
    monkeypatch.setattr(store, "DATABASE_PATIENCE", 0.0)

    def away(execute, sql, *rest):
        if "gateway_ownprice" in sql:
            raise error
        return execute(sql, *rest)

    models_answer(GOOD)
    workflow = make_workflow()
    budget = Budget.objects.create(project=workflow.project, period="total", cap=10**12)
    held = turns.claim(accepted(workflow).pk, worker.current())
    reply = wait_for(turns.ask(held, turns.turn(held)))
    pricing._own.clear()
    with connection.execute_wrapper(away):
        assert turns.turn(held, reply) is None
    assert Execution.objects.get().status == ended
    assert not Intent.objects.filter(calls=None).exists()
    call = Call.objects.get()
    assert (call.outcome, call.cost, call.cost_state) == ("in_doubt", call.intent.upper_bound, "upper_bound")
    assert (budget.spent.get().amount, Reservation.objects.count()) == (call.intent.upper_bound, 0)


@pytest.mark.django_db(transaction=True)
def test_an_intent_whose_commit_nobody_confirmed_is_in_doubt(monkeypatch):
    """The database goes away behind the commit, and is back when the execution is given back."""

    def away(point):
        if point == "after-intent":
            raise OperationalError("away")

    monkeypatch.setattr(crash, "at", away)
    models_answer(GOOD)
    execution = execute(make_workflow())
    assert (execution.status, execution.waiting_for) == ("waiting", "service")
    assert not Intent.objects.filter(calls=None).exists()
    assert list(Call.objects.values_list("outcome", "cost_state")) == [("in_doubt", "upper_bound")]


def test_the_deadline_begins_anew_when_a_person_says_retry():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow())
    Execution.objects.filter(pk=execution.pk).update(deadline_at=timezone.now() - timedelta(hours=6))
    models_answer({"error": "throttled", "retry_after": 90})
    resolution.resolve(Flag.objects.get(), Decision("retry", "rosa"))
    go_on(execution)
    assert execution.status == "waiting"


def test_a_cap_that_stops_the_frontier_does_not_hide_what_was_not_covered():
    models_answer({**UNSURE, "input_tokens": 10, "output_tokens": 10}, GOOD)
    workflow = make_workflow()
    workflow.project.execution_cap = 20_000_000_000  # two cents: the cheap model's bound fits, the frontier's does not
    workflow.project.save()
    execution = execute(workflow)
    flags = set(Flag.objects.values_list("reason", "waiting"))
    assert (execution.status, flags) == ("escalated", {("low_confidence", False), ("budget", True)})
    workflow.project.execution_cap = 10**12
    workflow.project.save()
    models_answer(GOOD)
    resolution.resolve(Flag.objects.get(reason="budget"), Decision("retry", "rosa"))
    go_on(execution)
    assert (execution.status, execution.resolved_by) == ("completed", "frontier")
    assert list(Call.objects.order_by("intended_at").values_list("purpose", flat=True)) == ["step", "escalation"]


def test_a_failed_attempt_of_a_stale_worker_is_not_called_discarded():
    models_answer({"error": "throttled", "retry_after": 90})
    execute(make_workflow())
    recorded = Call.objects.get()
    intent = Intent.objects.create(**{name: getattr(recorded, name) for name in Intent.SHARED}, worker=None)
    shared = {name: getattr(recorded, name) for name in Intent.SHARED}
    throttled = Call(intent=intent, **shared, outcome="throttled", cost=0, cost_state="priced")
    store.discard(Journal(calls=[(throttled, Payload(call=throttled, request={}))]))
    assert Call.objects.get(intent=intent).outcome == "throttled"


@tool("test.look_up", description="Looks up.", input_schema={"type": "object", "properties": {"id": {"type": "string"}}},
      output_schema={"type": "object"})  # fmt: skip
def look_up(id):
    return {"id": id} if id != "odd" else "not an object"


def with_look_up(argument):
    step = {"id": "look", "kind": "tool", "tool": "test.look_up", "arguments": {"id": argument}}
    return make_workflow({**REFUND, "steps": [*REFUND["steps"], step]}, tools=("test.look_up",))


@pytest.mark.parametrize(
    ("argument", "complaint"), [("17", "An argument of test.look_up is wrong"), ("'odd'", "answered what")]
)
def test_a_tool_is_held_to_what_it_was_registered_with(argument, complaint):
    models_answer(GOOD)
    execution = execute(with_look_up(argument))
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, complaint in flag.explanation) == ("escalated", "uncovered", True)


def test_a_roll_back_is_allowed_though_a_tool_is_gone():
    workflow = with_look_up("'a'")
    Tool.objects.update(enabled=False)
    workflow.versions.get().publish("rosa")
    with pytest.raises(Conflict, match="no longer fits"):
        workflow.versions.get().examine_again()


def test_simulated_and_real_models_are_not_published_together():
    project = make_project()
    TierModel.objects.filter(tier="cheap").update(provider="anthropic")
    workflow = Workflow.objects.create(project=project, name="mixed")
    version = workflow.draft(Examined.of(REFUND, project), "1.0.0", created_by="alice")
    with pytest.raises(Conflict, match="mixes simulated and real"):
        version.publish("alice")


def test_what_stands_for_an_update_or_a_delete_is_refused_too():
    statement = {
        "sqlite": "INSERT OR REPLACE INTO gateway_call SELECT * FROM gateway_call",
        "postgresql": "TRUNCATE gateway_call CASCADE",
    }[connection.vendor]
    models_answer(GOOD)
    execute(make_workflow())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE" if connection.vendor == "postgresql" else "SELECT 1")
        cursor.execute(statement)
