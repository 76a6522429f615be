"""Evaluations and gates through REST."""

import pytest

from evaluations import running
from evaluations.models import Evaluation
from projects.models import ApiKey
from tests.cast import envelope, make_workflow, models_answer
from tests.evaluations.evaluated import add_messages, complete, draft
from tests.neighbours import client_of

pytestmark = pytest.mark.django_db

RIGHT = {"user": "refund", "text": envelope({"kind": "refund"})}


@pytest.fixture
def workflow():
    models_answer(RIGHT)
    found = make_workflow()
    add_messages(found, 20)
    return found


@pytest.fixture
def alice(workflow):
    return client_of(workflow.project, "read", "design")


def post(client, path, body=None, **headers):
    return client.post(f"/api/v1/{path}", body or {}, "application/json", headers=headers)


def test_an_evaluation_is_begun_and_followed_to_its_verdict(alice, workflow):
    came = post(alice, "workflows/refund/evaluations", {"budget": "1.00"})
    assert came.status_code == 201
    begun = came.json()
    assert (begun["status"], begun["against"], begun["version"]) == ("running", "frontier", "1.0.0")
    assert begun["progress"] == {"done": 0, "moving": 0, "total": 40}
    complete(Evaluation.objects.get())
    ended = alice.get(f"/api/v1/evaluations/{begun['id']}").json()
    assert (ended["status"], ended["passed"], ended["opens_gate"]) == ("completed", True, True)
    assert ended["figures"]["arms"]["candidate"]["quality"]["rate"] == "1.0000"
    results = alice.get(f"/api/v1/evaluations/{begun['id']}/results?arm=candidate&limit=1").json()
    assert results["results"][0]["output"] == {"kind": "refund"}
    assert results["next"]


def test_the_gate_answers_409_and_opens_on_a_verdict_or_an_override(alice, workflow):
    number = draft(workflow).number
    address = f"workflows/refund/versions/{number}/publication"
    refused = post(alice, address)
    assert refused.status_code == 409
    assert refused.json()["missing"][0]["what"] == "verdict"
    overridden = post(alice, address, {"override": "It is urgent."})
    assert overridden.status_code == 201
    assert (overridden.json()["evidence"], overridden.json()["reason"]) == ("overridden", "It is urgent.")


def test_a_version_that_is_to_be_published_at_once_meets_the_gate_too(alice, workflow):
    definition = workflow.live.version.definition
    came = post(alice, "workflows/refund/versions", {"bump": "minor", "definition": definition, "publish": True})
    assert came.status_code == 409
    assert workflow.versions.count() == 1, "and nothing is half done"


def test_the_estimate_begins_nothing(alice, workflow):
    came = post(alice, "workflows/refund/evaluations/estimate", {"against": "nothing"})
    assert came.status_code == 200
    assert came.json() | {"expected": "", "upper_bound": ""} == {
        "executions": 20,
        "cases": 20,
        "expected": "",
        "upper_bound": "",
        "basis": "assumed",
        "simulated": True,
    }
    assert not Evaluation.objects.exists()


def test_one_key_begins_one_evaluation(alice, workflow):
    first, second = (post(alice, "workflows/refund/evaluations", **{"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert Evaluation.objects.count() == 1


def test_it_is_cancelled_once(alice, workflow):
    made = post(alice, "workflows/refund/evaluations").json()
    running.advance(Evaluation.objects.get())
    ended = post(alice, f"evaluations/{made['id']}/cancellation")
    assert ended.json()["status"] == "cancelled"
    assert post(alice, f"evaluations/{made['id']}/cancellation").status_code == 409
    budget = alice.put(f"/api/v1/evaluations/{made['id']}/budget", {"budget": "5.00"}, "application/json")
    assert budget.status_code == 409


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"version": "9.9.9"}, None),
        ({"against": "everything"}, "/against"),
        ({"models": {"nobody": "scripted:a"}}, "/models/nobody"),
        ({"repeats": 11}, "/repeats"),
        ({"budget": "-1"}, "/budget"),
        ({"at_once": 0}, "/at_once"),
    ],
)
def test_what_is_wrong_is_named(alice, workflow, body, pointer):
    came = post(alice, "workflows/refund/evaluations", body)
    assert came.status_code == (404 if pointer is None else 422)
    assert pointer is None or came.json()["errors"][0]["pointer"] == pointer
    assert not Evaluation.objects.exists()


def test_who_may_not_design_may_not_evaluate(workflow):
    reader = client_of(workflow.project, "read", "execute")
    assert post(reader, "workflows/refund/evaluations").status_code == 403
    assert reader.put("/api/v1/workflows/refund/gate", {"margin": "1"}, "application/json").status_code == 403


def test_the_gate_is_stated_in_parts(alice, workflow):
    assert alice.get("/api/v1/workflows/refund/gate").json()["margin"] == "0.1200"
    came = alice.put("/api/v1/workflows/refund/gate", {"min_cases": 5}, "application/json").json()
    assert (came["min_cases"], came["margin"], came["cases"]) == (5, "0.1200", 20)
    assert came["stated_by"] == f"key:{ApiKey.objects.get(project=workflow.project).prefix}"
    none = alice.put("/api/v1/workflows/refund/gate", {"margin": "0"}, "application/json")
    assert none.json()["errors"][0]["pointer"] == "/margin"
