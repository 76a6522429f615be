"""A step of kind `workflow`: an execution of another workflow, whose end sets its caller going again."""

import pytest
from django.utils import timezone

from analytics import reconcile
from executions import calling, control, queue, resolution, retention, store, worker
from executions.drivers import plain
from executions.effects import Called
from executions.models import Event, Execution, Flag, Status, StepResult
from executions.representation import represent_executions
from executions.resolution import Decision
from executions.run import Journal
from gateway.models import Call
from notifications.messages import type_of
from notifications.models import Type
from projects.models import Project
from tests.cast import REFUND, envelope, make_project, make_workflow, models_answer
from wire.problems import Conflict, Invalid
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db

UNCOVERED = envelope(status="uncovered", uncovered="No rule speaks of this.")
SURE = envelope({"kind": "refund"})
ASK = {"id": "kind", "kind": "workflow", "workflow": "refund@1", "arguments": {"message": "input['message']"}}
EACH = {**ASK, "for_each": "input['messages']", "arguments": {"message": "item"}}


def calls(*steps, **more):
    return {
        "title": "Desk",
        "purpose": "Sort the post.",
        "input_schema": {"type": "object"},
        "steps": list(steps),
        **more,
    }


@pytest.fixture
def project():
    project = make_project()
    make_workflow(project=project)
    return project


def desk(project, *steps, name="desk", **more):
    return make_workflow(calls(*(steps or (ASK,)), **more), project=project, name=name)


def draft(project, name, document, number="1.0.0"):
    workflow, _ = Workflow.objects.get_or_create(project=project, name=name)
    return workflow.draft(Examined.of(document, project), number, created_by="alice")


def accept(workflow, **given):
    return queue.submit(workflow.live.version, workflow.live, given or {"message": "I want a refund"}, actor="test")


def work():
    """All that is queued, and what that sets going, as far as it goes."""
    calling.tell_the_rest()
    while queued := list(Execution.objects.filter(status=Status.QUEUED).order_by("queued_at")):
        for one in queued:
            plain.advance(one.pk, worker.current())
        calling.tell_the_rest()


def executed(workflow, **given):
    execution = accept(workflow, **given)
    work()
    return Execution.objects.get(pk=execution.pk)


def shown(execution):
    return represent_executions([Execution.objects.get(pk=execution.pk)])[0]


def called_by(execution):
    return Execution.objects.filter(caller=execution.pk).order_by("pk")


def resolve(flag, word="answered", **given):
    return resolution.resolve(flag, Decision(word, "user:lea", **given))


def test_its_result_is_the_result_of_an_execution_of_its_own(project):
    models_answer({"text": SURE})
    execution = executed(desk(project))
    [called] = called_by(execution)
    assert (execution.status, execution.output, execution.resolved_by) == ("completed", {"kind": "refund"}, "workflow")
    assert (called.status, called.purpose, called.publication_id) == (
        "completed",
        "production",
        Workflow.objects.get(name="refund").live_id,
    )
    assert called.input == {"message": "I want a refund"}


def test_it_shows_what_was_called_and_what_that_cost(project):
    models_answer({"text": SURE})
    execution = executed(desk(project))
    [called] = called_by(execution)
    whole, part = shown(execution), shown(called)
    assert [(step["id"], step["kind"], step["execution"]) for step in whole["steps"]] == [
        ("kind", "workflow", str(called.pk))
    ]
    assert part["caller"] == str(execution.pk) and whole["caller"] is None
    assert whole["cost"] == part["cost"] != "0.000000000000"
    assert whole["tokens"] == part["tokens"]


def test_while_it_waits_nobody_is_occupied(project):
    models_answer({"text": SURE})
    execution = accept(desk(project))
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.waiting_for, execution.resume_at) == ("waiting", "workflow", None)
    assert [one.status for one in called_by(execution)] == ["queued"]
    assert Event.objects.get(execution=execution, after="waiting").code == "workflow"


