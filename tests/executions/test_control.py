"""Cancelling an execution, and setting a failed one going again."""

import asyncio

import pytest
from django.db import connection

from executions import control, store, worker
from executions.drivers import plain
from executions.models import Flag, Status
from executions.queue import submit
from gateway.models import Call
from gateway.providers.registry import register
from tests.cast import envelope, execute, make_workflow, models_answer
from wire.problems import Conflict

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100}


def accepted(workflow):
    return submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")


def test_a_queued_execution_is_cancelled_and_never_runs():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    control.cancel(execution, "alice")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.finished_at is not None, Call.objects.count()) == ("cancelled", True, 0)


@pytest.mark.django_db(transaction=True)
def test_a_call_in_flight_is_paid_and_recorded_and_not_used():
    workflow = make_workflow()
    execution = accepted(workflow)

    class CancelledMeanwhile:
        protocol, simulated = "scripted", True

        async def complete(self, request):
            await asyncio.to_thread(elsewhere, control.cancel, execution, "alice")
            return await models_answer(GOOD).complete(request)

    register("scripted", CancelledMeanwhile())
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.output) == ("cancelled", None)
    assert list(Call.objects.values_list("outcome", "cost")) == [("discarded", 150_000_000)]


def elsewhere(function, *arguments):
    """On a connection of its own, as another process would."""
    function(*arguments)
    connection.close()


def test_an_escalated_execution_is_cancelled_and_its_flag_waits_no_more():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow())
    control.cancel(execution, "alice")
    flag = Flag.objects.get()
    assert (flag.state, flag.waiting) == ("open", False)


def test_what_has_ended_cannot_be_cancelled():
    models_answer(GOOD)
    execution = execute(make_workflow())
    with pytest.raises(Conflict) as problem:
        control.cancel(execution, "alice")
    assert problem.value.extra == {"state": "completed"}


def test_a_failed_execution_goes_on_behind_its_last_checkpoint():
    models_answer({"error": "rejected"})
    execution = execute(make_workflow())
    assert execution.status == Status.FAILED
    models_answer(GOOD)
    control.retry(execution, "alice")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.output, execution.error) == ("completed", {"kind": "refund"}, None)
    assert execution.steps.filter(step="clean").count() == 1


def test_only_a_failed_execution_is_retried():
    models_answer(GOOD)
    with pytest.raises(Conflict, match="It is completed"):
        control.retry(execute(make_workflow()), "alice")


def test_a_poisoned_execution_gets_three_more_lives():
    models_answer(GOOD)
    execution = accepted(make_workflow())
    for _ in range(3):
        store.claim(execution.pk, worker.current())
        worker._in_hands.clear()
    store.claim(execution.pk, worker.current())
    execution.refresh_from_db()
    assert execution.error["code"] == "poisoned"
    control.retry(execution, "alice")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert execution.status == "completed"
