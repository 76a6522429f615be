"""The whole story, told through the REST API, on models that speak the provider's real protocol: the frontier designs a workflow,
a cheap model executes it, what it does not cover is flagged, and the frontier mends it; what costs money is the provider's own log,
to the last digit. Behind it the same for a workflow that somebody designed elsewhere. Read this second, after the README."""

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
from service.duties import DUTIES, PARTINGS
from tests.cast import REFUND, envelope
from tests.designs.designed import design_answer, redesign_answer
from tests.messages_server import MessagesServer, message

pytestmark = pytest.mark.django_db(transaction=True)

HAIKU = {"input": Decimal("0.10"), "output": Decimal("0.50")}  # USD per million tokens, as published
OPUS = {"input": Decimal("4"), "output": Decimal("20")}

EXPECTED = {
    "I want a refund": "refund",
    "A refund, please.": "refund",
    "refund or exchange, I do not mind": "refund",
    "Refund the tea pot, it leaks.": "refund",
    "Where is my parcel?": "other",
    "Do you ship to Malta?": "other",
    "My lamp came without a bulb.": "other",
    "When do you open?": "other",
    "The invoice has the wrong name on it.": "other",
}
CASES = [
    *({"kind": "covered", "input": {"message": text}, "expected": {"kind": kind}} for text, kind in EXPECTED.items()),
    {"kind": "boundary", "input": {"message": "refund"}, "expected": {"kind": "refund"}},
    {"kind": "boundary", "input": {"message": "Mend it, or a refund."}, "expected": {"kind": "refund"}},
    {"kind": "uncovered", "input": {"message": "  "}},
    {"kind": "uncovered", "input": {"message": "Somebody was hurt by the kettle."}},
]
# The first answer has a fault: it names a step that there is not.
MISNAMED = {**REFUND, "result": {"kind": "steps['classified']['kind']"}}
VOUCHER = {
    "id": "voucher",
    "case": "The message is about a voucher",
    "handling": "It is other, as a voucher is never paid out.",
}
VOUCHERS = [
    "Can I pay for the blue kettle with a voucher from last Christmas?",
    "Can I pay for the red kettle with a voucher from last summer?",
    "Can I pay for two of the kettles with a voucher from last Christmas?",
]
VOUCHER_CASES = [
    {"kind": "covered", "input": {"message": "Is a voucher of yours good in Malta?"}, "expected": {"kind": "other"}},
    {
        "kind": "boundary",
        "input": {"message": "Bought by voucher, and I want a refund."},
        "expected": {"kind": "other"},
    },
    {"kind": "uncovered", "input": {"message": "A voucher for a trip to the moon?"}},
]


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
        return self.until_it_is_over(f"executions/{execution['id']}")

    def until_it_is_over(self, path: str) -> dict:
        """What stands there, once nothing moves any more."""
        for _ in range(600):
            found = self.ask("GET", path)
            if found["status"] not in ("queued", "running"):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{path} is still {found['status']}")


