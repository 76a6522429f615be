"""A review step: what is asked, who answers, and what silence means."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from analytics import rollups, standings
from executions import control, queue, resolution, worker
from executions.drivers import plain
from executions.models import Event, Execution, Flag, StepResult
from executions.preference import wait_for
from executions.resolution import Decision
from tests.cast import make_workflow
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db

APPROVED = {"type": "object", "required": ["approved"], "additionalProperties": False,
            "properties": {"approved": {"type": "boolean"}, "note": {"type": "string"}}}  # fmt: skip
REVIEW = {
    "id": "approval",
    "kind": "review",
    "to": "team_lead",
    "prompt": "## Refund {{ input.amount }}?\n{{ input.message }}",
    "output_schema": APPROVED,
    "checks": [{"check": "output['approved'] or output.get('note')", "message": "Say why not."}],
}
PAY = {"id": "pay", "kind": "code", "code": "def run(input, steps):\n    return steps['approval']"}
SILENCE = {"within": "2d", "otherwise": {"approved": "False", "why": "error"}}


def definition(**fields):
    return {
        "title": "Refund",
        "purpose": "Pay a refund.",
        "input_schema": {"type": "object"},
        "steps": [{**REVIEW, **fields}, PAY],
    }


def asked(**fields):
    workflow = make_workflow(definition(**fields))
    given = {"amount": "250.00", "message": "<b>Now</b>"}
    return go_on(queue.submit(workflow.live.version, workflow.live, given, actor="test"))


def go_on(execution):
    plain.advance(execution.pk, worker.current())
    return Execution.objects.get(pk=execution.pk)


def decide(word="answered", **given):
    return resolution.resolve(Flag.objects.get(), Decision(word, "user:lea", **given))


def test_the_execution_waits_and_the_queue_shows_what_is_asked():
    execution = asked()
    flag = Flag.objects.get()
    assert (execution.status, execution.waiting_for, execution.resume_at, execution.error) == (
        "waiting",
        "review",
        None,
        None,
    )
    assert (flag.reason, flag.detector, flag.role, flag.step, flag.waiting) == (
        "review",
        "design",
        "team_lead",
        "approval",
        True,
    )
    assert flag.explanation == "## Refund 250.00?\n<b>Now</b>"


def test_an_answer_is_the_steps_output_and_the_workflow_resolves_it():
    asked()
    decide(step_output={"approved": True})
    execution = go_on(Execution.objects.get())
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "workflow", {"approved": True})
    row = StepResult.objects.get(step="approval")
    assert (row.status, row.attempt, row.answered_by) == ("done", 1, "human")


@pytest.mark.parametrize(
    ("output", "said"),
    [({"approved": "yes"}, "approved"), ({"approved": False}, "Say why not")],
)
def test_an_answer_follows_schema_and_checks_and_else_is_given_again(output, said):
    asked()
    with pytest.raises(Invalid, match=said):
        decide(step_output=output)
    assert (Flag.objects.get().state, Execution.objects.get().status) == ("open", "waiting")


@pytest.mark.parametrize(
    "given", [{"word": "dismissed"}, {"word": "retry"}, {"output": {"approved": True}}, {}], ids=str
)
def test_a_review_is_answered_and_nothing_else(given):
    asked()
    with pytest.raises(Invalid, match="A review is answered with a step_output"):
        decide(**given)


def test_two_reviewers_at_once_are_one_answer():
    asked()
    mine, other = Flag.objects.get(), Flag.objects.get()
    resolution.resolve(mine, Decision("answered", "user:lea", step_output={"approved": True}))
    with pytest.raises(Conflict, match="resolved already"):
        resolution.resolve(other, Decision("answered", "user:tom", step_output={"approved": True}))


def test_silence_is_the_otherwise_and_is_not_judged():
    execution = asked(**SILENCE)
    assert timedelta(days=1, hours=23) < execution.resume_at - timezone.now() <= timedelta(days=2)
    assert execution.deadline_at > execution.resume_at + timedelta(hours=23)
    Execution.objects.update(resume_at=timezone.now() - timedelta(seconds=1))
    assert queue.sweep() == 1
    flag = Flag.objects.get()
    assert (flag.state, flag.resolution, flag.resolved_by, flag.waiting) == ("resolved", "overdue", "sweeper", False)
    execution = go_on(execution)
    assert (execution.status, execution.output) == ("completed", {"approved": False, "why": "overdue"})
    assert execution.resolved_by == "workflow"


def test_who_answers_behind_the_time_is_told():
    asked(**SILENCE)
    Execution.objects.update(resume_at=timezone.now() - timedelta(seconds=1))
    flag = Flag.objects.get()
    queue.sweep()
    with pytest.raises(Conflict, match="resolved already"):
        resolution.resolve(flag, Decision("answered", "user:lea", step_output={"approved": True}))


def test_what_is_woken_early_goes_on_waiting_for_the_rest_of_the_time():
    execution = asked(**SILENCE)
    StepResult.objects.update(started_at=timezone.now() - timedelta(days=1))
    queue.requeue(execution.pk, "waiting", "test")
    execution = go_on(execution)
    assert (execution.status, Flag.objects.count()) == ("waiting", 1)
    assert timedelta(hours=23) < execution.resume_at - timezone.now() <= timedelta(days=1)


def test_a_skipped_review_asks_nobody():
    execution = asked(when="input['amount'] == '0.00'", otherwise={"approved": "error is None"})
    assert (execution.status, execution.output, Flag.objects.count()) == ("completed", {"approved": True}, 0)


def test_what_is_cancelled_asks_nobody_any_more():
    execution = asked()
    control.cancel(execution, "key:shop")
    flag = Flag.objects.get()
    assert (flag.state, flag.waiting, flag.resolved_by) == ("dismissed", False, "key:shop")


def test_what_was_asked_is_not_asked_again():
    asked()
    decide(step_output={"approved": True})
    with pytest.raises(Conflict, match="has gone on since"):
        resolution.reopen(Flag.objects.get(), "user:lea")


def test_who_prefers_to_wait_is_answered_when_a_person_is_asked():
    execution = asked()
    assert wait_for(execution.pk, 0) is True


def test_reports_are_proven_with_a_review():
    asked()
    decide(step_output={"approved": True})
    go_on(Execution.objects.get())
    for _ in range(2):
        call_command("reconcile", stdout=StringIO())  # exits 1 where something differs
        rollups.fold()


def test_a_prompt_that_cannot_be_rendered_goes_to_a_person():
    execution = asked(prompt="{{ input.nothing }}")
    assert (execution.status, Flag.objects.get().reason) == ("escalated", "code_error")


def test_a_review_is_no_escalation():
    execution = asked()
    decide(step_output={"approved": True})
    go_on(execution)
    assert [one.flagged for one in standings.counted(Execution.objects.all())] == [False]
    assert Event.objects.filter(after="escalated").count() == 0


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"within": "2d"}, "/steps/0/within", "needs an `otherwise`"),
        ({"within": "2 days", "otherwise": None}, "/steps/0/within", "90m, 12h or 3d"),
        ({"for_each": "[1]"}, "/steps/0/for_each", "does not belong"),
        ({"to": "Team Lead"}, "/steps/0/to", "names a role"),
        ({"output_schema": {"type": "array"}}, "/steps/0/output_schema", "answered with an object"),
        ({"prompt": "{{ steps.pay }}"}, "/steps/0/prompt", "pay"),
    ],
)
def test_it_refuses_a_review_that_is_wrong(fields, pointer, said):
    with pytest.raises(Invalid) as raised:
        make_workflow(definition(**fields))
    assert [fault.pointer for fault in raised.value.faults] == [pointer]
    assert said in raised.value.faults[0].detail


def test_a_review_needs_a_schema():
    with pytest.raises(Invalid) as raised:
        wanted = definition()
        del wanted["steps"][0]["output_schema"]
        make_workflow(wanted)
    assert "'output_schema' is missing" in raised.value.faults[0].detail
