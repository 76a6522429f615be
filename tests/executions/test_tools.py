"""A tool at work: a side effect is called once or a person is asked, and one that does not answer stops nobody else."""

import threading
import time

import pytest
from django.db import OperationalError, connection
from pydantic_monty import Monty

from executions import queue, tool_calls, turns, worker
from executions.drivers import plain
from executions.effects import CallTool, Pause
from executions.models import Execution, Flag, StepResult
from executions.working import working
from gateway.event_loop import wait_for
from projects.models import Tool
from projects.tools import tool
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.test_pressure import seconds_of, wait_until
from wire import crash
from workflows import sandbox

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"})}
NOTHING = {"type": "object", "properties": {}}

SENT = []
ANSWERS = threading.Event()  # until then a slow tool does not answer
BUSY = []  # the processes of the sandbox that a tool has taken away


@pytest.fixture(autouse=True)
def no_tool_hangs_behind_its_test():
    SENT.clear()
    ANSWERS.clear()
    models_answer(GOOD)
    yield
    ANSWERS.set()
    for gate in tool_calls._gates.values():
        wait_until(lambda gate=gate: gate.state().in_flight == 0, 10)


@tool("test.pay", description="Pays.", input_schema=NOTHING, side_effects=True)
def pay():
    SENT.append("paid")
    return {"paid": len(SENT)}


@tool("test.pay_and_crowd", description="Pays, and then the sandbox is full.", input_schema=NOTHING, side_effects=True)
def pay_and_crowd():
    SENT.append("paid")
    BUSY.append(sandbox._processes().checkout())
    BUSY[0].__enter__()
    return {"paid": len(SENT)}


def slowly(**arguments):
    SENT.append("began")
    if len(SENT) == 1 or "late" not in arguments:
        ANSWERS.wait(30)
    return {"ended": True}


@tool("test.slow", description="Looks up.", input_schema=NOTHING, timeout=0.2)
def slow():
    return slowly()


@tool("test.slow_pay", description="Pays.", input_schema=NOTHING, side_effects=True, timeout=0.2)
def slow_pay():
    return slowly()


KEYED = {"side_effects": True, "takes_key": True, "timeout": 0.2, "retries": 1}


@tool("test.slow_once", description="Pays, once a key.", input_schema=NOTHING, **KEYED)
def slow_once(idempotency_key):
    return slowly()


@tool("test.slow_at_first", description="Pays, once a key.", input_schema=NOTHING, **KEYED)
def slow_at_first(idempotency_key):
    return slowly(late=True)


@tool("test.hangs", description="Looks up.", input_schema=NOTHING, timeout=30.0)
def hangs():
    return slowly()


def with_tool(name, project=None, **fields):
    step = {"id": "call", "kind": "tool", "tool": name, **fields}
    return make_workflow({**REFUND, "steps": [*REFUND["steps"], step]}, tools=(name,), project=project)


def only_tool(name, project):
    return make_workflow({**REFUND, "steps": [{"id": "call", "kind": "tool", "tool": name}], "result": "1",
                          "output_schema": {}}, tools=(name,), project=project)  # fmt: skip


def accepted(workflow):
    return queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")


def before_the_call(workflow):
    """An execution whose model has answered; the next turn comes to its tool."""
    held = turns.claim(accepted(workflow).pk, worker.current())
    return held, wait_for(turns.ask(held, turns.turn(held)))