def test_an_execution_is_called_once_whoever_dies(project):
    """The journal of a worker that lost its lease is not written, and the next one begins behind the last checkpoint."""
    models_answer({"text": SURE})
    execution = accept(desk(project))
    lease = store.claim(execution.pk, worker.current())
    built = queue.called_by(execution, Workflow.objects.get(name="refund").live, {"message": "x"}, 0)
    Execution.objects.filter(pk=execution.pk).update(token=99)
    with pytest.raises(store.LeaseLost):
        store.end(lease, Journal(called=[built]), Called())
    assert not called_by(execution).exists()


def test_a_flag_of_the_called_one_escalates_its_caller_and_its_answer_sets_both_going(project):
    models_answer({"text": UNCOVERED})
    execution = executed(desk(project))
    flag = Flag.objects.get()
    assert execution.status == "escalated" and flag.execution.caller_id == execution.pk
    assert [one["id"] for one in shown(execution)["flags"]] == [str(flag.pk)]
    resolve(flag, step_output={"kind": "other"})
    work()
    execution.refresh_from_db()
    assert (execution.status, execution.output, execution.resolved_by) == ("completed", {"kind": "other"}, "human")


def test_whoever_is_told_hears_of_the_flag_once_from_the_execution_that_has_it(project):
    models_answer({"text": UNCOVERED})
    execution = executed(desk(project))
    escalated = {event.execution_id: event for event in Event.objects.filter(after="escalated")}
    [called] = called_by(execution)
    assert escalated[execution.pk].code == "called"
    assert type_of(escalated[execution.pk]) is None
    assert type_of(escalated[called.pk]) == Type.WAITING


def test_a_trial_does_not_mix_simulated_and_real_models(project, monkeypatch):
    models_answer({"text": SURE})
    document = calls(ASK, REFUND["steps"][0] | {"id": "clean"}, REFUND["steps"][1])
    execution = queue.submit(draft(project, "desk", document), None, {"message": "I want a refund"}, actor="test")
    Execution.objects.filter(pk=execution.pk).update(simulated=False)
    work()
    assert "never added" in Flag.objects.get().explanation and not called_by(execution).exists()


def test_a_cancellation_reaches_what_moves_under_what_had_failed(project):
    models_answer({"text": SURE})
    desk(project)
    middle = {"id": "inner", "kind": "workflow", "workflow": "desk", "arguments": {"message": "input['message']"}}
    execution = accept(desk(project, middle, name="house"))
    plain.advance(execution.pk, worker.current())
    [inner] = called_by(execution)
    plain.advance(inner.pk, worker.current())
    Execution.objects.filter(pk=inner.pk).update(status="failed")
    control.cancel(execution, "user:lea")
    assert called_by(inner).get().status == "cancelled"


def test_a_whole_answer_of_a_person_is_the_steps_output(project, django_capture_on_commit_callbacks):
    models_answer({"text": UNCOVERED})
    execution = executed(desk(project))
    with django_capture_on_commit_callbacks(execute=True):
        resolve(Flag.objects.get(), output={"kind": "other"})
    execution.refresh_from_db()
    assert execution.status == "queued"
    work()
    execution.refresh_from_db()
    assert (execution.status, execution.output, execution.resolved_by) == ("completed", {"kind": "other"}, "human")


def test_where_we_broke_there_it_fails_and_a_retry_retries_both(project):
    models_answer({"text": SURE})
    execution = accept(desk(project))
    plain.advance(execution.pk, worker.current())
    [called] = called_by(execution)
    lease = store.claim(called.pk, worker.current())
    Execution.objects.filter(pk=called.pk).update(
        status="failed",
        error={"code": "internal", "detail": "We broke."},
        finished_at=timezone.now(),
        token=lease.token,
    )
    work()
    execution.refresh_from_db()
    assert (execution.status, execution.error["code"]) == ("failed", "called_failed")
    assert str(called.pk) in execution.error["detail"] and "We broke." in execution.error["detail"]
    control.retry(execution, "user:lea")
    work()
    execution.refresh_from_db()
    assert (execution.status, execution.output) == ("completed", {"kind": "refund"})
    assert called_by(execution).count() == 1


def test_a_cancellation_ends_what_was_called_and_what_that_called(project):
    models_answer({"text": UNCOVERED})
    desk(project)
    middle = {"id": "inner", "kind": "workflow", "workflow": "desk", "arguments": {"message": "input['message']"}}
    execution = executed(desk(project, middle, name="house"))
    assert [one.status for one in Execution.objects.order_by("created_at")] == ["escalated"] * 3
    control.cancel(execution, "user:lea")
    assert {one.status for one in Execution.objects.all()} == {"cancelled"}
    assert not Flag.objects.filter(waiting=True).exists()
    calling.tell_the_rest()
    assert not Execution.objects.untold().exists()


