"""What an agent tells of an execution that it ran itself: checked like our own, priced by our table, counted apart, and moved by
nobody here."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from executions import metrics, retention
from executions.models import Event, Execution, Flag, Report
from gateway.models import Call, OwnPrice
from projects.models import Scope
from tests.cast import REFUND, make_workflow
from tests.neighbours import client_of
from workflows.models import Budget, Examined, Spent

pytestmark = pytest.mark.django_db

TOLD = {
    "input": {"message": "I want a refund"},
    "output": {"kind": "refund"},
    "status": "completed",
    "executor": "claude-code 3.1",
    "followed": True,
    "model_calls": [],
    "flags": [],
}
ESCALATED = {"status": "escalated", "output": None}
FAILED = {"status": "failed", "output": None}


@pytest.fixture
def workflow():
    return make_workflow()


@pytest.fixture
def client(workflow):
    return client_of(workflow.project, *Scope.values)


def a_call(model="anthropic:claude-haiku-4-5", *, hours_ago=1, **fields):
    at = (timezone.now() - timedelta(hours=hours_ago)).isoformat().replace("+00:00", "Z")
    return {"model": model, "input": 1_000, "output": 200, "at": at, **fields}


def report(client, answer=201, key=None, **fields):
    headers = {"Idempotency-Key": key} if key else {}
    path = "/api/v1/workflows/refund/executions/report"
    came = client.post(path, {**TOLD, **fields}, content_type="application/json", headers=headers)
    assert came.status_code == answer, came.content
    return came.json()


def pointers(problem):
    return [one["pointer"] for one in problem["errors"]]


def test_an_agent_reports_an_execution_with_its_calls(client):
    calls = [a_call(latency_ms=2_000), a_call(cache_read=500, cache_write=100, hours_ago=0.5)]
    said = report(client, model_calls=calls, metadata={"trace": "t-1"})
    assert (said["purpose"], said["status"], said["output"]) == ("reported", "completed", {"kind": "refund"})
    assert (said["version"], said["simulated"], said["metadata"]) == ("1.0.0", False, {"trace": "t-1"})
    # 2,000 read, 400 written, 500 from the cache, 100 into it, at 1, 5, 0.1 and 1.25 USD per million
    assert (said["cost"], said["latency_ms"]) == ("0.004175", 1_802_000)
    assert said["tokens"] == {"input": 2_000, "output": 400, "cache_read": 500, "cache_write": 100}
    assert said["tracking"] == {"followed": True, "unexpected": [], "update_suggested": False}
    assert (said["reported"]["executor"], said["reported"]["update"]) == ("claude-code 3.1", None)
    assert Event.objects.values_list("kind", "after").get() == ("reported", "completed")
    listed = client.get(f"/api/v1/executions/{said['id']}/model-calls").json()["results"]
    assert [(one["reported"], one["model_planned"], one["price"]["source"]) for one in listed] == [
        (True, "claude-haiku-4-5", "genai-prices")
    ] * 2
    assert [one["id"] for one in client.get("/api/v1/executions?purpose=reported").json()["results"]] == [said["id"]]


def test_its_costs_stand_apart_from_ours(client):
    report(client, model_calls=[a_call(), a_call("anthropic:claude-nobody-1")])
    costs = client.get("/api/v1/workflows/refund/costs?simulated=false").json()
    assert costs["reported"] == {"executions": 1, "calls": 2, "cost": "0.002", "unpriced_calls": 1}
    assert (costs["executions"], costs["total_cost"], costs["unpriced_calls"], costs["complete"]) == (
        0,
        "0.00",
        0,
        True,
    )


def test_what_it_tells_of_how_it_went_is_its_tracking(client):
    told = {"followed": False, "unexpected": ["A second order was named."], "update_suggested": "Ask which order."}
    said = report(client, **told)
    assert said["tracking"] == {
        "followed": False,
        "unexpected": ["A second order was named."],
        "update_suggested": True,
    }
    assert said["reported"]["update"] == "Ask which order."


def test_its_flags_wait_for_nobody_and_are_reviewed(client):
    flags = [{"reason": "uncovered", "explanation": "He asks for the moon.", "step": "classify"}]
    said = report(client, 201, **ESCALATED, flags=flags)
    assert (said["status"], said["output"], said["tracking"]["unexpected"]) == (
        "escalated",
        None,
        ["He asks for the moon."],
    )
    [flag] = client.get("/api/v1/flags?waiting=false").json()["results"]
    assert (flag["reason"], flag["detector"], flag["step"], flag["waiting"]) == (
        *("uncovered", "report", "classify"),
        False,
    )
    path = f"/api/v1/flags/{flag['id']}/resolution"
    answer = client.post(path, {"resolution": "answered", "output": {"kind": "other"}}, "application/json")
    assert answer.status_code == 409
    closed = client.post(path, {"resolution": "dismissed", "note": "It is covered."}, "application/json")
    assert (closed.status_code, closed.json()["state"]) == (200, "dismissed")


def test_nothing_of_it_is_executed_here(client):
    said = report(client, **FAILED)
    for verb in ("cancellation", "retries"):
        came = client.post(f"/api/v1/executions/{said['id']}/{verb}", {}, "application/json")
        assert (came.status_code, came.json()["state"]) == (409, "failed")
        assert came.json()["detail"].startswith("An agent executed this")
    escalated = report(client, **ESCALATED)
    assert client.post(f"/api/v1/executions/{escalated['id']}/cancellation", {}, "application/json").status_code == 409
    anew = client.post(f"/api/v1/executions/{escalated['id']}/retries", {"version": "1.0.0"}, "application/json")
    assert (anew.status_code, anew.json()["rerun_of"], anew.json()["purpose"]) == (201, escalated["id"], "production")


def test_what_agents_escalated_is_no_work_of_ours(client):
    report(client, **ESCALATED)
    by_status = next(one for one in metrics.work() if one.name == "workflow_memory_executions")
    assert {sample.labels["status"]: sample.value for sample in by_status.samples}["escalated"] == 0


def test_no_budget_pays_for_it(client, workflow):
    budget = Budget.objects.create(project=workflow.project, period="total", cap=10**12)
    report(client, model_calls=[a_call()])
    assert not Spent.objects.filter(budget=budget).exists()


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-haiku-4-5", "anthropic"),
        ("gpt-4o-mini", "openai"),
        ("gemini-2.5-flash", "google"),  # no provider of the project, and a vendor whose prices are known
        ("mistral:mistral-large-latest", "mistral"),
        ("scripted:claude-haiku-4-5", "scripted"),
    ],
)
def test_a_model_is_named_with_its_provider_or_alone_where_one_price_list_has_it(client, model, provider):
    said = report(client, model_calls=[a_call(model)])
    [call] = Call.objects.all()
    assert (call.provider, call.model_planned) == (provider, model.rpartition(":")[2])
    assert said["cost"] is not None
    assert said["simulated"] is (provider == "scripted")


def test_a_model_that_two_providers_have_needs_its_provider(client, workflow):
    workflow.project.providers.create(name="proxy", protocol="anthropic", price_list="anthropic")
    said = report(client, 422, model_calls=[a_call("claude-haiku-4-5")])
    assert pointers(said) == ["/model_calls/0/model"]
    assert "anthropic:claude-haiku-4-5, proxy:claude-haiku-4-5" in said["detail"]
    report(client, model_calls=[a_call("proxy:claude-haiku-4-5")])


def test_it_is_priced_as_of_its_own_time(client, workflow):
    """The project states its own price from today on; the first call was yesterday's."""
    stated = {"provider": "anthropic", "model": "claude-haiku-4-5", "valid_from": timezone.now().date()}
    OwnPrice.objects.create(project=workflow.project, **stated, input=7 * 10**12, output=0)
    with time_machine.travel(timezone.now().replace(hour=12), tick=False):
        report(client, model_calls=[a_call(hours_ago=20), a_call(hours_ago=1)])
    costs = Call.objects.order_by("finished_at").values_list("cost", "price_source")
    assert list(costs) == [(2_000_000_000, "genai-prices"), (7_000_000_000, "project")]


