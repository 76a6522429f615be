"""Shadows as a worker's duties do them, one round after the other."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions import errands, worker
from executions.drivers import plain
from executions.models import Execution
from shadows import drawing, running
from shadows.models import Shadow
from tests.cast import envelope, make_workflow, models_answer
from tests.shadows.shadowed import execute_past, plan, with_prompt

pytestmark = pytest.mark.django_db

TASK = {"system": "You do one task", "text": '{"kind": "refund"}'}
REFUNDS = {"text": envelope({"kind": "refund"})}


@pytest.fixture
def workflow():
    models_answer(TASK, REFUNDS)
    found = make_workflow()
    with_prompt(found)
    execute_past(found)
    return found


@pytest.mark.parametrize("subject", ["workflow", "task"])
def test_rounds_take_one_to_its_end(workflow, subject):
    plan(workflow, subject=subject)
    drawing.draw_all()
    for _ in range(5):
        running.advance_all()
        errands.wait()
        for execution in Execution.objects.filter(status="queued").values_list("pk", flat=True):
            plain.advance(execution, worker.current())
    assert [(one.status, one.same) for one in Shadow.objects.all()] == [("completed", True)]


def test_a_round_asks_once_what_the_month_has_spent(workflow, monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 60)
    monkeypatch.setattr(running, "AT_A_TIME", 1)
    for number in range(4):
        execute_past(workflow, f"refund {number}")
    plan(workflow, subject="task")
    drawing.draw_all()
    Shadow.objects.filter(pk__in=Shadow.objects.order_by("pk")[:3]).update(
        status="running", answered=True, output={"kind": "refund"}
    )
    with CaptureQueriesContext(connection) as asked:
        running.advance_all()
    assert Shadow.objects.filter(status="completed").count() >= 3, "it went on more than once"
    spent = [query for query in asked if "SUM" in query["sql"] and "gateway_call" in query["sql"]]
    assert len([query for query in spent if "finished_at" in query["sql"]]) == 1


def test_what_is_wrong_with_one_workflow_holds_up_no_other(workflow, monkeypatch, caplog):
    models_answer(REFUNDS)
    broken = make_workflow(project=workflow.project, name="broken")
    execute_past(broken)
    for one in (broken, workflow):
        plan(one)
    fitting = running._fitting

    def breaks(plan, *args):
        if plan.workflow_id == broken.pk:
            raise RuntimeError("broken")
        return fitting(plan, *args)

    drawing.draw_all()
    monkeypatch.setattr(running, "SECONDS", 60)
    monkeypatch.setattr(running, "_fitting", breaks)
    running.advance_all()
    assert {one.workflow.name: one.status for one in Shadow.objects.all()} == {"broken": "drawn", "refund": "running"}
    assert "could not go on" in caplog.text