def test_one_that_is_cancelled_by_itself_asks_a_person_and_a_retry_calls_anew(project):
    models_answer({"text": SURE})
    execution = accept(desk(project))
    plain.advance(execution.pk, worker.current())
    [called] = called_by(execution)
    control.cancel(called, "user:lea")
    calling.tell_the_rest()
    work()
    execution.refresh_from_db()
    flag = Flag.objects.get(execution=execution)
    assert (execution.status, flag.reason, flag.detector, flag.step) == ("escalated", "uncovered", "workflow", "kind")
    resolve(flag, "retry")
    work()
    execution.refresh_from_db()
    assert (execution.status, called_by(execution).count()) == ("completed", 2)


def test_of_a_list_all_are_called_at_once_and_the_last_to_end_tells(project):
    models_answer({"text": envelope({"kind": "other"})})
    execution = accept(desk(project, EACH), messages=["one", "two", "three"])
    plain.advance(execution.pk, worker.current())
    first, second, third = called_by(execution)
    for one in (first, second):
        plain.advance(one.pk, worker.current())
        execution.refresh_from_db()
        assert execution.status == "waiting"
    plain.advance(third.pk, worker.current())
    work()
    execution.refresh_from_db()
    assert execution.output == [{"kind": "other"}] * 3
    steps = StepResult.objects.filter(execution=execution).order_by("iteration")
    assert [(row.iteration, row.status) for row in steps] == [(0, "done"), (1, "done"), (2, "done")]


def test_items_whose_executions_are_escalated_wait_and_the_others_are_taken(project):
    models_answer({"user": "two", "text": UNCOVERED}, {"text": envelope({"kind": "other"})})
    execution = executed(desk(project, EACH), messages=["one", "two", "three"])
    assert execution.status == "escalated"
    assert StepResult.objects.filter(execution=execution, status="done").count() == 2
    resolve(Flag.objects.get(), output={"kind": "refund"})
    work()
    execution.refresh_from_db()
    assert execution.output == [{"kind": "other"}, {"kind": "refund"}, {"kind": "other"}]


def test_a_caller_that_ran_while_it_was_to_be_told_is_told_later(project):
    models_answer({"text": SURE})
    execution = accept(desk(project))
    plain.advance(execution.pk, worker.current())
    [called] = called_by(execution)
    Execution.objects.filter(pk=execution.pk).update(status="running")
    plain.advance(called.pk, worker.current())
    calling.tell_the_rest()
    assert Execution.objects.untold().get().pk == called.pk
    Execution.objects.filter(pk=execution.pk).update(status="waiting")
    calling.tell_the_rest()
    execution.refresh_from_db()
    assert execution.status == "queued" and not Execution.objects.untold().exists()


def test_its_checks_and_schema_judge_what_came_back(project):
    models_answer({"text": envelope({"kind": "other"})})
    checked = {**ASK, "checks": [{"check": "output['kind'] == 'refund'", "message": "Only refunds belong here."}]}
    execution = executed(desk(project, checked))
    flag = Flag.objects.get(execution=execution)
    assert (flag.reason, flag.explanation) == ("check_failed", "Only refunds belong here.")


def test_it_is_skipped_like_any_other_step(project):
    execution = executed(desk(project, {**ASK, "when": "False", "otherwise": {"kind": "'none'"}}))
    assert (execution.output, called_by(execution).count()) == ({"kind": "none"}, 0)


def test_arguments_that_break_its_input_schema_ask_a_person(project):
    execution = executed(desk(project, {**ASK, "arguments": {"message": "7"}}))
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector) == ("escalated", "uncovered", "workflow")
    assert "/message" in flag.explanation
    assert not called_by(execution).exists()


def test_an_archived_workflow_is_called_no_more(project):
    workflow = desk(project)
    Workflow.objects.filter(name="refund").update(archived_at=timezone.now())
    execution = executed(workflow)
    assert execution.status == "escalated" and "archived" in Flag.objects.get().explanation


