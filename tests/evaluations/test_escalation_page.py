"""The page on which escalation is a number, linked from the page of its workflow."""

import re

import pytest

from executions import feedback
from executions.feedback import Opinion
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, member, models_answer
from tests.evaluations.evaluated import add_case, add_messages, draft, evaluate
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow():
    models_answer(
        {"user": "moon", "text": envelope(status="uncovered", uncovered="The moon.")},
        {"user": "refund", "text": envelope({"kind": "refund"}, confidence=0.85)},
        {"text": envelope({"kind": "other"}, confidence=0.95)},
    )
    return make_workflow({**REFUND, "escalation": {"to": ["human"]}})


def address(workflow):
    return f"/admin/workflows/workflow/{workflow.pk}/escalation/"


def shown(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def test_by_its_cases_each_detector_has_its_precision_and_recall(workflow):
    add_messages(workflow, 4)
    for message in ("the moon", "a parcel"):
        add_case(workflow, {"message": message})
    evaluation = evaluate(workflow.live.version, against="nothing")
    client = member(workflow.project)
    assert address(workflow) in shown(client, f"/admin/workflows/workflow/{workflow.pk}/change/")
    page = shown(client, address(workflow))
    probes, production = page.split('id="production"')
    assert f"/admin/evaluations/evaluation/{evaluation.pk}/change/" in probes
    assert "flagged what it should flag" in probes
    row = '<th scope="row">self_report</th><td>uncovered</td><td class="number">1</td>'
    assert f"{row}<td>1 of 1, 100.0% (20.6–100.0%)</td><td>1 of 2, 50.0% (9.4–90.6%)</td>" in probes
    assert "1 of 5, 20.0% (3.6–62.4%)" in probes, "the parcel was answered, and nobody would have noticed"
    assert "What another min_confidence of step classify would catch" in probes
    assert "The version asks for 0.8000." in probes
    assert '<th scope="row">0.8500</th><td>0 of' in probes
    assert "self_report" not in production, "of its production nothing was flagged"
    assert "takes 30 spot checks, there are 0" in production
    assert '<span class="tag">simulated</span>' in page


def test_by_its_production_flags_and_what_people_said_of_it(workflow):
    execute(workflow, "the moon")
    feedback.give(execute(workflow, "a refund"), Opinion(False, "user:rosa"))
    feedback.give(execute(workflow, "a refund, please"), Opinion(True, "user:rosa"))
    page = shown(member(workflow.project), address(workflow))
    assert "No evaluation of it is completed with simulated models." in page
    assert "1, of 1 of which nobody said whether that was right" in page
    assert "1 of 2, 50.0% (9.4–90.6%)" in page
    assert (
        '<th scope="row">self_report</th><td>uncovered</td><td class="number">1</td><td class="number">1</td>' in page
    )


def test_another_version_days_and_kind_can_be_looked_at(workflow):
    execute(workflow, "the moon")
    draft(workflow)
    client = member(workflow.project)
    assert "refund 1.1.0</a>" in shown(client, f"{address(workflow)}?version=1.1.0")
    assert "Accepted from 2020-01-01 to 2020-02-01" in shown(
        client, f"{address(workflow)}?since=2020-01-01&until=2020-02-01"
    )
    assert "with real models" in shown(client, f"{address(workflow)}?simulated=no")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("version=9.9.9", "Version: Select a valid choice."),
        ("since=yesterday", "Production since: Enter a valid date."),
        ("since=2020-02-01&until=2020-01-01", "It ends on a day behind the one on which it begins"),
        ("simulated=<b>", "Of: Select a valid choice."),
    ],
)
def test_what_cannot_be_looked_at_is_said(workflow, query, said):
    page = shown(member(workflow.project), f"{address(workflow)}?{query}")
    assert said in page
    assert "By its cases" not in page


def test_a_workflow_without_a_version_says_so():
    project = make_project()
    workflow = Workflow.objects.create(project=project, name="empty")
    assert "empty has no version yet." in shown(member(project), address(workflow))


def test_another_project_does_not_find_it(workflow):
    assert member(make_project("bob"), "owner").get(address(workflow)).status_code == 404
