"""The two addresses of the cost summary: what they answer, to whom, and what they refuse."""

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from executions.models import Execution
from gateway.types import Usage
from projects.models import ApiKey, Project

from .ledgers import (
    HAIKU,
    NOON,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_measured_workflow,
    make_project,
)

pytestmark = pytest.mark.django_db

REFUND_COSTS = "/api/v1/workflows/refund/costs"


def client_of(project: Project, *scopes: str) -> APIClient:
    _, token = ApiKey.objects.issue(project, list(scopes))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def workflow():
    return make_measured_workflow(design_cost="5.20")


@pytest.fixture
def client(workflow):
    return client_of(workflow.project, "read")


def test_the_summary_has_every_figure_of_the_contract(workflow, client):
    make_answer(make_execution(workflow))
    response = client.get(REFUND_COSTS)
    assert response.status_code == 200
    assert response.json() == {
        "workflow": "refund",
        "since": None,
        "until": None,
        "currency": "USD",
        "simulated": False,
        "complete": True,
        "unpriced_calls": 0,
        "reported": {"executions": 0, "calls": 0, "cost": "0.00", "unpriced_calls": 0},
        "unproven": True,
        "overridden": [],
        "executions": 1,
        "finished": 1,
        "completed": 1,
        "execution_cost": "0.002",
        "design_cost": "5.20",
        "design": {"declared": "5.20", "measured": "0.00"},
        "evaluation_cost": "0.00",
        "shadow_cost": "0.00",
        "in_doubt_cost": "0.00",
        "total_cost": "5.202",
        "if_all_frontier": "0.01",
        "savings": "-5.192",
        "savings_percent": "-51920.00",
        "roi_percent": "-99.81",
        "payback_executions": 650,
        "paid_back_at": None,
        "cost_per_completed": "5.202",
        "escalation_rate": "0.0000",
        "retry_rate": "0.0000",
        "cache_savings": "0.00",
        "batch_savings": "0.00",
        "agreement": None,
        "latency_ms": {"p50": 2000, "p95": 2000},
        "baseline": {
            "method": "repriced_warm",
            "model": "anthropic:claude-opus-4-5",
            "subject": None,
            "n": 1,
            "estimated": True,
            "unpriced": 0,
            "borrowed": None,
            "agreement": None,
            "agreement_interval": None,
            "interval": None,
            "savings_interval": None,
            "savings_percent_interval": None,
        },
    }


def test_a_window_and_a_method_may_be_named(workflow, client):
    make_answer(make_execution(workflow), usage=Usage(cache_read=10_000, output=200))
    body = client.get(f"{REFUND_COSTS}?since=2026-11-16&until=2026-11-17&baseline=repriced_cold").json()
    assert (body["since"], body["until"]) == ("2026-11-16", "2026-11-17")
    assert (body["baseline"]["method"], body["if_all_frontier"]) == ("repriced_cold", "0.055")


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=",
        "since=2026-11-16T00:00:00Z",
        "until=20261116",
        "until=2026-W47-1",
        "since=2026-02-30",
        "since=2026-11-17&until=2026-11-17",
        "since=2026-11-18&until=2026-11-17",
        "since=2026-11-16&since=2026-11-17",
        "baseline=best",
        "group_by=colour",
        "simulated=maybe",
        "form=2026-11-16",
    ],
)
def test_what_cannot_be_read_is_refused(client, query):
    response = client.get(f"{REFUND_COSTS}?{query}")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_it_says_simulated_while_that_alone_is_there(workflow, client):
    assert client.get(REFUND_COSTS).json()["simulated"] is False  # its models are real
    make_answer(make_execution(workflow, simulated=True))
    assert client.get(REFUND_COSTS).json()["simulated"] is True
    make_execution(workflow)
    assert client.get(REFUND_COSTS).json()["simulated"] is False
    body = client.get(f"{REFUND_COSTS}?simulated=true").json()
    assert (body["simulated"], body["executions"]) == (True, 1)


