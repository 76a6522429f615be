"""An execution before the gate of its model: it waits without an intent, keeps nothing that it does not need, and gives back
what it took."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from executions import control, queue, shares, store, turns, worker
from executions.effects import AskModel, Pause
from executions.models import Execution, StepResult, Worker
from executions.streams import OLDEST, WAITING
from gateway import pressure
from gateway.gateway import Reply
from gateway.models import Call, Intent, Limit
from gateway.pressure import Share
from gateway.types import Throttled
from tests.cast import TIERS, envelope, execute, make_project, make_workflow, models_answer
from tests.locked import LockedDatabase
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100}
CHEAP = ("scripted", "claude-haiku-5-5")


def allow(concurrent):
    models_answer(GOOD)
    pressure.share_out({CHEAP: Share(concurrent)})
    return pressure.gate(*CHEAP)


def accepted(workflow):
    return queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")


def claimed(workflow):
    return turns.claim(accepted(workflow).pk, worker.current())


def test_a_call_that_is_let_in_takes_one_turn():
    gate = allow(1)
    held = claimed(make_workflow())
    assert isinstance(turns.turn(held), AskModel)
    assert (gate.state().in_flight, Intent.objects.count()) == (1, 1)


def test_a_short_wait_is_a_pause_without_an_intent_and_behind_a_checkpoint():
    gate = allow(1)
    other = gate.enter("other", 100)
    held = claimed(make_workflow())
    assert isinstance(turns.turn(held), Pause)
    assert isinstance(turns.turn(held), Pause)
    assert Intent.objects.count() == 0
    assert list(StepResult.objects.values_list("step", "status")) == [("clean", "done")]
    other.leave()
    assert isinstance(turns.turn(held), AskModel)
    assert (Intent.objects.count(), gate.state().waiting, gate.state().in_flight) == (1, 0, 1)


def test_who_finds_the_line_full_is_given_back_for_later():
    gate = allow(1)
    for who in ("in flight", "in line"):
        gate.enter(who, 100)
    execution = execute(make_workflow())
    assert (execution.status, execution.waiting_for, execution.error["code"]) == ("waiting", "rate", "rate")
    assert execution.error["detail"] == "The limit on scripted:claude-haiku-5-5 is reached."
    assert 1.5 < (execution.resume_at - timezone.now()).total_seconds() <= 2.5
    assert Intent.objects.count() == 0


def test_a_limit_is_no_outage_and_knows_no_deadline():
    allow(0)
    execution = accepted(make_workflow())
    Execution.objects.update(deadline_at=timezone.now() - timedelta(hours=1))
    held = turns.claim(execution.pk, worker.current())
    assert turns.turn(held) is None
    assert Execution.objects.get().status == "waiting"


def test_one_execution_that_is_told_to_wait_speaks_for_all_of_them():
    models_answer({"error": "throttled", "retry_after": 90})
    workflow = make_workflow()
    execute(workflow)
    for _ in range(3):
        execution = execute(workflow)
        assert (execution.status, execution.waiting_for) == ("waiting", "provider")
        assert 88 < (execution.resume_at - timezone.now()).total_seconds() <= 90
    assert Intent.objects.count() == Call.objects.count() == 1


def test_another_model_passes_a_shut_gate():
    workflow = make_workflow()
    models_answer({"model": "haiku", "error": "throttled", "retry_after": 90}, GOOD)
    assert execute(workflow).status == "waiting"
    tiers = {**TIERS, "cheap": "scripted:claude-sonnet-5-5"}
    assert execute(make_workflow(project=make_project("bob", tiers))).status == "completed"


def test_failures_of_many_executions_open_one_breaker():
    models_answer({"error": "throttled", "retry_after": 0})
    workflow = make_workflow()
    for _ in range(5):
        held = claimed(workflow)
        effect = turns.turn(held)
        held.leave(_reply(effect, Throttled("The provider answered 529.")))
    execution = execute(workflow)
    assert (execution.waiting_for, Intent.objects.count()) == ("provider", 5)
    assert 29 < (execution.resume_at - timezone.now()).total_seconds() <= 30
    assert pressure.state()[0].state == "shut"


def _reply(effect, error):
    return Reply(effect.intent, effect.request, None, error, timezone.now(), 1)


def test_a_lost_lease_leaves_the_gate():
    gate = allow(1)
    held = claimed(make_workflow())
    Execution.objects.update(token=7)
    assert turns.turn(held) is None
    assert gate.state().in_flight == 0


def test_a_cancelled_execution_leaves_the_gate():
    gate = allow(1)
    held = claimed(make_workflow())
    control.cancel(Execution.objects.get(), actor="alice")
    assert turns.turn(held) is None
    assert (gate.state().in_flight, Intent.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_locked_leaves_the_gate(monkeypatch):
    monkeypatch.setattr(store, "DATABASE_PATIENCE", 0.0)
    gate = allow(1)
    held = claimed(make_workflow())
    database = LockedDatabase()
    database.lock()
    with pytest.raises(DatabaseError, match="lock"):
        turns.turn(held)
    database.unlock()
    assert gate.state().in_flight == 0
    connection.close()


def test_an_answer_leaves_the_gate():
    gate = allow(1)
    assert execute(make_workflow()).status == "completed"
    assert (gate.state().in_flight, gate.room()) == (0, 2)


# The shares of the workers.


def test_a_worker_takes_its_share_by_the_workers_alive():
    Limit.objects.create(provider="scripted", concurrent=5)
    worker.current()
    shares.refresh()
    assert pressure.gate(*CHEAP).room() == 10
    Worker.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    Worker.objects.create(name="younger")
    Worker.objects.create(name="dead", ended_at=timezone.now())
    shares.refresh()
    assert pressure.gate(*CHEAP).room() == 6  # three calls, and as many in line
    Limit.objects.all().delete()
    shares.refresh()
    assert pressure.gate(*CHEAP).room() is None


def test_a_worker_that_has_just_come_takes_nothing_until_the_others_know():
    Limit.objects.create(provider="scripted", concurrent=4)
    Worker.objects.create(name="older")
    worker.current()
    shares.refresh()
    assert pressure.gate(*CHEAP).room() == 0
    Worker.objects.update(started_at=timezone.now() - timedelta(seconds=6))
    shares.refresh()
    assert pressure.gate(*CHEAP).room() == 4


# What is taken from the queue.


def in_queue(workflow, number):
    return [accepted(workflow).pk for _ in range(number)]


def taken(room, most):
    found, more = queue.next_for(room, most)
    return list(found), more


def test_every_project_that_waits_gets_an_equal_share_its_oldest_first():
    models_answer(GOOD)
    large, small = make_workflow(), make_workflow(project=make_project("bob"))
    backlog, two = in_queue(large, 20), in_queue(small, 2)
    found, more = queue.next_for(6)
    assert sorted(found) == sorted(backlog[:4] + two)
    assert more
    assert sorted(queue.next_for(100)[0]) == sorted(backlog + two)
    assert queue.next_for(100)[1] is False


def test_within_a_project_the_oldest_comes_first_whatever_its_workflow():
    project = make_project()
    first, second = make_workflow(project=project), make_workflow(project=project, name="other")
    order = [*in_queue(first, 2), *in_queue(second, 2), *in_queue(first, 2)]
    assert list(queue.next_for(5)[0]) == order[:5]


def test_of_a_stream_that_is_held_up_no_more_are_taken_than_there_is_room_for():
    project = make_project()
    held_up, free = make_workflow(project=project), make_workflow(project=project, name="other")
    backlog, others = in_queue(held_up, 5), in_queue(free, 2)
    stream = held_up.live.executions.first().stream
    assert taken(10, {stream: 0}) == (others, True)
    assert taken(10, {stream: 1}) == ([backlog[0], *others], True)


def test_the_same_version_published_anew_on_another_model_is_another_stream():
    workflow = make_workflow()
    before = in_queue(workflow, 2)
    workflow.versions.get().publish("alice")
    workflow = Workflow.objects.get()
    after = in_queue(workflow, 2)
    stream = Execution.objects.get(pk=before[0]).stream
    assert Execution.objects.get(pk=after[0]).stream != stream
    assert taken(10, {stream: 0}) == (after, True)


def test_the_trials_of_a_version_are_a_stream_of_their_own():
    workflow = make_workflow()
    trial = queue.submit(workflow.live.version, None, {"message": "A refund"}, actor="test")
    live = in_queue(workflow, 1)
    assert trial.stream == -workflow.live.version_id
    assert taken(10, {trial.stream: 0}) == (live, True)


def test_whoever_had_to_wait_keeps_its_place_in_the_queue():
    models_answer({"error": "throttled", "retry_after": 90})
    workflow = make_workflow()
    first = execute(workflow)
    behind = in_queue(workflow, 3)
    Execution.objects.filter(pk=first.pk).update(resume_at=timezone.now())
    queue.sweep()
    assert list(queue.next_for(4)[0]) == [first.pk, *behind]


def test_a_look_reads_its_rows_off_the_index():
    workflow = make_workflow()
    in_queue(workflow, 1)
    row = Execution.objects.get()
    values = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    Execution.objects.bulk_create([Execution(**values) for _ in range(5000)], batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_execution")
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        for statement, parameters in ((WAITING, []), (OLDEST, [row.stream, 10, 0])):
            cursor.execute(f"{explain} {statement}", parameters)
            plan = "\n".join(str(line) for line in cursor.fetchall())
            assert "execution_queued" in plan
            assert "Sort" not in plan and "TEMP B-TREE" not in plan
            assert "Seq Scan on executions" not in plan and "SCAN executions" not in plan
