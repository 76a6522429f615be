"""A request that is sent again makes nothing twice: the same key and the same request are answered with the same object."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from executions.models import Event, Execution, Flag
from projects.models import ApiKey, IdempotencyKey, Tool
from projects.tools import tool
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from workflows.models import Publication, Version, Workflow

ONE = {"input": {"message": "A refund"}}


def client_of(project):
    _, token = ApiKey.objects.issue(project, ["admin"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def post(client, path, body, key):
    answer = client.post(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )
    return answer.status_code, answer.json()


@pytest.mark.django_db
def test_every_post_makes_its_object_once():
    project = make_project()
    client = client_of(project)
    new = {"name": "refund", "definition": REFUND, "publish": True}
    for path, body in [
        ("workflows", new),
        ("workflows/refund/versions", {"definition": REFUND, "bump": "minor"}),
        ("workflows/refund/versions/1.1.0/publication", {}),
        ("workflows/refund/executions", ONE),
        ("workflows/refund/executions/batch", {"inputs": [ONE["input"]] * 3}),
    ]:
        first, second = post(client, path, body, path), post(client, path, body, path)
        assert first == second, path
        assert first[0] in (201, 202)
    counts = [model.objects.count() for model in (Workflow, Version, Publication, Execution)]
    assert counts == [1, 2, 2, 4]


@pytest.mark.django_db
def test_a_resolution_and_a_cancellation_can_be_sent_again():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    workflow = make_workflow()
    client = client_of(workflow.project)
    execute(workflow)
    answer = {"resolution": "answered", "output": {"kind": "other"}}
    path = f"flags/{Flag.objects.get().pk}/resolution"
    assert post(client, path, answer, "a")[0] == post(client, path, answer, "a")[0] == 200
    assert post(client, path, answer, "b")[0] == 409
    _, waiting = post(client, "workflows/refund/executions", ONE, "c")
    path = f"executions/{waiting['id']}/cancellation"
    assert post(client, path, {}, "d") == post(client, path, {}, "d")
    assert Event.objects.filter(after="cancelled").count() == 1


@tool("test.answer", description="Answers.", input_schema={"type": "object", "properties": {}}, side_effects=False)
def answer():
    return 1


ASKING = {
    "title": "Ask",
    "purpose": "Ask a tool.",
    "input_schema": {"type": "object"},
    "steps": [{"id": "ask", "kind": "tool", "tool": "test.answer", "arguments": {}}],
}


@pytest.mark.django_db
def test_what_was_made_stays_made_whatever_holds_by_now():
    """Its definition would be refused by now, and its workflow is archived: neither is asked of a request that was answered."""
    project = make_project()
    Tool.objects.create(project=project, name="test.answer")
    client = client_of(project)
    requests = [
        ("workflows", {"name": "ask", "definition": ASKING}),
        ("workflows/ask/versions", {"definition": ASKING, "bump": "minor"}),
        ("workflows/ask/versions/1.1.0/publication", {}),
    ]
    made = [post(client, path, body, path) for path, body in requests]
    assert [status for status, _ in made] == [201] * 3
    Tool.objects.all().delete()
    assert post(client, "workflows", {"name": "other", "definition": ASKING}, "new")[0] == 422
    assert post(client, "workflows/ask/archival", {}, "archive")[0] == 200
    assert post(client, *requests[1], "new")[0] == 409
    again = [post(client, path, body, path) for path, body in requests]
    assert [(status, said["version"]) for status, said in again[1:]] == [(201, "1.1.0")] * 2
    assert again[0][0] == 201
    assert Version.objects.count() == 2


@pytest.mark.django_db
def test_the_key_itself_is_not_kept():
    client = client_of(make_workflow().project)
    post(client, "workflows/refund/executions", ONE, "customer 4711, sk-not-for-anybody")
    assert IdempotencyKey.objects.get().key == hashlib.sha256(b"customer 4711, sk-not-for-anybody").hexdigest()


@pytest.mark.django_db
def test_the_answer_is_the_object_as_it_is_now():
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    client = client_of(workflow.project)
    _, accepted = post(client, "workflows/refund/executions", ONE, "k")
    post(client, f"executions/{accepted['id']}/cancellation", {}, "other")
    _, again = post(client, "workflows/refund/executions", ONE, "k")
    assert (again["id"], accepted["status"], again["status"]) == (accepted["id"], "queued", "cancelled")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("workflows/refund/executions", {"input": {"message": "Another refund"}}),
        ("workflows/refund/executions/batch", {"inputs": [ONE["input"]]}),
    ],
)
def test_a_key_is_good_for_one_request_only(path, body):
    client = client_of(make_workflow().project)
    post(client, "workflows/refund/executions", ONE, "k")
    status, problem = post(client, path, body, "k")
    assert (status, "another request" in problem["detail"]) == (422, True)


@pytest.mark.django_db
def test_a_key_belongs_to_its_project():
    make_workflow(project=make_project("alice"))
    bobs = make_workflow(project=make_project("bob"))
    _, mine = post(client_of(Workflow.objects.first().project), "workflows/refund/executions", ONE, "k")
    _, his = post(client_of(bobs.project), "workflows/refund/executions", ONE, "k")
    assert mine["id"] != his["id"]


@pytest.mark.django_db
def test_a_request_that_was_refused_keeps_no_key():
    client = client_of(make_workflow().project)
    assert post(client, "workflows/refund/executions", {"input": {}}, "k")[0] == 422
    assert not IdempotencyKey.objects.exists()
    assert post(client, "workflows/refund/executions", ONE, "k")[0] == 202


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "tab\there"])
def test_a_key_that_is_none_is_refused(key):
    assert post(client_of(make_workflow().project), "workflows/refund/executions", ONE, key)[0] == 400


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_with_one_key_make_one_execution():
    client = client_of(make_workflow().project)

    def ask(_):
        try:
            return post(client, "workflows/refund/executions", ONE, "k")
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    assert {status for status, _ in answers} == {202}
    assert len({body["id"] for _, body in answers}) == 1
    assert Execution.objects.count() == 1
