"""The whole story, told through the REST API: a workflow is posted, published and executed on a cheap model that speaks
the provider's real protocol; what it does not cover is flagged and answered; and the costs are those of the provider's own
log, to the last digit. Read this second, after the README."""

import json
import time
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from executions.working import working
from gateway.event_loop import wait_for
from gateway.providers.anthropic import AnthropicProvider
from gateway.providers.registry import register
from projects.models import TierModel
from tests.cast import REFUND, envelope
from tests.messages_server import MessagesServer, message

pytestmark = pytest.mark.django_db(transaction=True)

HAIKU = {"input": Decimal("0.10"), "output": Decimal("0.50")}  # USD per million tokens, as published
OPUS = {"input": Decimal("4"), "output": Decimal("20")}


class Agent:
    """A program that uses the service: a key, and JSON in and out."""

    def __init__(self, project: str, scopes: str = "read,execute,design,review") -> None:
        printed = StringIO()
        call_command("create_api_key", project=project, scopes=scopes, stdout=printed)
        self.client = Client(headers={"Authorization": f"Bearer {printed.getvalue().strip()}"})

    def ask(self, method: str, path: str, body: object = None, *, status: int = 200) -> dict:
        kind = {"content_type": "application/json"} if body is not None else {}
        data = json.dumps(body) if body is not None else None
        response = self.client.generic(method, f"/api/v1/{path}", data=data or "", **kind)
        assert response.status_code == status, response.content
        return response.json()

    def until_it_stands(self, execution: dict) -> dict:
        for _ in range(200):
            found = self.ask("GET", f"executions/{execution['id']}")
            if found["status"] not in ("queued", "running"):
                return found
            time.sleep(0.05)
        raise AssertionError(f"the execution is still {found['status']}")


def a_model(request: dict) -> dict:
    """What the provider's models would say: the cheap one admits what is not covered, the frontier knows more."""
    said, frontier = request["messages"][0]["content"], "opus" in request["model"]
    said = said if isinstance(said, str) else said[0]["text"]
    if "moon" in said:
        answer = envelope(status="uncovered", uncovered="This is not about an order.")
    elif "warranty" in said and not frontier:
        answer = envelope({"kind": "other"}, confidence=0.4)
    else:
        answer = envelope({"kind": "refund" if "refund" in said else "other"})
    return message(answer, usage={"input_tokens": 700 + len(said), "output_tokens": 60})


@pytest.fixture
def provider():
    with MessagesServer(a_model) as server:
        models = AnthropicProvider("a key", server.url)
        register("anthropic", models)
        yield server
        wait_for(models.close())


@pytest.fixture
def alice(provider):
    agent = Agent("alice")
    for tier, model in (("cheap", "claude-haiku-5-5"), ("frontier", "claude-opus-5-5")):
        TierModel.objects.filter(project__name="alice", tier=tier).update(provider="anthropic", model=model)
    with working():
        yield agent


