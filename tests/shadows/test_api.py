"""Shadows through REST."""

from decimal import Decimal

import pytest

from executions.retention import purge
from projects.models import AuditEvent
from shadows import drawing, measurements
from shadows.models import Plan, Shadow
from tests.cast import envelope, make_workflow, models_answer
from tests.neighbours import client_of
from tests.shadows.shadowed import PROMPT, complete, execute_past, plan, shadow, with_prompt

pytestmark = pytest.mark.django_db

PLAN = "/api/v1/workflows/refund/shadow-plan"
REFUNDS = {"text": envelope({"kind": "refund"})}
OTHER = {"model": "claude-opus-5-5", "user": "odd", "text": envelope({"kind": "other"})}


@pytest.fixture
def workflow():
    models_answer({"system": "You do one task", "text": '{"kind": "refund"}'}, OTHER, REFUNDS)
    return make_workflow()


@pytest.fixture
def alice(workflow):
    return client_of(workflow.project, "read", "design")


def put(client, **body):
    return client.put(PLAN, body, "application/json")


def test_nothing_is_drawn_until_a_plan_is_stated(alice):
    assert alice.get(PLAN).json() == {
        "workflow": "refund",
        "enabled": False,
        "subject": "workflow",
        "share": "0.0000",
        "monthly_budget": None,
        "spent": "0.00",
        "model": "scripted:claude-opus-5-5",
        "stated_by": None,
        "stated_at": None,
    }


def test_a_plan_is_stated_and_audited(alice, workflow):
    came = put(alice, share="0.05", monthly_budget="2.50")
    assert came.status_code == 200
    said = came.json()
    assert (said["enabled"], said["subject"], said["share"], said["monthly_budget"]) == (
        True,
        "workflow",
        "0.0500",
        "2.50",
    )
    assert said["stated_by"].startswith("key:") and said["stated_at"]
    row = Plan.objects.get()
    assert (row.workflow, row.share, row.monthly_budget) == (workflow, Decimal("0.05"), 2_500_000_000_000)
    event = AuditEvent.objects.latest("pk")
    assert (event.verb, event.kind, event.name) == ("stated", "plan", "refund")
    assert event.detail == {"enabled": True, "subject": "workflow", "share": "0.0500", "monthly_budget": "2.50"}
    assert alice.get(PLAN).json() == said


def test_a_plan_of_the_task_needs_a_prompt(alice, workflow):
    came = put(alice, subject="task", share="0.05", monthly_budget="1")
    assert came.status_code == 422
    [fault] = came.json()["errors"]
    assert fault["pointer"] == "/subject"
    assert "PUT /api/v1/workflows/refund/baseline with a prompt" in fault["detail"]
    assert not Plan.objects.exists()
    with_prompt(workflow)
    assert put(alice, subject="task", share="0.05", monthly_budget="1").status_code == 200
    assert put(alice, subject="task", share="0.05", monthly_budget="1", enabled=False).json()["enabled"] is False


def test_a_plan_needs_a_model(alice, workflow):
    workflow.project.tiers.filter(tier="frontier").delete()
    came = put(alice, share="0.05", monthly_budget="1")
    assert came.status_code == 422
    assert came.json()["errors"][0]["detail"].startswith("There is no model to ask")