def go_on():
    execution = Execution.objects.get()
    if execution.status == "waiting":
        queue.requeue(execution.pk, "waiting", "test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    return execution


def has_not_begun():
    return not SENT and not StepResult.objects.filter(step="call").exists()


# A side effect that never began is called; nobody is asked about it.


def test_a_worker_that_leaves_before_the_call_does_not_say_that_it_began():
    held, reply = before_the_call(with_tool("test.pay"))
    worker.leaving.set()
    try:
        assert turns.turn(held, reply) is None
    finally:
        worker.leaving.clear()
    assert has_not_begun()
    assert (go_on().status, SENT, Flag.objects.count()) == ("completed", ["paid"], 0)


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_before_the_call_that_nobody_confirmed_is_taken_back(monkeypatch):
    held, reply = before_the_call(with_tool("test.pay"))
    commits = []

    def away(point):
        commits.append(point)
        if commits.count("after-commit") == 1:
            assert StepResult.objects.filter(step="call", status="started").exists()
            raise OperationalError("away")

    monkeypatch.setattr(crash, "at", away)
    assert turns.turn(held, reply) is None
    assert (Execution.objects.get().waiting_for, has_not_begun()) == ("service", True)
    assert (go_on().status, SENT, Flag.objects.count()) == ("completed", ["paid"], 0)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_know_the_tool_is_a_hiccup():
    held, reply = before_the_call(with_tool("test.pay"))

    def away(execute, sql, *rest):
        if "projects_tool" in sql:
            raise OperationalError("away")
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        assert turns.turn(held, reply) is None
    assert (Execution.objects.get().waiting_for, has_not_begun()) == ("service", True)
    assert (go_on().status, SENT, Flag.objects.count()) == ("completed", ["paid"], 0)


def test_who_waits_for_a_place_has_not_begun(monkeypatch):
    monkeypatch.setattr(tool_calls, "PLACES", 1)
    workflow = with_tool("test.pay")
    held, reply = before_the_call(workflow)
    other = tool_calls.enter(workflow.project_id, "other")
    assert isinstance(turns.turn(held, reply), Pause)
    assert isinstance(turns.turn(held), Pause)
    assert has_not_begun()
    other.leave()
    assert isinstance(turns.turn(held), CallTool)
    assert StepResult.objects.get(step="call").status == "started"
    held.leave()


def test_a_tool_that_is_disabled_while_somebody_waits_for_a_place_is_not_called(monkeypatch):
    monkeypatch.setattr(tool_calls, "PLACES", 1)
    workflow = with_tool("test.pay")
    held, reply = before_the_call(workflow)
    tool_calls.enter(workflow.project_id, "other")
    assert isinstance(turns.turn(held, reply), Pause)
    Tool.objects.update(enabled=False)
    assert turns.turn(held) is None
    flag = Flag.objects.get()
    assert (flag.reason, flag.detector, SENT) == ("uncovered", "tool", [])
    assert StepResult.objects.get(step="call").status == "flagged"
    tool_calls._gates.clear()


def test_who_finds_no_place_in_line_is_given_back_for_later(monkeypatch):
    monkeypatch.setattr(tool_calls, "PLACES", 1)
    workflow = with_tool("test.pay")
    for who in ("in flight", "in line"):
        tool_calls.enter(workflow.project_id, who)
    execution = execute(workflow)
    assert (execution.status, execution.waiting_for, has_not_begun()) == ("waiting", "rate", True)
    assert execution.error["detail"] == "All 1 places for tools of this project are taken."
    tool_calls._gates.clear()


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_a_full_sandbox_cannot_judge_is_kept(monkeypatch):
    """Calling the tool again would pay again."""
    with Monty(max_processes=1, checkout_timeout=0.2) as pool:
        monkeypatch.setattr(sandbox, "_pool", pool)
        monkeypatch.setattr(sandbox, "_pool_owner", sandbox.os.getpid())
        execution = execute(with_tool("test.pay_and_crowd", checks=["output['paid'] == 1"]))
        BUSY.pop().__exit__(None, None, None)
        assert (execution.status, execution.waiting_for) == ("waiting", "service")
        assert go_on().status == "completed"
    assert SENT == ["paid"]
    assert list(StepResult.objects.filter(step="call").values_list("status", "output")) == [("done", {"paid": 1})]


# One that does not answer.


def test_a_look_up_that_does_not_answer_is_an_error_like_any_other():
    execution = execute(with_tool("test.slow", otherwise={"error": "error"}))
    assert execution.status == "completed"
    assert execution.steps.get(step="call").output == {"error": "test.slow did not answer within 0.2 s."}


def test_a_side_effect_that_does_not_answer_is_in_doubt():
    execution = execute(with_tool("test.slow_pay", otherwise=None))
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector) == ("escalated", "in_doubt", "timeout")
    assert flag.explanation == ("test.slow_pay did not answer within 0.2 s. Whether it took effect is not known.")
    assert (SENT, StepResult.objects.get(step="call").status) == (["began"], "flagged")


@pytest.mark.parametrize(("name", "ended"), [("test.slow_once", "escalated"), ("test.slow_at_first", "completed")])
def test_one_that_takes_a_key_is_called_again_as_its_registration_says(name, ended):
    execution = execute(with_tool(name))
    assert (execution.status, SENT) == (ended, ["began", "began"])
    assert list(Flag.objects.values_list("reason", "detector")) == ([("in_doubt", "timeout")] * (ended == "escalated"))


def test_a_call_that_hangs_keeps_its_place_until_its_thread_ends(caplog):
    workflow = with_tool("test.slow")
    execute(workflow)
    gate = tool_calls.gate(workflow.project_id)
    assert (gate.state().in_flight, tool_calls._hanging[workflow.project_id]) == (1, 1)
    assert "keeps one of the 32 places" in caplog.text
    ANSWERS.set()
    wait_until(lambda: gate.state().in_flight == 0, 5)
    assert tool_calls._hanging[workflow.project_id] == 0


@pytest.mark.django_db(transaction=True)
def test_tools_that_hang_stop_no_other_project(monkeypatch):
    monkeypatch.setattr(tool_calls, "PLACES", 4)
    alice, bob = make_project(), make_project("bob")
    hanging = only_tool("test.hangs", alice)
    queue.submit_batch(hanging.live.version, hanging.live, [{"message": "A refund"}] * 20, actor="test")
    with working():
        wait_until(lambda: len(SENT) == 4)
        assert seconds_of(accepted(only_tool("test.pay", bob))) < 5
        time.sleep(1)
        assert SENT.count("began") == 4
        ANSWERS.set()
        wait_until(lambda: not Execution.objects.exclude(status="completed").exists())


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"retries": -1}, {"retries": 1, "side_effects": True}])
def test_a_registration_that_cannot_be_kept_is_refused(wrong):
    with pytest.raises(ValueError, match=r"test\.wrong: "):
        tool("test.wrong", description="Nothing.", input_schema=NOTHING, **wrong)(pay)
