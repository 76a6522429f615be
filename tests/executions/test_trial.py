"""Trying a version in the admin: a real execution, which counts as a trial."""

import json

import pytest

from executions import worker
from executions.drivers import plain
from executions.models import Execution
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, member, models_answer
from workflows.models import Examined

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft():
    workflow = make_workflow()
    return workflow.draft(Examined.of(REFUND, workflow.project), "1.1.0", created_by="alice")


def address(version):
    return f"/admin/workflows/version/{version.pk}/try/"


def test_a_draft_is_tried_and_its_page_follows_it(draft):
    models_answer({"text": envelope({"kind": "refund"})})
    client = member(draft.workflow.project, "designer")
    answer = client.post(address(draft), {"input": '{"message": "I want a refund"}'})
    trial = Execution.objects.get()
    assert answer.headers["Location"] == f"/admin/executions/execution/{trial.pk}/change/"
    assert (trial.purpose, trial.version, trial.status) == ("trial", draft, "queued")
    assert trial.events.get().actor == "user:rosa"
    assert "data-live " in client.get(answer.headers["Location"]).content.decode()
    plain.advance(trial.pk, worker.current())
    page = client.get(answer.headers["Location"]).content.decode()
    assert "trial: its cost counts as evaluation" in page
    assert "completed" in page


def test_a_version_that_is_live_is_tried_too(draft):
    live = draft.workflow.live.version
    member(live.workflow.project, "designer").post(address(live), {"input": '{"message": "x"}'})
    assert Execution.objects.get().purpose == "trial"


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 200), ("owner", 200)])
def test_a_designer_tries_it(draft, role, status):
    client = member(draft.workflow.project, role)
    assert client.get(address(draft)).status_code == status
    client.post(address(draft), {"input": '{"message": "x"}'})
    assert Execution.objects.count() == (1 if status == 200 else 0)


def test_the_form_is_filled_with_what_the_schema_asks_for(draft):
    page = member(draft.workflow.project, "designer").get(address(draft)).content.decode()
    assert "{\n  &quot;message&quot;: &quot;&quot;\n}" in page
    assert "nothing: it is simulated" in page


def test_or_with_what_came_before(draft):
    models_answer({"text": envelope({"kind": "refund"})})
    past = execute(draft.workflow, "My parcel is wet")
    page = member(draft.workflow.project, "designer").get(f"{address(draft)}?from={past.pk}").content.decode()
    assert "My parcel is wet" in page


@pytest.mark.parametrize("named", ["", "nothing", "01a215aa-0000-7000-8000-000000000000"])
def test_an_execution_that_there_is_not_fills_nothing(draft, named):
    answer = member(draft.workflow.project, "designer").get(f"{address(draft)}?from={named}")
    assert answer.status_code == 200


def test_nor_does_one_of_another_workflow(draft):
    """An id says nothing about somebody else's input."""
    models_answer({"text": envelope({"kind": "refund"})})
    theirs = execute(make_workflow(project=make_project("bob")), "Bob's secret")
    page = member(draft.workflow.project, "designer").get(f"{address(draft)}?from={theirs.pk}").content.decode()
    assert "Bob" not in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{", "Not JSON: "),
        ("{}", "/input/message: "),
        ('{"message": 7}', "/input/message: "),
        ("", "This field is required."),
        (json.dumps({"message": "x" * 1024 * 1024}), "at most 1048576 characters"),
    ],
    ids=["not JSON", "lacking", "wrong", "nothing", "too long"],
)
def test_a_wrong_input_is_told_and_kept_in_the_form(draft, typed, said):
    page = member(draft.workflow.project, "designer").post(address(draft), {"input": typed}).content.decode()
    assert said in page
    assert Execution.objects.count() == 0


def test_why_it_cannot_be_tried_is_a_sentence(draft):
    client = member(draft.workflow.project, "designer")
    draft.workflow.project.tiers.filter(tier="cheap").delete()
    assert (
        "It cannot be tried: The project maps no model to the tier cheap" in client.get(address(draft)).content.decode()
    )
    page = client.post(address(draft), {"input": '{"message": "x"}'}).content.decode()
    assert "maps no model" in page
    assert Execution.objects.count() == 0


def test_secrets_are_taken_out_of_what_is_tried(draft):
    secret = "sk-ant-api03-" + "a1B2" * 20
    member(draft.workflow.project, "designer").post(address(draft), {"input": json.dumps({"message": secret})})
    assert secret not in json.dumps(Execution.objects.get().input)