def test_what_is_called_stays_what_it_was_when_the_caller_was_published(project):
    models_answer({"text": SURE})
    workflow = desk(project)
    other = {**REFUND, "result": {"kind": "'something else'"}}
    draft(project, "refund", other, "1.1.0").publish("alice")
    assert executed(workflow).output == {"kind": "refund"}
    again = draft(project, "desk", calls(ASK), "1.0.1")
    again.publish("alice")
    assert executed(Workflow.objects.get(name="desk")).output == {"kind": "something else"}


def test_a_trial_calls_what_is_live_and_makes_trials(project):
    models_answer({"text": SURE})
    execution = queue.submit(draft(project, "desk", calls(ASK)), None, {"message": "I want a refund"}, actor="test")
    work()
    assert {one.purpose for one in Execution.objects.all()} == {"trial"}
    assert Execution.objects.get(pk=execution.pk).output == {"kind": "refund"}


def test_a_major_version_is_the_latest_of_that_number(project):
    draft(project, "refund", REFUND, "2.0.0").publish("alice")
    workflow = Workflow.objects.get(name="refund")
    assert workflow.called_as(None).version.number == workflow.called_as(2).version.number == "2.0.0"
    assert workflow.called_as(1).version.number == "1.0.0"
    assert workflow.called_as(3) is None


@pytest.mark.parametrize(
    "fields, pointer, said",
    [
        ({"workflow": "nothing"}, "/steps/0/workflow", "There is no workflow 'nothing' in this project."),
        ({"workflow": "refund@2"}, "/steps/0/workflow", "The workflow refund has no published version 2.x"),
        ({"workflow": "Refund!"}, "/steps/0/workflow", "is the name of a workflow"),
        ({"arguments": {"mesage": "'x'"}}, "/steps/0/arguments/mesage", "did you mean 'message'?"),
        ({"arguments": {}}, "/steps/0/arguments", "The argument 'message' of refund@1 is missing."),
        ({"arguments": {"message": "steps['later']"}}, "/steps/0/arguments/message", "Unknown step 'later'"),
    ],
)
def test_what_cannot_be_called_is_refused_when_it_is_saved(project, fields, pointer, said):
    with pytest.raises(Invalid) as refused:
        Examined.of(calls({**ASK, **fields}), project)
    assert [fault.detail for fault in refused.value.faults if fault.pointer == pointer and said in fault.detail]


def test_another_projects_workflow_is_none(project):
    stranger = Project.objects.create(name="bob")
    with pytest.raises(Invalid, match="There is no workflow 'refund'"):
        Examined.of(calls(ASK), stranger)


def test_three_stand_in_each_other_and_no_more(project):
    desk(project)
    call = {"kind": "workflow", "arguments": {"message": "input['message']"}}
    desk(project, {**call, "id": "a", "workflow": "desk"}, name="house")
    with pytest.raises(Invalid, match="at most 3 deep"):
        Examined.of(calls({**call, "id": "b", "workflow": "house"}), project)


def test_what_calls_itself_is_not_published(project):
    desk(project)
    loop = draft(project, "refund", calls({**ASK, "workflow": "desk"}), "1.1.0")
    with pytest.raises(Conflict, match="would never end"):
        loop.publish("alice")


def test_texts_of_what_was_called_stay_until_its_caller_is_purged(project):
    models_answer({"text": SURE})
    workflow = desk(project, {**ASK, "checks": [{"check": "False", "message": "No."}]})
    execution = executed(workflow)
    [called] = called_by(execution)
    later = timezone.now() + timezone.timedelta(days=1)
    assert retention.purge(project.pk, later, "test") == 0
    resolve(Flag.objects.get(), "dismissed")
    work()
    assert retention.purge(project.pk, later, "test") == 1
    assert retention.purge(project.pk, later, "test") == 1
    called.refresh_from_db()
    assert called.purged_at is not None


def test_the_books_hold_and_each_counts_in_its_own_workflow(project):
    models_answer({"text": SURE})
    executed(desk(project))
    assert not [found for check in reconcile.checks(project) for found in check()]
    assert Call.objects.get().workflow == Workflow.objects.get(name="refund").pk
