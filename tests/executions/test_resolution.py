"""A person decides: what an answer does to the flag, to the execution, and to the steps behind it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from executions import control, resolution, worker
from executions.drivers import plain
from executions.models import Execution, Flag, StepResult
from executions.resolution import Decision
from tests.cast import envelope, execute, make_workflow, models_answer
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def flag():
    """An execution that waits for a person, because the model was not sure of a refund."""
    models_answer({"text": envelope({"kind": "refund"}, confidence=0.4)})
    execute(make_workflow())
    return Flag.objects.get()


@pytest.fixture
def uncovered():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execute(make_workflow())
    return Flag.objects.get()


def decide(flag, resolution_word, **given):
    return resolution.resolve(flag, Decision(resolution_word, "key:reviewer", **given))


def go_on(flag):
    plain.advance(flag.execution_id, worker.current())
    return Execution.objects.get(pk=flag.execution_id)


def test_an_output_completes_the_execution_and_runs_nothing_more(flag):
    decide(flag, "answered", output={"kind": "exchange"}, note="They want another one.")
    execution = Execution.objects.get()
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "human", {"kind": "exchange"})
    assert (flag.state, flag.resolution, flag.resolved_by) == ("resolved", "answered", "key:reviewer")


def test_an_output_that_breaks_the_schema_changes_nothing(flag):
    with pytest.raises(Invalid) as problem:
        decide(flag, "answered", output={"sort": "refund"})
    assert problem.value.faults[0].pointer == "/output/kind"
    flag.refresh_from_db()
    assert (flag.state, Execution.objects.get().status) == ("open", "escalated")


def test_a_step_output_goes_on_behind_the_step(flag):
    decide(flag, "answered", step_output={"kind": "other"})
    execution = go_on(flag)
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "human", {"kind": "other"})
    answered = StepResult.objects.get(step="classify", status="done")
    assert (answered.answered_by, answered.attempt, answered.call) == ("human", 3, None)


def test_a_persons_step_output_has_to_pass_the_checks_too():
    models_answer({"text": envelope({"kind": "refund"})})
    execute(make_workflow(), "Where is my parcel?")
    with pytest.raises(Invalid) as problem:
        decide(Flag.objects.get(), "answered", step_output={"kind": "refund"})
    assert problem.value.faults[0].detail == "The message does not speak of a refund."


def test_a_dismissed_flag_takes_the_output_that_was_kept(flag):
    decide(flag, "dismissed")
    execution = go_on(flag)
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "workflow", {"kind": "refund"})
    assert flag.state == "dismissed"


def test_there_is_nothing_to_go_on_with_where_no_output_was_kept(uncovered):
    with pytest.raises(Conflict, match="Nothing to go on with"):
        decide(uncovered, "dismissed")
    uncovered.refresh_from_db()
    assert uncovered.state == "open"


def test_a_retry_runs_the_flagged_step_again(uncovered):
    models_answer({"text": envelope({"kind": "refund"})})
    decide(uncovered, "retry", note="The guidance was mended.")
    execution = go_on(uncovered)
    assert (execution.status, execution.output) == ("completed", {"kind": "refund"})


def test_the_second_reviewer_is_told_who_was_first(flag):
    decide(flag, "dismissed", note="It is plainly one.")
    with pytest.raises(Conflict) as problem:
        decide(Flag.objects.get(), "retry")
    assert problem.value.extra["resolution"] == {
        "resolution": "dismissed",
        "resolved_by": "key:reviewer",
        "note": "It is plainly one.",
    }


@pytest.mark.parametrize("given", [{}, {"output": {"kind": "refund"}, "step_output": {"kind": "refund"}}])
def test_an_answer_is_exactly_one_of_two(flag, given):
    with pytest.raises(Invalid, match="exactly one"):
        decide(flag, "answered", **given)


def test_a_flag_that_the_frontier_answered_asks_for_review_and_can_be_reopened():
    models_answer(
        {"model": "opus", "text": envelope({"kind": "refund"})},
        {"text": envelope({"kind": "refund"}, confidence=0.4)},
    )
    execute(make_workflow())
    flag = Flag.objects.get()
    decide(flag, "dismissed")
    assert Execution.objects.get().status == "completed"
    resolution.reopen(flag, "key:reviewer")
    assert (flag.state, flag.resolution, flag.resolved_by) == ("open", "", "")


def test_what_was_built_on_cannot_be_taken_back(flag):
    decide(flag, "answered", output={"kind": "other"})
    with pytest.raises(Conflict, match="gone on"):
        resolution.reopen(flag, "key:reviewer")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="who writes there is alone")
@pytest.mark.django_db(transaction=True)
def test_a_resolution_and_a_cancellation_at_once_do_not_wait_for_each_other(flag):
    """The cancellation comes when the flag is settled and its event not yet written, on a connection of its own."""
    written, cancelling = threading.Event(), threading.Event()

    def pausing(execute, sql, parameters, many, context):
        if "INSERT" in sql and "executions_event" in sql and not written.is_set():
            written.set()
            cancelling.wait(5)
        return execute(sql, parameters, many, context)

    def locking(execute, sql, parameters, many, context):
        if "executions_flag" in sql:
            threading.Timer(0.2, cancelling.set).start()  # it waits for the flag by then
        return execute(sql, parameters, many, context)

    def answer():
        with connection.execute_wrapper(pausing):
            decide(flag, "answered", step_output={"kind": "other"})
        connection.close()

    def cancel():
        written.wait(5)
        threading.Timer(1.0, cancelling.set).start()  # or for the execution
        with connection.execute_wrapper(locking):
            control.cancel(Execution.objects.get(), "alice")
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(answer), pool.submit(cancel)]:
            done.result(timeout=30)
    flag.refresh_from_db()
    assert (flag.resolution, Execution.objects.get().status) == ("answered", "cancelled")


def test_a_flag_is_marked_for_redesign_and_its_execution_waits_for_it(uncovered):
    decide(uncovered, "redesign", note="Seashells are a way to pay now.")
    assert (uncovered.state, uncovered.resolution, uncovered.stands_still) == ("in_redesign", "redesign", True)
    assert Execution.objects.get().status == "escalated"
    resolution.reopen(uncovered, "key:reviewer")
    assert (uncovered.state, uncovered.resolution) == ("open", "")
    decide(uncovered, "answered", output={"kind": "other"})
    assert Execution.objects.get().status == "completed"


def test_a_redesign_may_answer_the_execution_now(uncovered):
    decide(uncovered, "redesign", output={"kind": "other"})
    assert (uncovered.state, uncovered.answered_by, uncovered.stands_still) == ("in_redesign", "human", False)
    assert (Execution.objects.get().status, Execution.objects.get().output) == ("completed", {"kind": "other"})
    with pytest.raises(Conflict, match="gone on"):
        resolution.reopen(uncovered, "key:reviewer")


def test_a_redesign_that_answers_follows_the_schema(uncovered):
    with pytest.raises(Invalid) as problem:
        decide(uncovered, "redesign", output={"sort": "refund"})
    assert problem.value.faults[0].pointer == "/output/kind"
    with pytest.raises(Invalid, match="Only the resolution answered has step_output"):
        decide(uncovered, "redesign", step_output={"kind": "other"})
    uncovered.refresh_from_db()
    assert uncovered.state == "open"


def test_what_the_design_sends_to_a_person_is_no_gap():
    models_answer({"text": envelope(status="escalate", edge_case="injury")})
    execute(make_workflow())
    with pytest.raises(Invalid, match="no gap to close"):
        decide(Flag.objects.get(), "redesign")


def test_a_cancelled_execution_stands_still_for_no_redesign(uncovered):
    decide(uncovered, "redesign")
    control.cancel(Execution.objects.get(), "alice")
    uncovered.refresh_from_db()
    assert (uncovered.state, uncovered.stands_still) == ("in_redesign", False)


def test_a_resolution_is_not_taken_back_where_the_same_was_found_again():
    models_answer(
        {"model": "opus", "text": envelope({"kind": "refund"})},
        {"text": envelope({"kind": "refund"}, confidence=0.4)},
    )
    execute(make_workflow())
    flag = Flag.objects.get()
    decide(flag, "dismissed")
    Flag.objects.create(execution=flag.execution, step=flag.step, reason=flag.reason, waiting=False)
    with pytest.raises(Conflict, match="found again"):
        resolution.reopen(flag, "key:reviewer")
