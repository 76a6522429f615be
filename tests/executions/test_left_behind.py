"""An execution that is cancelled while a call is in flight, and whose worker goes away: the call is in the ledger all the same,
once, and holds nothing back."""

import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from analytics.dangling import dangling
from executions import control, queue, store, turns, worker
from executions.effects import AskModel
from executions.models import Execution, Worker
from gateway import gateway
from gateway.event_loop import wait_for
from gateway.models import Call
from tests.cast import envelope, make_workflow, models_answer
from tests.locked import LockedDatabase
from workflows.models import Budget, Reservation

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100}
COST = 150_000_000  # pico-dollars


def in_flight(worker_id):
    """An execution with a call in flight, under a budget."""
    models_answer(GOOD)
    workflow = make_workflow()
    Budget.objects.create(project=workflow.project, cap=10**13)
    execution = queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")
    held = turns.claim(execution.pk, worker_id)
    asked = turns.turn(held)
    assert isinstance(asked, AskModel)
    assert Reservation.objects.count() == 1
    return held, asked


def given_back(held):
    """Its worker was told to end, and did not wait for the call."""
    worker.end()


def killed(held):
    """It was the only one, and the next process knows that it is alone."""
    worker._current = None
    worker.end_others()


def buried(held):
    """Another worker has marked it as dead, and taken nothing over yet."""
    Worker.objects.filter(pk=held.lease.worker).update(ended_at=timezone.now())
    worker._current = None


def dropped(held):
    """It lives, and could not write down what came of the call: its database was away."""


def cancel(held):
    control.cancel(Execution.objects.get(pk=held.lease.execution), "alice")


@pytest.mark.parametrize("goes", [given_back, killed, buried, dropped])
@pytest.mark.parametrize("order", ["cancelled before", "cancelled after"])
def test_its_call_is_in_doubt_and_nothing_is_held_back(goes, order):
    held, asked = in_flight(worker.current())
    for act in (cancel, goes) if order == "cancelled before" else (goes, cancel):
        act(held)
    for _ in range(2):
        queue.bury()
    assert list(Call.objects.values_list("outcome", "cost")) == [("in_doubt", asked.intent.upper_bound)]
    assert Reservation.objects.count() == 0
    Worker.objects.update(ended_at=timezone.now())
    assert list(dangling(Execution.objects.get().project)) == []


def test_a_call_that_its_worker_still_waits_for_is_left_to_it():
    held, _ = in_flight(worker.current())
    with worker.holding(held.lease.execution):
        cancel(held)
        queue.bury()
        assert not Call.objects.exists()


def test_a_call_of_another_worker_that_lives_is_left_to_that():
    held, _ = in_flight(Worker.objects.create(name="alive").pk)
    cancel(held)
    queue.bury()
    assert not Call.objects.exists()


def test_an_answer_that_comes_after_all_corrects_the_doubt():
    held, asked = in_flight(worker.current())
    killed(held)
    cancel(held)
    queue.bury()
    turns.turn(held, wait_for(turns.ask(held, asked)))
    doubted, corrected = Call.objects.order_by("finished_at")
    assert (doubted.outcome, corrected.outcome, corrected.corrects) == ("in_doubt", "discarded", doubted)
    assert doubted.cost + corrected.cost == COST


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_whoever_settles_it_at_the_same_moment_are_one_after_the_other():
    """Each sees no row of the other's before it writes its own, unless one of both waits."""
    held, asked = in_flight(Worker.objects.create(name="gone", ended_at=timezone.now()).pk)
    cancel(held)
    reply = wait_for(turns.ask(held, asked))
    written, read = threading.Event(), threading.Event()

    def settle():
        with transaction.atomic():
            queue._settle(held.lease.execution)
            written.set()
            read.wait(1)
        connection.close()

    settling = threading.Thread(target=settle)
    settling.start()
    assert written.wait(30)
    turns.turn(held, reply)
    settling.join()
    assert sorted(Call.objects.values_list("outcome", flat=True)) == ["discarded", "in_doubt"]
    assert sum(Call.objects.values_list("cost", flat=True)) == COST


@pytest.mark.django_db(transaction=True)
def test_a_paid_answer_that_is_not_used_waits_for_the_database_too():
    held, asked = in_flight(worker.current())
    cancel(held)
    reply = wait_for(turns.ask(held, asked))
    answer = gateway.settle(reply)
    held.run.paid(answer)
    database = LockedDatabase()
    database.lock()
    threading.Timer(0.5, database.unlock).start()
    store.discard(held.run.journal)
    assert list(Call.objects.values_list("outcome", "cost")) == [("discarded", COST)]
    connection.close()


def test_the_row_of_a_late_answer_is_another_one():
    """It is made again where the database did not take it."""
    held, asked = in_flight(worker.current())
    call = gateway.settle(wait_for(turns.ask(held, asked))).call
    doubted = gateway.in_doubt(asked.intent)
    for _ in range(2):
        assert gateway.late(call, doubted).cost == COST - doubted.cost
    assert (call.outcome, call.cost, call.corrects) == ("ok", COST, None)


def test_looking_for_them_reads_what_is_left_behind_alone():
    in_flight(worker.current())
    row = Execution.objects.get()
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} | {"worker_id": None}
    del values["id"]
    Execution.objects.bulk_create([Execution(**{**values, "status": "cancelled"}) for _ in range(2000)], batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_execution")
    plan = Execution.objects.left_behind(worker.current()).values_list("pk").explain()
    assert "execution_cancelled" in plan
    assert "worker_id >" in plan or "worker_id>" in plan
