"""JSON's null is a value like any other: as an input, inside one, as what a step says and as the result."""

import json
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from executions import worker
from executions.drivers import plain
from executions.models import Execution, StepResult
from projects.models import ApiKey
from tests.cast import make_workflow

pytestmark = pytest.mark.django_db

ANYTHING = {
    "title": "Whatever it was",
    "purpose": "Say what came.",
    "input_schema": {"type": ["null", "object"]},
    "steps": [{"id": "same", "kind": "code", "code": "def run(input, steps):\n    return input"}],
    "result": "steps['same']",
}


@pytest.fixture
def client():
    _, token = ApiKey.objects.issue(make_workflow(ANYTHING, name="anything").project, ["admin"])
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


def post(client, path, body):
    answer = client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def finished(client, execution_id):
    plain.advance(UUID(execution_id), worker.current())
    return client.get(f"/api/v1/executions/{execution_id}").json()


def test_an_input_of_null_is_accepted_where_the_schema_allows_it_and_is_what_the_steps_read(client):
    body = {"input": None, "metadata": {"ticket": None, "tags": [None]}}
    status, accepted = post(client, "workflows/anything/executions", body)
    assert (status, accepted["input"], accepted["metadata"]) == (202, None, {"ticket": None, "tags": [None]})
    ended = finished(client, accepted["id"])
    assert (ended["status"], ended["output"], ended["steps"][0]["output"]) == ("completed", None, None)
    assert StepResult.objects.get().has_output


def test_it_is_json_in_the_database_and_not_nothing(client):
    post(client, "workflows/anything/executions", {"input": None})
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(input AS TEXT) FROM executions_execution")
        assert cursor.fetchall() == [("null",)]


def test_the_orm_writes_it_as_the_hot_path_does(client):
    post(client, "workflows/anything/executions", {"input": {"a": None}})
    execution = Execution.objects.get()
    execution.input = None
    execution.save()
    Execution.objects.update(input=None, output=None)
    execution.refresh_from_db()
    assert (execution.input, execution.output) == (None, None)
    assert Execution.objects.filter(output__isnull=True).exists()


def test_one_of_them_breaks_no_batch(client):
    inputs = [{"a": None}, None, {}]
    status, accepted = post(client, "workflows/anything/executions/batch", {"inputs": inputs})
    assert (status, [row["input"] for row in accepted["results"]]) == (202, inputs)
    assert [finished(client, row["id"])["output"] for row in accepted["results"]] == inputs
    assert post(client, "workflows/anything/executions/batch/estimate", {"inputs": inputs})[0] == 200


def test_it_is_run_again_from_the_start(client):
    _, accepted = post(client, "workflows/anything/executions", {"input": None})
    finished(client, accepted["id"])
    status, again = post(client, f"executions/{accepted['id']}/retries", {"version": "1.0.0"})
    assert (status, finished(client, again["id"])["output"]) == (201, None)


def test_where_the_schema_does_not_allow_it_it_is_refused(client):
    definition = {**ANYTHING, "input_schema": {"type": "object"}}
    post(client, "workflows", {"name": "objects", "definition": definition, "publish": True})
    status, problem = post(client, "workflows/objects/executions", {"input": None})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/input")