def test_a_model_without_a_price_is_unpriced_and_never_free(client):
    assert report(client, model_calls=[a_call("anthropic:claude-nobody-1")])["cost"] is None
    assert Call.objects.values_list("cost", "cost_state").get() == (None, "unpriced")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"input": {"message": 7}}, ["/input/message"]),
        ({"output": {"kind": 7}}, ["/output/kind"]),
        ({"output": None}, ["/output"]),
        ({"status": "running", "output": None}, ["/status"]),
        ({"status": "failed"}, ["/output"]),
        ({"executor": ""}, ["/executor"]),
        ({"followed": None}, ["/followed"]),
        ({"flags": [{"reason": "spot_check", "explanation": ""}]}, ["/flags/0/reason"]),
        ({"flags": [{"reason": "review", "explanation": ""}]}, ["/flags/0/reason"]),
        ({"flags": [{"reason": "rule", "explanation": "", "step": "nowhere"}]}, ["/flags/0/step"]),
        ({"flags": [{"reason": "rule", "explanation": ""}] * 2}, ["/flags/0", "/flags/1"]),
        ({"model_calls": [{"model": "x"}]}, [f"/model_calls/0/{name}" for name in ("input", "output", "at")]),
        ({"model_calls": [a_call(input=-1)]}, ["/model_calls/0/input"]),
        ({"model_calls": [a_call(input=1.5)]}, ["/model_calls/0/input"]),
        ({"model_calls": [a_call(output=10**9)]}, ["/model_calls/0/output"]),
        ({"model_calls": [a_call(latency_ms=10**9)]}, ["/model_calls/0/latency_ms"]),
        ({"model_calls": [a_call("nobody:claude-haiku-4-5")]}, ["/model_calls/0/model"]),
        ({"model_calls": [a_call("a-model-that-nobody-sells")]}, ["/model_calls/0/model"]),
        ({"model_calls": [a_call("anthropic:")]}, ["/model_calls/0/model"]),
        ({"model_calls": [a_call(hours_ago=-1)]}, ["/model_calls/0/at"]),
        ({"model_calls": [a_call(hours_ago=91 * 24)]}, ["/model_calls/0/at"]),
        ({"model_calls": [a_call(), a_call("scripted:claude-haiku-4-5")]}, ["/model_calls"]),
        ({"model_calls": [a_call()] * 1001}, ["/model_calls"]),
        ({"metadata": {"x": "x" * 20_000}}, ["/metadata"]),
        ({"lane": "fast"}, ["/lane"]),
    ],
)
def test_what_is_wrong_with_it_is_said_and_nothing_kept(client, fields, wrong):
    assert pointers(report(client, 422, **fields)) == wrong
    assert not Execution.objects.exists()
    assert not Call.objects.exists()