def test_a_plan_needs_a_price(alice, workflow):
    workflow.project.tiers.filter(tier="frontier").update(provider="openai", model="nobody-knows-it")
    came = put(alice, share="0.05", monthly_budget="1")
    assert came.status_code == 422
    [fault] = came.json()["errors"]
    assert fault["pointer"] == "/monthly_budget"
    assert fault["detail"].startswith("openai:nobody-knows-it has no price")
    assert not Plan.objects.exists()
    workflow.project.tiers.filter(tier="frontier").update(model="gpt-4o")
    assert put(alice, share="0.05", monthly_budget="1").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"share": "1.01", "monthly_budget": "1"}, "/share"),
        ({"share": "0.05", "monthly_budget": "0"}, "/monthly_budget"),
        ({"share": "0.05"}, "/monthly_budget"),
        ({"share": "0.05", "monthly_budget": "1", "subject": "step"}, "/subject"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(alice, body, pointer):
    came = put(alice, **body)
    assert came.status_code == 422
    assert [fault["pointer"] for fault in came.json()["errors"]] == [pointer]


def test_an_archived_workflow_has_no_new_plan(alice, workflow):
    workflow.archive("alice")
    assert put(alice, share="0.05", monthly_budget="1").status_code == 409
    assert put(alice, share="0.05", monthly_budget="1", enabled=False).status_code == 200


def test_it_goes_on_where_it_looked_unless_something_else_is_shadowed(alice, workflow):
    put(alice, share="1", monthly_budget="1")
    execute_past(workflow)
    drawing.draw(workflow.pk)
    looked = Plan.objects.get().looked_until
    assert looked
    put(alice, share="0.5", monthly_budget="2")
    assert Plan.objects.get().looked_until == looked
    with_prompt(workflow)
    put(alice, subject="task", share="0.5", monthly_budget="2")
    assert Plan.objects.get().looked_until is None


def test_shadows_are_listed_and_filtered(alice, workflow):
    for message in ("a refund", "an odd refund"):
        execute_past(workflow, message)
    plan(workflow)
    same, other = shadow(workflow)
    listed = alice.get("/api/v1/workflows/refund/shadows").json()["results"]
    assert [one["id"] for one in listed] == [str(other.pk), str(same.pk)]
    assert listed[1]["cost"] == f"{Decimal(same.cost).scaleb(-12):f}".rstrip("0")
    assert "before" not in listed[0]

    def ids(query):
        came = alice.get(f"/api/v1/workflows/refund/shadows?{query}").json()
        return [one["id"] for one in came["results"]]

    assert ids("same=false") == [str(other.pk)]
    assert ids("status=skipped") == ids("subject=task") == []
    assert len(ids("status=completed&subject=workflow")) == 2


def test_one_shadow_says_what_came_of_it(alice, workflow):
    past = execute_past(workflow, "an odd refund")
    plan(workflow)
    [row] = shadow(workflow)
    found = alice.get(f"/api/v1/shadows/{row.pk}").json()
    assert (found["past_execution"], found["execution"], found["version"]) == (
        str(past.pk),
        str(row.execution_id),
        "1.0.0",
    )
    assert (found["before"], found["after"], found["same"]) == ({"kind": "refund"}, {"kind": "other"}, False)
    assert found["steps"]["classify"]["same"] is False
    assert found["prompt"] is None
    purge(workflow.project_id, row.finished_at, "test")
    found = alice.get(f"/api/v1/shadows/{row.pk}").json()
    assert (found["before"], found["after"], found["said"], found["same"]) == (None, None, "", False)
    assert found["steps"]["classify"] == {"same": False, "said": ""}
    assert found["cost"]


def test_one_of_a_task_shows_its_prompt(alice, workflow):
    with_prompt(workflow)
    execute_past(workflow)
    plan(workflow, subject="task")
    [row] = shadow(workflow)
    assert alice.get(f"/api/v1/shadows/{row.pk}").json()["prompt"] == PROMPT


def test_the_summary_keeps_subjects_apart(alice, workflow):
    with_prompt(workflow)
    for message in ("a refund", "an odd refund", "another refund"):
        execute_past(workflow, message)
    plan(workflow)
    found = shadow(workflow)
    Shadow.objects.filter(pk=found[0].pk).update(status="skipped", same=None, cost=None, steps={})
    Plan.objects.update(subject="task", looked_until=None, looked_id=None)
    drawing.draw(workflow.pk)
    complete(workflow)
    Shadow.objects.filter(subject="task").update(cost=2_000_000_000)
    Shadow.objects.filter(subject="workflow").exclude(pk=found[0].pk).update(cost=1_500_000_000)
    summary = alice.get("/api/v1/workflows/refund/shadows/summary").json()
    task, whole = summary["subjects"]
    assert whole == {
        "subject": "workflow",
        "simulated": True,
        "drawn": 3,
        "to_come": 0,
        "completed": 2,
        "failed": 0,
        "skipped": 1,
        "agreement": {"n": 2, "count": 1, "rate": "0.5000", "interval": ["0.0945", "0.9055"]},
        "steps": {
            "classify": {"n": 2, "count": 1, "rate": "0.5000", "interval": ["0.0945", "0.9055"]},
            "clean": {"n": 2, "count": 2, "rate": "1.0000", "interval": ["0.3424", "1.0000"]},
        },
        "mean_cost": "0.0015",
        "spent": "0.003",
    }
    assert (task["subject"], task["completed"], task["agreement"]["count"], task["mean_cost"]) == (
        "task",
        3,
        3,
        "0.002",
    )


def test_the_summary_reads_the_steps_of_the_newest_alone(alice, workflow, monkeypatch):
    monkeypatch.setattr(measurements, "NEWEST", 2)
    for message in ("an odd refund", "a refund", "another refund"):
        execute_past(workflow, message)
    plan(workflow)
    shadow(workflow)
    [whole] = alice.get("/api/v1/workflows/refund/shadows/summary").json()["subjects"]
    assert (whole["agreement"]["n"], whole["agreement"]["count"]) == (3, 2)
    assert (whole["steps"]["classify"]["n"], whole["steps"]["classify"]["count"]) == (2, 2)


def test_a_plan_takes_the_scope_design(workflow):
    assert put(client_of(workflow.project, "read"), share="0.05", monthly_budget="1").status_code == 403