def test_the_life_of_a_workflow(alice, provider):
    # A frontier model worked the task out; the agent stores what it wrote, with its context and its cost.
    created = alice.ask(
        "POST",
        "workflows",
        {
            "name": "refund-triage",
            "definition": REFUND,
            "designed_by": "claude-opus-5-5",
            "design_cost": "5.20",
            "design_context": {"requirements": ["Say whether a customer asks for a refund."]},
        },
        status=201,
    )
    assert (created["version"], created["state"]) == ("1.0.0", "draft")
    assert created["published"] is None

    # Nothing is executed before it is published: publishing pins the models of this moment.
    alice.ask("POST", "workflows/refund-triage/executions", {"input": {"message": "refund"}}, status=409)
    published = alice.ask("POST", "workflows/refund-triage/versions/1.0.0/publication", {}, status=201)
    assert published["tier_map"]["cheap"] == "anthropic:claude-haiku-5-5"
    assert published["unproven"] is True

    # What the cheap model covers is answered by it alone.
    covered = execute(alice, "Please refund the blue kettle.")
    assert (covered["status"], covered["resolved_by"], covered["output"]) == (
        "completed",
        "workflow",
        {"kind": "refund"},
    )
    assert covered["tracking"] == {"followed": True, "unexpected": [], "update_suggested": False}

    # Where it is unsure, the frontier is asked about that one step; the flag asks for review, and nothing waits.
    unsure = execute(alice, "Is this under warranty?")
    assert (unsure["status"], unsure["resolved_by"]) == ("completed", "frontier")
    assert [(flag["reason"], flag["waiting"]) for flag in unsure["flags"]] == [("low_confidence", False)]

    # What nobody covers waits for a person: one answers by REST …
    alien = execute(alice, "What is the moon made of?")
    assert (alien["status"], alien["output"]) == ("escalated", None)
    waiting = alice.ask("GET", "flags?waiting=true")["results"]
    assert [flag["execution"] for flag in waiting] == [alien["id"]]
    alice.ask(
        "POST",
        f"flags/{waiting[0]['id']}/resolution",
        {"resolution": "answered", "output": {"kind": "other"}, "note": "Not for this desk."},
    )
    assert alice.ask("GET", f"executions/{alien['id']}")["resolved_by"] == "human"

    # … and another in the admin, where the execution goes on behind the flagged step.
    second = execute(alice, "Another moon question.")
    flag = second["flags"][0]
    reviewer = Client()
    reviewer.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    page = reviewer.get(f"/admin/queue/{flag['id']}/")
    assert "This is not about an order." in page.content.decode()
    reviewer.post(f"/admin/queue/{flag['id']}/", {"decision": "step", "step-0": "1"})
    resolved = alice.until_it_stands(second)
    assert (resolved["status"], resolved["resolved_by"], resolved["output"]) == (
        "completed",
        "human",
        {"kind": "other"},
    )
    assert alice.ask("GET", f"flags/{flag['id']}")["resolution"]["resolved_by"] == "user:rosa"

    # The bill is the provider's own log, priced by hand, to the last digit.
    costs = alice.ask("GET", "workflows/refund-triage/costs")
    assert Decimal(costs["execution_cost"]) == cost_of(provider.answered)
    assert costs["design_cost"] == "5.20"
    assert costs["simulated"] is False
    assert (costs["executions"], costs["completed"], costs["escalation_rate"]) == (4, 4, "0.7500")
    assert Decimal(costs["savings"]) == Decimal(costs["if_all_frontier"]) - Decimal(costs["total_cost"])

    # Every figure can be taken apart, down to the rows of the ledger.
    calls = [
        call
        for execution in alice.ask("GET", "executions?workflow=refund-triage")["results"]
        for call in alice.ask("GET", f"executions/{execution['id']}/model-calls")["results"]
    ]
    assert sum(Decimal(call["cost"]) for call in calls) == Decimal(costs["execution_cost"])
    assert len(calls) == len(provider.requests)


def test_another_project_sees_nothing_of_it(alice):
    alice.ask("POST", "workflows", {"name": "secret", "definition": REFUND, "publish": True}, status=201)
    execution = execute(alice, "Please refund it.", workflow="secret")
    mallory = Agent("mallory")
    for path in ("workflows/secret", "workflows/secret/versions/1.0.0", f"executions/{execution['id']}"):
        mallory.ask("GET", path, status=404)
    assert mallory.ask("GET", "executions")["results"] == []
    assert mallory.ask("GET", "workflows")["results"] == []


def execute(agent: Agent, text: str, workflow: str = "refund-triage") -> dict:
    accepted = agent.ask("POST", f"workflows/{workflow}/executions", {"input": {"message": text}}, status=202)
    assert accepted["status"] in ("queued", "running")  # a worker may have it before the answer is out
    return agent.until_it_stands(accepted)


def cost_of(answered: list[tuple[str, dict]]) -> Decimal:
    prices = {"claude-haiku-5-5": HAIKU, "claude-opus-5-5": OPUS}
    return sum(
        (usage["input_tokens"] * prices[model]["input"] + usage["output_tokens"] * prices[model]["output"]) / 10**6
        for model, usage in answered
    )
