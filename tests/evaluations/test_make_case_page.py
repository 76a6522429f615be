"""A case that is made of an execution, on its page."""

import pytest
from django.utils import timezone

from evaluations import cases
from evaluations.models import Case
from executions import worker
from executions.drivers import plain
from executions.models import Execution
from executions.queue import submit
from projects import tools
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, member, models_answer
from tests.evaluations.evaluated import add_case, evaluate

pytestmark = pytest.mark.django_db

WITH_A_TOOL = {
    **REFUND,
    "steps": [
        {"id": "look", "kind": "tool", "tool": "orders.look", "arguments": {"message": "input['message']"}},
        *REFUND["steps"],
    ],
}
SAID = {"outcome": "covered", "steps": "{}", "answers": "{}", "weight": "1", "tags": "", "note": ""}
FORM = {**SAID, "input": '{"message": "a refund"}', "expected": '{"kind": "refund"}'}


@pytest.fixture
def workflow(monkeypatch):
    monkeypatch.setattr(tools, "_registry", tools.registered())

    @tools.tool("orders.look", description="Looks.", input_schema={"type": "object"})
    def look(message: str) -> dict:
        return {"order": 7, "<b>": message}

    models_answer({"user": "moon", "text": envelope(status="uncovered")}, {"text": envelope({"kind": "refund"})})
    return make_workflow(WITH_A_TOOL, tools=("orders.look",))


def address(execution, word="make-case"):
    return f"/admin/executions/execution/{execution.pk}/{word}/"


def test_it_is_filled_in_with_what_came_what_was_answered_and_what_the_tools_said(workflow):
    execution, client = execute(workflow, "a refund"), member(workflow.project, "designer")
    assert address(execution) in client.get(address(execution, "change")).content.decode()
    form = client.get(address(execution)).content.decode()
    for said in (
        "{\n  &quot;message&quot;: &quot;a refund&quot;\n}",
        "{\n  &quot;kind&quot;: &quot;refund&quot;\n}",
        "&quot;look&quot;: {\n    &quot;&lt;b&gt;&quot;: &quot;a refund&quot;,\n    &quot;order&quot;: 7\n  }",
        '<option value="covered" selected>',
    ):
        assert said in form
    answers = '{"look": {"order": 7, "<b>": "a refund"}}'
    came = client.post(address(execution), {**FORM, "answers": answers}, follow=True).content.decode()
    case = Case.objects.get()
    assert "It counts now: 1 of 20" in came
    assert (case.execution, case.source, case.state) == (execution.pk, "example", "confirmed")
    assert case.answers == {"look": {"order": 7, "<b>": "a refund"}}
    assert address(execution, "change") in came


def test_what_was_not_answered_may_be_one_to_flag(workflow):
    form = member(workflow.project, "designer").get(address(execute(workflow, "the moon"))).content.decode()
    assert '<option value="uncovered" selected>' in form
    assert "It was not answered: say whether it should be flagged" in form


def test_one_is_made_of_a_trial_too(workflow):
    trial = submit(workflow.live.version, None, {"message": "a refund"}, actor="test")
    plain.advance(trial.pk, worker.current())
    client = member(workflow.project, "designer")
    assert address(trial) in client.get(address(trial, "change")).content.decode()
    assert client.post(address(trial), FORM).status_code == 302
    assert Case.objects.get().execution == trial.pk


def test_what_is_there_already_or_wrong_is_said(workflow):
    execution, client = execute(workflow, "a refund"), member(workflow.project, "designer")
    cases.add(workflow, cases.NewCase("covered", {"message": "a refund"}, {"kind": "refund"}), "user:x")
    assert "The same case</a> is there already." in client.post(address(execution), FORM).content.decode()
    wrong = client.post(address(execution), {**FORM, "expected": "{}"}).content.decode()
    assert "What is wrong stands beside its field." in wrong
    assert Case.objects.count() == 1


def test_of_what_was_deleted_and_of_evaluations_none_is_made(workflow):
    add_case(workflow, {"message": "a refund"}, {"kind": "refund"}, answers={"look": {}})
    of_case = evaluate(workflow.live.version, against="nothing").results.get().execution
    purged, client = execute(workflow, "another refund"), member(workflow.project, "designer")
    Execution.objects.filter(pk=purged.pk).update(purged_at=timezone.now())
    for execution, said in ((of_case, "It was made of a case itself."), (purged, "Its texts were deleted.")):
        assert address(execution) not in client.get(address(execution, "change")).content.decode()
        for came in (client.get(address(execution)), client.post(address(execution), FORM)):
            assert f"This cannot be done: {said}" in came.content.decode()
    assert Case.objects.count() == 1


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 302), ("owner", 302)])
def test_a_designer_makes_one(workflow, role, status):
    execution, client = execute(workflow, "a refund"), member(workflow.project, role)
    assert (address(execution) in client.get(address(execution, "change")).content.decode()) is (status == 302)
    assert client.post(address(execution), FORM).status_code == status
    stranger = member(make_project("bob"), "owner", "bob")
    assert stranger.get(address(execution)).status_code == stranger.post(address(execution), FORM).status_code == 404
