"""Many inputs at once, all or none; and an answer that waits for the end, for few callers at a time."""

import json

import pytest
from django.test import Client

from executions import preference
from executions.models import Event, Execution
from executions.working import working
from projects.models import ApiKey
from tests.cast import envelope, make_workflow, models_answer
from wire.problems import Malformed

GOOD = {"text": envelope({"kind": "refund"})}


def caller(workflow):
    _, token = ApiKey.objects.issue(workflow.project, ["execute", "read"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def post(client, path, body, **headers):
    answer = client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers)
    return answer.status_code, answer.json(), answer.headers


@pytest.mark.django_db
def test_a_batch_is_accepted_as_a_whole():
    workflow = make_workflow()
    inputs = [{"message": f"A refund, number {n}"} for n in range(3)]
    status, body, _ = post(caller(workflow), "workflows/refund/executions/batch", {"inputs": inputs})
    assert (status, [row["status"] for row in body["results"]]) == (202, ["queued"] * 3)
    assert [row["input"] for row in body["results"]] == inputs
    assert Event.objects.filter(kind="accepted").count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("inputs", "pointers"),
    [
        ([{"message": "A refund"}, {"text": "?"}, {}], ["/inputs/1/message", "/inputs/1", "/inputs/2/message"]),
        ([], ["/inputs"]),
        ([{"message": "A refund"}] * 1001, ["/inputs"]),
    ],
)
def test_one_wrong_input_refuses_the_batch_and_every_wrong_one_is_named(inputs, pointers):
    status, body, _ = post(caller(make_workflow()), "workflows/refund/executions/batch", {"inputs": inputs})
    assert (status, sorted(error["pointer"] for error in body["errors"])) == (422, sorted(pointers))
    assert not Execution.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_prefers_to_wait_is_answered_with_the_end():
    models_answer(GOOD)
    workflow = make_workflow()
    client = caller(workflow)
    with working():
        status, body, headers = post(
            client, "workflows/refund/executions", {"input": {"message": "A refund"}}, Prefer="wait=20"
        )
    assert (status, body["status"], body["output"]) == (200, "completed", {"kind": "refund"})
    assert headers["Preference-Applied"] == "wait=20"


@pytest.mark.django_db
def test_who_waits_in_vain_gets_what_there_is():
    status, body, _ = post(
        caller(make_workflow()), "workflows/refund/executions", {"input": {"message": "A refund"}}, Prefer="wait=0"
    )
    assert (status, body["status"]) == (202, "queued")


@pytest.mark.django_db
def test_without_a_seat_nobody_waits():
    workflow = make_workflow()
    taken = [preference._seats.acquire(blocking=False) for _ in range(4)]
    try:
        status, _, headers = post(
            caller(workflow), "workflows/refund/executions", {"input": {"message": "A refund"}}, Prefer="wait=60"
        )
    finally:
        for _ in taken:
            preference._seats.release()
    assert (status, "Preference-Applied" in headers) == (202, False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("respond-async", None), ("wait=10", 10), ("respond-async, wait=7", 7), ("wait = 60", 60)],
)
def test_it_reads_the_preference(header, seconds):
    assert preference.seconds_preferred(header) == seconds


@pytest.mark.parametrize("header", ["wait=61", "wait=-1", "wait=soon", "wait=1.5", "wait=9999999"])
def test_a_wait_that_cannot_be_is_refused(header):
    with pytest.raises(Malformed):
        preference.seconds_preferred(header)
