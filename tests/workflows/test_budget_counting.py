"""What a budget counts from its first moment: each call of the ledger exactly once, also one that is written while the budget
is stated or taken away; and nobody of another project waits for it."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, transaction

from gateway.models import Call
from tests.cast import envelope, execute, make_project, make_workflow, models_answer
from workflows.models import Budget, Spent

pytestmark = pytest.mark.django_db(transaction=True)
two_writers = pytest.mark.skipif(connection.vendor == "sqlite", reason="the embedded database has one writer at a time")

GOOD = {"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100}
COST = 150_000_000


@pytest.fixture
def workflow():
    """One call of 150 micro-dollars stands in its ledger."""
    models_answer(GOOD)
    workflow = make_workflow()
    execute(workflow)
    return workflow


def further_call(cost=1, **fields):
    """One more row of the ledger, like the first one."""
    call = Call.objects.order_by("pk").first()
    call.pk, call.intent_id, call.cost = Call._meta.pk.get_default(), None, cost
    for name, value in fields.items():
        setattr(call, name, value)
    call.save(force_insert=True)


def state(workflow, period="total"):
    return Budget.objects.create(project=workflow.project, period=period, cap=10**12)


def spent():
    return sum(Spent.objects.values_list("amount", flat=True))


def elsewhere(pool, function, *arguments) -> Future:
    """In another thread, on a connection of its own."""

    def done():
        try:
            return function(*arguments)
        finally:
            connection.close()

    return pool.submit(done)


@contextmanager
def another():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def impatient(function, *arguments):
    """Raises `OperationalError` where it has to wait."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '300ms'")
        function(*arguments)


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone()[0] > 0


def until_it_is_waited_for() -> None:
    end = time.monotonic() + 10
    while not is_waited_for():
        assert time.monotonic() < end
        time.sleep(0.02)


@two_writers
def test_a_call_on_its_way_is_waited_for_and_counted_once(workflow):
    with another() as pool:
        with transaction.atomic():
            further_call()
            stated = elsewhere(pool, state, workflow)
            until_it_is_waited_for()
        stated.result(10)
    assert spent() == COST + 1


@two_writers
def test_a_call_that_comes_meanwhile_waits_and_is_counted_once(workflow):
    with another() as pool:
        with transaction.atomic():
            state(workflow)
            with pytest.raises(OperationalError):
                elsewhere(pool, impatient, further_call).result(10)
            came = elsewhere(pool, further_call)
            until_it_is_waited_for()
        came.result(10)
    assert spent() == COST + 1


@two_writers
def test_nobody_of_another_project_waits(workflow):
    bob = make_project("bob")
    with another() as pool, transaction.atomic():
        state(workflow)
        elsewhere(pool, impatient, further_call).exception(10)
        assert elsewhere(pool, impatient, lambda: further_call(project=bob.pk)).exception(10) is None
    assert spent() == COST


@two_writers
def test_a_call_on_its_way_outlives_the_budget_that_it_is_added_to(workflow):
    budget = state(workflow)
    with another() as pool:
        with transaction.atomic():
            further_call()
            deleted = elsewhere(pool, budget.delete)
            until_it_is_waited_for()
        deleted.result(10)
    assert (Call.objects.count(), Budget.objects.count()) == (2, 0)


@two_writers
def test_a_call_that_comes_while_its_budget_is_taken_away_is_written(workflow):
    budget = state(workflow)
    with another() as pool:
        with transaction.atomic():
            budget.delete()
            came = elsewhere(pool, further_call)
            until_it_is_waited_for()
        came.result(10)
    assert (Call.objects.count(), Spent.objects.count()) == (2, 0)


def test_many_that_write_while_budgets_come_and_go_are_each_counted_once(workflow):
    stop, failed = threading.Event(), []

    def write():
        try:
            while not stop.is_set():
                further_call()
        except Exception as error:
            failed.append(error)
            raise

    with ThreadPoolExecutor(4) as pool:
        writers = [elsewhere(pool, write) for _ in range(4)]
        for _ in range(15):
            Budget.objects.all().delete()
            state(workflow)
            state(workflow, "month")
            time.sleep(0.05)
        stop.set()
        for writer in writers:
            writer.result(30)
    written = Call.objects.count()
    assert (failed, written > 100) == ([], True)
    assert list(Spent.objects.values_list("amount", flat=True)) == [COST + written - 1] * 2
