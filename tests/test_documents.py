"""A workflow's documents through the API: its versions compared, its archival, and the schema of its format."""

import json

import jsonschema_rs
import pytest
from django.test import Client
from django.utils import timezone

from executions.models import Execution
from projects.models import ApiKey, Scope
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer
from tests.test_docs import DEFINITION, blocks
from tests.test_rest import API, JSON, problem
from wire.problems import Conflict
from workflows.document_api import definition_schema
from workflows.models import Examined, Publication, Version, Workflow


@pytest.fixture
def workflow(db):
    return make_workflow()


@pytest.fixture
def client(workflow):
    token = ApiKey.objects.issue(workflow.project, [scope for scope in Scope.values if scope != Scope.ADMIN])[1]
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


def test_two_versions_are_compared(client, workflow):
    later = {**REFUND, "title": "Refunds"}
    workflow.draft(Examined.of(later, workflow.project), "1.1.0", created_by="alice")
    said = client.get(f"{API}/workflows/refund/diff?from=1.0.0&to=1.1.0").json()
    assert (said["from"], said["to"], said["identical"]) == ("1.0.0", "1.1.0", False)
    assert said["changes"] == [
        {"op": "changed", "pointer": "/title", "about": None, "before": "Refund request", "after": "Refunds"}
    ]
    assert said["text"].splitlines()[:2] == ["--- refund 1.0.0", "+++ refund 1.1.0"]
    assert client.get(f"{API}/workflows/refund/diff").json() == said
    first = client.get(f"{API}/workflows/refund/diff?to=1.0.0").json()
    assert (first["from"], first["identical"]) == ("1.0.0", True)
    same = client.get(f"{API}/workflows/refund/diff?from=1.1.0&to=1.1.0").json()
    assert (same["identical"], same["changes"], same["text"]) == (True, [], "")


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=9.9.9", 404), ("from=1.0.0&to=9.9.9", 404), ("from=1.0.0&to=1.0.0&x=1", 400), ("from=1&from=2", 400)],
)
def test_what_cannot_be_compared_is_said(client, query, status):
    problem(client.get(f"{API}/workflows/refund/diff?{query}"), status)


def test_an_archived_workflow_refuses_what_is_new_and_keeps_what_was(client, workflow):
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(workflow)
    archived = client.post(f"{API}/workflows/refund/archival", {}, JSON)
    assert archived.status_code == 200
    assert archived.json()["archived_at"]
    refused = (
        ("executions", {"input": {"message": "a refund"}}),
        ("executions/batch", {"inputs": [{"message": "a refund"}]}),
        ("executions/batch/estimate", {"inputs": [{"message": "a refund"}]}),
        ("versions", {"bump": "minor", "definition": REFUND}),
        ("versions/1.0.0/publication", {}),
        ("archival", {}),
    )
    for address, body in refused:
        said = problem(client.post(f"{API}/workflows/refund/{address}", body, JSON), 409)
        assert said["archived_at"], address
    again = client.post(f"{API}/executions/{execution.pk}/retries", {"version": "1.0.0"}, JSON)
    assert problem(again, 409)["archived_at"]
    assert Execution.objects.count() == 1
    assert client.get(f"{API}/workflows/refund/costs").json()["executions"] == 1
    assert client.get(f"{API}/executions/{execution.pk}").status_code == 200


def test_no_way_leads_around_the_archival(workflow):
    """Commands and whatever else comes later ask the workflow itself."""
    Workflow.objects.update(archived_at=timezone.now())
    workflow.refresh_from_db()
    with pytest.raises(Conflict, match="was archived"):
        workflow.draft(Examined.of(REFUND, workflow.project), "1.1.0", created_by="alice")
    with pytest.raises(Conflict, match="was archived"):
        Version.objects.get().publish("alice")
    assert (Version.objects.count(), Publication.objects.count()) == (1, 1)


def test_the_admin_tells_the_archived_ones(workflow, admin_client):
    address = "/admin/workflows/workflow/"
    Workflow.objects.update(archived_at=timezone.now())
    assert "field-archived_at" in admin_client.get(address).content.decode()
    assert ">refund<" in admin_client.get(f"{address}?archived_at__isempty=0").content.decode()
    assert ">refund<" not in admin_client.get(f"{address}?archived_at__isempty=1").content.decode()


def test_the_list_has_what_is_in_use(client):
    client.post(f"{API}/workflows/refund/archival", {}, JSON)
    assert client.get(f"{API}/workflows").json()["results"] == []
    assert [one["name"] for one in client.get(f"{API}/workflows?archived=true").json()["results"]] == ["refund"]


def test_an_archived_workflow_is_taken_back(client):
    problem(client.delete(f"{API}/workflows/refund/archival"), 409)
    client.post(f"{API}/workflows/refund/archival", {}, JSON)
    assert client.delete(f"{API}/workflows/refund/archival").json()["archived_at"] is None
    assert (
        client.post(f"{API}/workflows/refund/executions", {"input": {"message": "a refund"}}, JSON).status_code == 202
    )


def test_archiving_is_the_designers(workflow):
    token = ApiKey.objects.issue(workflow.project, ["read", "execute", "review"])[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    for method in (client.post, client.delete):
        problem(method(f"{API}/workflows/refund/archival", {}, JSON), 403)
    assert Workflow.objects.get().archived_at is None


def test_the_published_schema_takes_every_definition_that_is_stored(client):
    schema = client.get(f"{API}/definition-schema").json()
    assert schema == json.loads(json.dumps(definition_schema()))
    validator = jsonschema_rs.Draft202012Validator(schema)
    documents = [REFUND, *(json.loads(text)["definition"] for text in blocks(DEFINITION.read_text(), "json")[:1])]
    for document in documents:
        assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    "wrong",
    [{"lanes": {"batch": "True"}}, {"steps": []}, {"title": 3}, {"escalation": {"to": "nobody"}}, {"covers": [3]}],
    ids=str,
)
def test_the_published_schema_refuses_what_the_structure_forbids(wrong):
    validator = jsonschema_rs.Draft202012Validator(definition_schema())
    assert not validator.is_valid({**REFUND, **wrong})
