"""Designs and redesigns over REST: begun, followed, answered, cancelled, and nobody else's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from designs import running
from designs.models import Design
from executions import errands
from executions.models import Flag
from projects.models import Project, Scope
from tests.cast import make_project, make_workflow, models_answer
from tests.designs.designed import TASK, complete, design_answer, redesign_answer
from tests.designs.test_redesigning import ADD, CASES, FRONTIER, flagged
from tests.neighbours import client_of
from wire import openapi

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {
    "name": "refund",
    "task": TASK,
    "requirements": ["Never guess."],
    "policies": [{"name": "Refunds", "text": "R1 None after 30 days."}],
    "examples": [{"input": {"message": "A refund please"}, "output": {"kind": "refund"}}],
    "executions_per_month": 1000,
    "budget": "2.00",
}


@pytest.fixture
def alice():
    return client_of(make_project(), *Scope.values)


def post(client, path: str, body: dict, status: int = 201, **headers: str) -> dict:
    answer = client.post(f"/api/v1/{path}", body, "application/json", headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


def get(client, path: str) -> dict:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def finish(made: dict) -> dict:
    complete(Design.objects.get(pk=made["id"]))
    return made


def test_a_design_is_begun_followed_and_done(alice):
    models_answer({"text": design_answer()})
    made = post(alice, "designs", BODY)
    assert (made["status"], made["kind"], made["draft"], made["spent"]) == ("running", "design", None, "0.00")
    assert (made["budget"], made["examples"], made["simulated"]) == ("2.00", 1, True)
    finish(made)
    found = get(alice, f"designs/{made['id']}")
    assert (found["status"], found["draft"], found["rounds"]) == ("completed", "1.0.0", 1)
    assert found["answer"]["fit"]["verdict"] == "great"
    assert found["questions"][0]["question"] == "Who reads Polish?"
    assert found["figures"]["executions_per_month"] == 1000
    assert float(found["spent"]) > 0
    [only] = get(alice, f"designs/{made['id']}/rounds")["results"]
    assert (only["number"], only["faults"], len(only["model_calls"])) == (1, [], 1)
    assert get(alice, "workflows/refund/versions/1.0.0")["designed_by"] == "scripted:claude-opus-5-5"
    assert [one["id"] for one in get(alice, "designs?status=completed&workflow=refund")["results"]] == [made["id"]]
    costs = get(alice, "workflows/refund/costs")
    assert costs["design_cost"] == found["spent"]


def test_lists_have_no_texts_and_ask_no_more_for_many_rows(alice):
    models_answer({"text": design_answer()})
    made = finish(post(alice, "designs", BODY))
    found = get(alice, f"designs/{made['id']}")
    with CaptureQueriesContext(connection) as one:
        [row] = get(alice, "designs")["results"]
    assert set(found) - set(row) == {"brief", "questions", "answer", "figures"}
    assert row == {key: found[key] for key in row}
    assert (row["examples"], row["rounds"], row["draft"]) == (1, 1, "1.0.0")
    first = Design.objects.get()
    for number in range(9):
        more = Design.objects.create(
            project=first.project,
            workflow=first.workflow,
            kind="redesign",
            base=first.draft,
            brief={},
            examples=[{"input": number}] * number,
            target=first.target,
            simulated=True,
            created_by="alice",
        )
        more.rounds.create(number=1, answer="What was said.")
    with CaptureQueriesContext(connection) as ten:
        rows = get(alice, "designs")["results"]
    assert [one["examples"] for one in rows] == [8, 7, 6, 5, 4, 3, 2, 1, 0, 1]
    assert [one["rounds"] for one in rows] == [1] * 10
    assert len(one) == len(ten)
    with CaptureQueriesContext(connection) as redesigns:
        assert len(get(alice, "workflows/refund/redesigns")["results"]) == 9
    for asked in (ten, redesigns):
        told = " ".join(one["sql"] for one in asked if 'FROM "designs_' in one["sql"])
        for column in ("brief", "examples", "answer", "figures", "definition", "design_context"):
            assert f'"{column}"' not in told


def test_the_estimate_begins_nothing(alice):
    found = post(alice, "designs/estimate", BODY, 200)
    assert (found["model"], found["upper_bound"], found["simulated"]) == ("scripted:claude-opus-5-5", "2.00", True)
    assert 0 < float(found["expected"]) < 2
    assert not Design.objects.exists()


def test_the_same_key_makes_one_design(alice):
    key = {"Idempotency-Key": "once"}
    first = post(alice, "designs", BODY, **key)
    assert post(alice, "designs", BODY, **key)["id"] == first["id"]
    assert Design.objects.count() == 1


def test_answers_begin_a_design_that_follows(alice):
    models_answer({"text": design_answer()})
    first = finish(post(alice, "designs", BODY))
    answers = {"answers": [{"question": "Who reads Polish?", "answer": "Rosa."}]}
    second = finish(post(alice, f"designs/{first['id']}/answers", answers))
    assert second["follows"] == first["id"]
    assert get(alice, f"designs/{second['id']}")["draft"] == "1.0.1"


def test_it_is_cancelled_and_has_a_budget(alice):
    made = post(alice, "designs", BODY)
    raised = alice.put(f"/api/v1/designs/{made['id']}/budget", {"budget": "3.00"}, "application/json").json()
    assert raised["budget"] == "3.00"
    assert post(alice, f"designs/{made['id']}/cancellation", {}, 200)["status"] == "cancelled"
    post(alice, f"designs/{made['id']}/cancellation", {}, 409)
    assert alice.put(f"/api/v1/designs/{made['id']}/budget", {"budget": "4"}, "application/json").status_code == 409


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"task": "  "}, "/task"),
        ({"name": "No Name"}, "/name"),
        ({"policies": [{"name": "R"}]}, "/policies/0/text"),
        ({"policies": [{"name": "R", "text": "a"}, {"name": "R", "text": "b"}]}, "/policies"),
        ({"examples": [{"output": 1}]}, "/examples/0"),
        ({"examples": [{"input": 1, "answer": 2}]}, "/examples/0"),
        ({"model": "nobody:x"}, "/model"),
        ({"max_rounds": 0}, "/max_rounds"),
        ({"budget": "-1"}, "/budget"),
        ({"executions_per_month": 0}, "/executions_per_month"),
        ({"answers": []}, "/answers"),
        ({"task": "x" * 20_001}, "/task"),
        ({"requirements": ["x" * 5_001]}, "/requirements/0"),
        ({"constraints": [""]}, "/constraints/0"),
        ({"constraints": ["x"] * 201}, "/constraints"),
        ({"policies": [{"name": str(n), "text": "x"} for n in range(101)]}, "/policies"),
        ({"policies": [{"name": "x" * 201, "text": "x"}]}, "/policies/0/name"),
        ({"files": {f"{n}.md": "" for n in range(101)}}, "/files"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(alice, changed, pointer):
    said = post(alice, "designs", {**BODY, **changed}, 422)
    assert [one["pointer"] for one in said["errors"]] == [pointer]
    assert not Design.objects.exists()


def test_the_schema_promises_what_is_taken():
    kept = openapi.document()["components"]["schemas"]["NewDesign"]["properties"]
    line = {"type": "string", "minLength": 1, "maxLength": 5_000}
    for name in ("requirements", "constraints"):
        assert (kept[name]["maxItems"], kept[name]["items"]) == (200, line)
    assert (kept["task"]["minLength"], kept["task"]["maxLength"]) == (1, 20_000)
    assert [kept[name]["maxItems"] for name in ("policies", "examples")] == [100, 10_000]
    assert kept["files"]["maxProperties"] == 100
    [number, _] = kept["executions_per_month"]["anyOf"]
    assert (number["minimum"], number["maximum"]) == (1, 10**9)


def test_an_archived_workflow_is_not_designed(alice):
    workflow = make_workflow(project=alice_project(alice))
    workflow.archive("alice")
    assert "archived" in post(alice, "designs", BODY, 409)["detail"]


def alice_project(client):
    return Project.objects.get(name="alice")


def test_a_redesign_from_groups(alice):
    workflow = make_workflow(project=alice_project(alice))
    flags = flagged(workflow)
    [group] = get(alice, "workflows/refund/groups")["results"]
    assert float(post(alice, "workflows/refund/redesigns/estimate", {"groups": [group["id"]]}, 200)["expected"]) > 0
    assert {flag.state for flag in Flag.objects.all()} == {"open"}
    models_answer({**FRONTIER, "text": redesign_answer([ADD], CASES)})
    made = finish(post(alice, "workflows/refund/redesigns", {"groups": [group["id"]], "note": "Not here."}))
    found = get(alice, f"designs/{made['id']}")
    assert (found["kind"], found["base"], found["draft"]) == ("redesign", "1.0.0", "1.1.0")
    assert sorted(found["resolves"]) == sorted(str(flag.pk) for flag in flags)
    assert found["answer"]["changes"][0]["path"] == "/edge_cases/-"
    assert [one["id"] for one in get(alice, "workflows/refund/redesigns")["results"]] == [made["id"]]
    assert get(alice, f"groups/{group['id']}")["state"] == "in_redesign"


def test_anothers_groups_and_flags_are_like_none(alice):
    make_workflow(project=alice_project(alice))
    [foreign, _] = flagged(make_workflow(project=make_project("mallory"), name="refund"))
    unknown = "0190a000-0000-7000-8000-000000000000"
    for field, pk in (("flags", str(foreign.pk)), ("groups", str(foreign.membership.group_id))):
        said = post(alice, "workflows/refund/redesigns", {field: [pk]}, 422)
        assert said == post(alice, "workflows/refund/redesigns", {field: [unknown]}, 422)
        assert said["errors"][0]["pointer"] == f"/{field}/0"
    foreign.refresh_from_db()
    assert foreign.state == "open"


def test_anothers_design_is_not_found(alice):
    made = post(alice, "designs", BODY)
    mallory = client_of(make_project("mallory"), *Scope.values)
    for path in ("", "/rounds"):
        assert mallory.get(f"/api/v1/designs/{made['id']}{path}").status_code == 404
    assert post(mallory, f"designs/{made['id']}/cancellation", {}, 404)
    running.advance_all()
    errands.wait()