def a_model(request: dict) -> dict:
    """What the provider's models would say: the cheap one does what is written, and admits what is not covered; the frontier
    knows more, and designs."""
    said, rules = text_of(request["messages"][0]["content"]), text_of(request["system"])
    if rules.startswith("You design workflows."):
        mended = "Your earlier answer does not hold" in said
        answer = design_answer(REFUND if mended else MISNAMED, CASES)
    elif rules.startswith("You mend workflows."):
        answer = redesign_answer(
            [{"op": "add", "path": "/edge_cases/-", "value": VOUCHER, "why": "A person said so."}], VOUCHER_CASES
        )
    else:
        answer = of_a_step(said, rules, frontier="opus" in request["model"])
    return message(answer, usage={"input_tokens": 700 + len(said), "output_tokens": len(answer) // 4})


def of_a_step(said: str, rules: str, frontier: bool) -> str:
    if "moon" in said:
        return envelope(
            status="uncovered", uncovered="It asks about astronomy, which concerns neither orders nor refunds."
        )
    if "hurt" in said:
        return envelope(status="escalate", edge_case="injury")
    if "voucher" in said and "voucher" not in rules:
        return envelope(status="uncovered", uncovered="Nothing is said of vouchers.")
    if "warranty" in said and not frontier:
        return envelope({"kind": "other"}, confidence=0.4)
    return envelope({"kind": "refund" if "refund" in said.lower() and "voucher" not in said else "other"})


def text_of(content: str | list[dict]) -> str:
    return content if isinstance(content, str) else content[0]["text"]


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
    with working(DUTIES, PARTINGS):
        yield agent


def test_a_workflow_is_designed_once_and_learns_from_what_it_flags(alice, provider):
    bill = Bill(provider)

    # An agent says what is to be done. The frontier designs it, in rounds: what is wrong with its answer goes back to it.
    begun = alice.ask(
        "POST",
        "designs",
        {
            "name": "refunds",
            "task": "Say of each message to the shop whether its writer asks for a refund. Some thousand come in a month.",
            "requirements": ["What is about neither an order nor a refund is other."],
            "policies": [{"name": "safety", "text": "P1. Where somebody was hurt, a person answers."}],
            "examples": [{"input": {"message": "The jug leaks. Refund it!"}, "output": {"kind": "refund"}}],
        },
        status=201,
    )
    design = alice.until_it_is_over(f"designs/{begun['id']}")
    assert (design["status"], design["draft"], design["rounds"]) == ("completed", "1.0.0", 2)
    second, first = alice.ask("GET", f"designs/{design['id']}/rounds")["results"]
    assert [fault["pointer"] for fault in first["faults"]] == ["/definition/result/kind"]
    assert second["faults"] == []
    designing = bill.since()
    assert Decimal(design["spent"]) == designing

    # It wrote cases as well. They count for nothing until a person stands for them.
    workflow = "workflows/refunds"
    rosa = Agent("alice", scopes="read,review")
    assert alice.ask("GET", f"{workflow}/cases/set")["confirmed"] == 0
    assert confirm(rosa, workflow) == 13
    alice.ask("PUT", f"{workflow}/gate", {"min_cases": 10, "margin": "0.25"})

    # Enough of them, and the version has to prove itself: the cheap model against the frontier, on every case.
    publication = f"{workflow}/versions/1.0.0/publication"
    missing = alice.ask("POST", publication, {}, status=409)["missing"]
    assert [one["what"] for one in missing] == ["verdict"]
    proof = evaluate(alice, workflow)
    assert (proof["passed"], proof["against"]) == (True, "frontier")
    published = alice.ask("POST", publication, {}, status=201)
    assert (published["evidence"], published["evaluation"]) == ("passed", proof["id"])
    proving = bill.since()

    # What it covers is answered. What it does not is flagged, and waits for a person.
    assert execute(alice, "Please refund the blue kettle.", "refunds")["output"] == {"kind": "refund"}
    vouchers = [execute(alice, text, "refunds") for text in VOUCHERS]
    moon = execute(alice, "What is the moon made of?", "refunds")
    assert [one["status"] for one in (*vouchers, moon)] == ["escalated"] * 4

    # Flags that are alike come to one group: one gap, and not three.
    asked, alone = groups_of(alice, workflow, flags=4)
    assert [(one["step"], one["reason"], one["waiting"]) for one in (asked, alone)] == [
        ("classify", "uncovered", 3),
        ("classify", "uncovered", 1),
    ]

    # A person says what is right, and the frontier patches what is live: the least that closes the gap, and its tests.
    executing = bill.since()
    begun = alice.ask(
        "POST",
        f"{workflow}/redesigns",
        {"groups": [asked["id"]], "note": "A voucher is never paid out: it is other."},
        status=201,
    )
    redesign = alice.until_it_is_over(f"designs/{begun['id']}")
    redesigning = bill.since()
    assert (redesign["status"], redesign["base"], redesign["draft"]) == ("completed", "1.0.0", "1.1.0")
    assert redesign["answer"]["changes"][0]["path"] == "/edge_cases/-"
    assert sorted(redesign["resolves"]) == sorted(one["flags"][0]["id"] for one in vouchers)
    assert Decimal(redesign["spent"]) == redesigning < designing

    # It goes live like any version: its cases are confirmed, and it proves itself, now against what is live.
    assert confirm(rosa, workflow) == 3
    proof = evaluate(alice, workflow)
    assert (proof["passed"], proof["against"]) == (True, "incumbent")
    proving += bill.since()
    published = alice.ask("POST", f"{workflow}/versions/1.1.0/publication", {}, status=201)
    assert published["evidence"] == "passed"

    # Its publication closes the flags it was made for, and what waited for them is answered, by the new version.
    for old in vouchers:
        stood = alice.ask("GET", f"executions/{old['id']}")
        assert stood["status"] == "cancelled"
        [flag] = stood["flags"]
        assert alice.ask("GET", f"flags/{flag['id']}")["resolution"]["resolution"] == "redesign"
        again = alice.until_it_is_over(f"executions/{stood['superseded_by']}")
        assert (again["rerun_of"], again["version"]) == (old["id"], "1.1.0")
        assert (again["status"], again["resolved_by"], again["output"]) == ("completed", "workflow", {"kind": "other"})
    assert alice.ask("GET", f"executions/{moon['id']}")["status"] == "escalated"  # nobody said anything of that

    # From now on the same costs one cheap call, and asks nobody.
    learnt = execute(alice, "May I pay with a voucher?", "refunds")
    assert (learnt["status"], learnt["resolved_by"], learnt["flags"]) == ("completed", "workflow", [])
    executing += bill.since()

    # What it cost is the provider's own log, priced by hand: designed once, mended for less, proven, executed.
    costs = alice.ask("GET", f"{workflow}/costs")
    assert Decimal(costs["design_cost"]) == designing + redesigning
    assert Decimal(costs["evaluation_cost"]) == proving
    assert Decimal(costs["execution_cost"]) == executing
    assert Decimal(costs["total_cost"]) == cost_of(provider.answered)
    assert costs["unproven"] is costs["simulated"] is False
    assert Decimal(costs["savings"]) == Decimal(costs["if_all_frontier"]) - Decimal(costs["total_cost"])


def confirm(person: Agent, workflow: str) -> int:
    """Stands for all proposed cases; how many there were."""
    proposed = person.ask("GET", f"{workflow}/cases?state=proposed")["results"]
    for case in proposed:
        person.ask("POST", f"{workflow}/cases/{case['id']}/confirmation", {})
    return len(proposed)


def evaluate(agent: Agent, workflow: str) -> dict:
    """The newest version, on all confirmed cases."""
    begun = agent.ask("POST", f"{workflow}/evaluations", {}, status=201)
    return agent.until_it_is_over(f"evaluations/{begun['id']}")


def groups_of(agent: Agent, workflow: str, flags: int) -> list[dict]:
    """The most worth deciding first, once a worker has gathered that many flags."""
    for _ in range(200):
        found = agent.ask("GET", f"{workflow}/groups")["results"]
        if sum(group["flags"] for group in found) == flags:
            return found
        time.sleep(0.1)
    raise AssertionError(f"of {flags} flags these groups came: {found}")


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
    assert "It asks about astronomy" in page.content.decode()
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


class Bill:
    """The provider's log, priced by hand, piece by piece."""

    def __init__(self, provider: MessagesServer) -> None:
        self.provider, self.read = provider, 0

    def since(self) -> Decimal:
        """What was answered since this was asked last."""
        answered = self.provider.answered[self.read :]
        self.read += len(answered)
        return cost_of(answered)
