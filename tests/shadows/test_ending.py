"""How shadows end: what is wrong with one holds up no other, and texts that were deleted do not come back."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from executions import errands
from executions.models import Execution
from executions.retention import purge
from gateway.models import Call, Payload
from shadows import comparing, drawing, ending, running, task
from shadows.models import Shadow
from tests.cast import envelope, make_workflow, models_answer
from tests.shadows.shadowed import complete, execute_past, plan, shadow
from tests.shadows.test_task import SAME, TASK, on_its_way, shadowed_task

CHEAP = "claude-haiku-5-5"
REFUNDS = {"text": envelope({"kind": "refund"})}
OTHER = {"text": envelope({"kind": "other"})}
NO_INTENT = "00000000-0000-7000-8000-000000000001"

pytestmark = pytest.mark.django_db


def two_tasks():
    workflow = shadowed_task(SAME)
    execute_past(workflow, "another refund")
    drawing.draw(workflow.pk)
    return workflow, Shadow.objects.order_by("pk").first()


def test_one_whose_call_nobody_knows_fails_and_holds_up_no_other():
    workflow, bad = two_tasks()
    Shadow.objects.filter(pk=bad.pk).update(status="running", intent=NO_INTENT)
    task.end_doubts()
    found = complete(workflow)
    assert [(one.status, one.said) for one in found] == [("failed", "It could not be compared."), ("completed", "")]
    assert (found[0].intent, found[0].cost) == (None, None)


def test_one_that_cannot_be_ended_fails_and_holds_up_no_other():
    workflow, bad = two_tasks()
    Shadow.objects.filter(pk=bad.pk).update(status="running", answered=True, calls=["no id"])
    found = complete(workflow)
    assert [one.status for one in found] == ["failed", "completed"]


def test_what_was_deleted_while_it_was_compared_does_not_come_back():
    workflow = shadowed_task({**TASK, "text": '{"kind": "other"}'})
    found = on_its_way(workflow)
    errands.wait()
    errands.settle()
    found.refresh_from_db()
    compared = comparing.of_task(found)
    assert "other" in compared.said
    assert purge(workflow.project_id, timezone.now(), "test") == 1
    ending.finish(found, compared)
    found.refresh_from_db()
    assert (found.status, found.same, found.output) == ("completed", False, None)
    assert found.said == "The texts of the past execution were deleted meanwhile."


def test_what_is_said_of_an_answer_does_not_come_back():
    workflow = shadowed_task({**TASK, "text": '{"kind": 7}', "latency_ms": 300, "times": 1}, SAME)
    found = on_its_way(workflow)
    purge(workflow.project_id, timezone.now(), "test")
    errands.wait()
    errands.settle()
    found.refresh_from_db()
    assert (len(found.calls), found.said) == (1, "")
    assert not Payload.objects.filter(pk__in=found.calls).exists()


def shadowed_workflow():
    workflow = make_workflow()
    models_answer({"model": CHEAP, **REFUNDS}, OTHER)
    past = execute_past(workflow)
    plan(workflow)
    return workflow, past


def test_the_execution_that_it_is_loses_its_texts_with_the_past_one():
    workflow, past = shadowed_workflow()
    [found] = shadow(workflow)
    its = found.execution
    assert its.output == {"kind": "other"}
    calls = list(Call.objects.filter(execution=its.pk).values_list("pk", flat=True))
    assert Payload.objects.filter(pk__in=calls).exists()
    assert purge(workflow.project_id, past.finished_at + timedelta(seconds=1), "test") == 1
    its.refresh_from_db()
    assert (its.input, its.output, its.purged_at is None) == (None, None, False)
    assert not its.steps.filter(has_output=True).exists()
    assert not Payload.objects.filter(pk__in=calls).exists()


def test_an_execution_on_its_way_loses_them_when_it_ends():
    workflow, _ = shadowed_workflow()
    drawing.draw(workflow.pk)
    running.advance(workflow.pk)
    its = Execution.objects.get(purpose="shadow")
    purge(workflow.project_id, timezone.now(), "test")
    its.refresh_from_db()
    assert its.purged_at is None, "it would break"
    [found] = complete(workflow)
    its.refresh_from_db()
    assert (found.status, found.same, found.output) == ("completed", None, None)
    assert (its.status, its.input, its.output, its.purged_at is None) == ("completed", None, None, False)


postgresql = pytest.mark.skipif("connection.vendor == 'sqlite'", reason="an embedded database has one writer")


@postgresql
@pytest.mark.django_db(transaction=True)
def test_who_waited_for_a_deletion_sees_it():
    workflow, _ = shadowed_workflow()
    drawing.draw(workflow.pk)
    deleting, seen = threading.Event(), []

    def look():
        deleting.wait(10)
        try:
            with transaction.atomic():
                seen.append(ending.locked(Shadow.objects.all()).past.purged_at)
        finally:
            connection.close()

    other = threading.Thread(target=look)
    other.start()
    with transaction.atomic():
        purge(workflow.project_id, timezone.now(), "test")
        deleting.set()
        other.join(0.5)
        assert seen == [], "it waits"
    other.join()
    assert seen[0] is not None


@postgresql
@pytest.mark.django_db(transaction=True)
def test_what_is_copied_now_is_not_deleted_now():
    workflow, past = shadowed_workflow()
    drawing.draw(workflow.pk)
    deleted = []

    def delete():
        try:
            deleted.append(purge(workflow.project_id, timezone.now(), "test"))
        finally:
            connection.close()

    with transaction.atomic():
        running._begin_more(workflow.pk)
        other = threading.Thread(target=delete)
        other.start()
        other.join()
    assert deleted == [0], "the next round deletes it"
    assert Execution.objects.get(purpose="shadow").input == past.input