def test_an_input_that_is_too_large_is_refused(client):
    assert report(client, 413, input={"message": "x" * 1024 * 1024})["status"] == 413


def test_it_is_kept_once_for_a_key(client):
    said = report(client, key="a key", model_calls=[])
    assert report(client, key="a key", model_calls=[])["id"] == said["id"]
    report(client, 422, key="a key", followed=False)
    assert (Execution.objects.count(), Report.objects.count()) == (1, 1)


def test_it_is_of_the_published_version_or_of_the_one_it_names(client, workflow):
    examined = Examined.of(REFUND, workflow.project)
    workflow.draft(examined, "1.1.0", created_by="alice")
    assert report(client)["version"] == "1.0.0"
    assert report(client, version="1.1.0")["version"] == "1.1.0"
    report(client_of(workflow.project, Scope.EXECUTE), 403, version="1.1.0")
    report(client, 404, version="9.9.9")


def test_a_workflow_that_is_archived_takes_no_report(client, workflow):
    client.post("/api/v1/workflows/refund/archival", {}, "application/json")
    assert report(client, 409)["archived_at"]


def test_secrets_in_it_are_replaced(client):
    token = "sk-ant-api03-" + "a1B2" * 20
    said = report(
        client,
        input={"message": token},
        executor=token,
        unexpected=[token],
        update_suggested=token,
        flags=[{"reason": "rule", "explanation": token}],
        model_calls=[a_call(f"anthropic:{token}")],
        metadata={"key": token},
    )
    assert said["redacted"] == 2
    assert said["reported"]["executor"] == "[redacted:api-key]"
    kept = [list(table.objects.values()) for table in (Execution, Report, Flag, Call)]
    assert token not in str(kept)


def test_its_texts_go_when_its_project_says_so_whatever_its_status(client, workflow):
    said = report(client, **ESCALATED, unexpected=["A canary."], update_suggested="A canary.")
    assert retention.purge(workflow.project_id, timezone.now() + timedelta(days=1), "test") == 1
    after = client.get(f"/api/v1/executions/{said['id']}").json()
    assert (after["input"], after["reported"]["update"], after["tracking"]["unexpected"]) == (None, None, [])
    assert after["tracking"]["update_suggested"] is True
    assert "canary" not in str(list(Report.objects.values()))


def test_its_answer_can_be_judged_as_any_other(client):
    said = report(client)
    came = client.post(f"/api/v1/executions/{said['id']}/feedback", {"accepted": False}, "application/json")
    assert (came.status_code, came.json()["feedback"]["accepted"]) == (200, False)
    costs = client.get("/api/v1/workflows/refund/costs").json()
    assert costs["reported"]["executions"] + costs["completed"] == 1


def test_its_page_in_the_admin_says_what_the_agent_told(client, admin_client):
    said = report(client, unexpected=["A second order."], update_suggested="Ask which order.")
    shown = admin_client.get(f"/admin/executions/execution/{said['id']}/change/").content.decode()
    assert all(word in shown for word in ("claude-code 3.1", "A second order.", "Ask which order."))