def test_a_project_has_a_summary_of_its_own(workflow, client):
    make_answer(make_execution(workflow))
    make_answer(make_execution(make_measured_workflow("refund", project=make_project("mallory"))))
    body = client.get("/api/v1/costs").json()
    assert (body["workflow"], body["executions"], body["total_cost"], body["unproven"]) == (None, 1, "5.202", True)


def test_another_projects_workflow_is_not_there(client):
    make_measured_workflow("theirs", project=make_project("mallory"))
    assert client.get("/api/v1/workflows/theirs/costs").status_code == 404


@pytest.mark.parametrize("address", [REFUND_COSTS, "/api/v1/costs"])
def test_it_needs_a_key_that_may_read(workflow, address):
    assert APIClient().get(address).status_code == 401
    assert client_of(workflow.project, "execute").get(address).status_code == 403


@pytest.fixture
def traffic(workflow):
    """Two calls on two days, one in doubt, a trial's, and one of another workflow."""
    execution = make_execution(workflow)
    make_answer(execution)
    make_call(execution, "anthropic:claude-opus-4-5", Usage(input=1_000, cache_read=2_000), step="draft")
    make_doubted_call(execution, upper_bound=7_000_000_000, at=NOON + timedelta(days=1))
    make_call(make_execution(workflow, purpose=Execution.Purpose.TRIAL, publication=None), HAIKU)
    make_answer(make_execution(make_measured_workflow("triage", project=workflow.project)))


def groups_of(client: APIClient, address: str, by: str) -> list[tuple]:
    groups = client.get(f"{address}?group_by={by}").json()["groups"]
    numbers = ("cost", "calls", "tokens", "unpriced_calls")
    return [
        (*(group[name] for name in group if name not in numbers), group["cost"], group["calls"]) for group in groups
    ]


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("workflow", [("refund", "0.017", 4), ("triage", "0.002", 1)]),
        ("version", [("refund", "1.0.0", "0.017", 4), ("triage", "1.0.0", "0.002", 1)]),
        (
            "step",
            [("refund", "classify", "0.011", 3), ("refund", "draft", "0.006", 1), ("triage", "classify", "0.002", 1)],
        ),
        ("model", [("anthropic:claude-haiku-4-5", "0.013", 4), ("anthropic:claude-opus-4-5", "0.006", 1)]),
        ("day", [("2026-11-16", "0.012", 4), ("2026-11-17", "0.007", 1)]),
    ],
)
def test_the_calls_can_be_taken_apart(client, by, groups):
    assert groups_of(client, "/api/v1/costs", by) == groups


@pytest.mark.usefixtures("traffic")
def test_a_group_says_its_tokens(client):
    group = client.get(f"{REFUND_COSTS}?group_by=step").json()["groups"][1]
    assert group == {
        "workflow": "refund",
        "step": "draft",
        "cost": "0.006",
        "calls": 1,
        "unpriced_calls": 0,
        "tokens": {"input": 1_000, "output": 0, "cache_read": 2_000, "cache_write": 0},
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("claude-opus-4-20250514", "anthropic:claude-opus-4-20250514"),
        ("scripted:claude-opus-5-5", "scripted:claude-opus-5-5"),
    ],
)
def test_a_baselines_model_may_be_a_bare_name_of_the_frontiers_provider(workflow, given, kept):
    designer = client_of(workflow.project, "design")
    answer = designer.put(
        "/api/v1/workflows/refund/baseline", {"method": "repriced_cold", "model": given}, format="json"
    )
    assert (answer.status_code, answer.json()["model"]) == (200, kept)


@pytest.mark.parametrize("given", ["nobody:model", "anthropic:", "a name", "anthropic:ü"])
def test_a_baselines_model_that_is_none_is_refused(workflow, given):
    designer = client_of(workflow.project, "design")
    answer = designer.put(
        "/api/v1/workflows/refund/baseline", {"method": "repriced_cold", "model": given}, format="json"
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/model")
