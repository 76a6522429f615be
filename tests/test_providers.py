"""Providers as rows of a project, through the whole engine: whose calls go where, what they cost, and who may answer."""

import json
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from executions import queue, worker
from executions.drivers import plain
from executions.models import Execution
from gateway import gateway, pressure
from gateway.event_loop import wait_for
from gateway.gateway import Cause
from gateway.models import Call, Intent, OwnPrice
from gateway.providers import registry
from gateway.types import Purpose, Request
from projects.models import ApiKey, Provider, TierModel
from projects.remembered import PerProject
from tests import chat_server
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.chat_server import ChatServer, completion
from tests.messages_server import MessagesServer, message
from wire.money import to_pico
from wire.problems import Conflict
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db

UNSURE = envelope({"kind": "refund"}, confidence=0.1)
SURE = envelope({"kind": "refund"})
TIERS = ("cheap", "standard", "frontier")


def a_small_model(request):
    """Of a lamp it is not sure."""
    said = request["messages"][-1]["content"]
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}
    return completion(UNSURE if "lamp" in said else SURE, usage=usage)


def a_large_model(request):
    return message(SURE, usage={"input_tokens": 1_000, "output_tokens": 100})


@pytest.fixture
def small():
    with ChatServer(a_small_model) as server:
        yield server


@pytest.fixture
def large():
    with MessagesServer(a_large_model) as server:
        yield server


def add(project, server, name="local", protocol="openai", **more):
    return Provider.objects.create(project=project, name=name, protocol=protocol, base_url=server.url, **more)


def a_project(name="alice", all="local:small-1", **tiers):
    return make_project(name, {**dict.fromkeys(TIERS, all), **tiers})


def a_workflow(server, project="alice", all="local:small-1", **row):
    """Published, on one model, for a row that is at this server."""
    project = a_project(project, all)
    add(project, server, **row)
    return make_workflow(project=project)


def pico(usd):
    return to_pico(Decimal(usd))


def price(project, provider, model, **usd):
    stated = {kind: pico(amount) for kind, amount in usd.items()}
    return OwnPrice.objects.create(
        project=project, provider=provider, model=model, valid_from=timezone.now().date(), **stated
    )


def a_client(project):
    _, token = ApiKey.objects.issue(project, ["read", "execute", "design"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def go_on(execution):
    """As the sweeper would, when the wait is over."""
    queue.requeue(execution.pk, "waiting", "test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()


def test_projects_with_one_name_for_two_endpoints_are_each_served_by_their_own(small):
    with ChatServer(a_small_model) as another:
        alice, bruno = a_workflow(small, "alice"), a_workflow(another, "bruno")
        for workflow in (alice, bruno, bruno):
            assert execute(workflow).status == "completed"
        assert (len(small.requests), len(another.requests)) == (1, 2)

        # What goes wrong at the one is nothing to the other.
        small.inject(chat_server.error(401), times=5)
        for _ in range(5):
            assert execute(alice).status == "waiting"
        assert execute(bruno).status == "completed"
    states = {(state.provider, state.model, state.state) for state in pressure.state()}
    assert states == {("local", "small-1", "shut"), ("local", "small-1", "open")}


def test_projects_with_one_endpoint_share_its_client_and_its_gate(small):
    alice, bruno = make_project("alice"), make_project("bruno")
    add(alice, small)
    add(bruno, small)
    add(bruno, small, "with-a-key", key_variable="SOME_API_KEY")
    one, other = (registry.provider_of(project.pk, "local") for project in (alice, bruno))
    assert one.client is other.client
    assert str(one.endpoint) == str(other.endpoint) == small.url
    with_a_key = registry.provider_of(bruno.pk, "with-a-key")
    assert with_a_key.client is not one.client
    assert str(with_a_key.endpoint) == f"{small.url} SOME_API_KEY"


def test_a_project_sees_no_other_projects_providers(small):
    add(a_project("bruno"), small)
    alice = a_project("alice")
    assert registry.provider_of(alice.pk, "local").endpoint == registry.NOWHERE
    with pytest.raises(Conflict, match="no provider any more for its tier cheap, local:small-1"):
        make_workflow(project=alice)


def test_a_row_takes_the_place_of_one_that_every_project_has(large):
    haiku = "anthropic:claude-haiku-5-5"
    alice = a_workflow(large, "alice", haiku, name="anthropic", protocol="anthropic", price_list="anthropic")
    bruno = make_workflow(project=a_project("bruno", haiku))
    assert execute(alice).status == "completed"
    assert Call.objects.get().cost == pico("0.00015")  # 1,000 at 0.10 and 100 at 0.50 a million
    assert execute(bruno).waiting_for == "provider"  # no key: nobody is asked
    assert len(large.requests) == 1


def test_a_change_of_the_row_is_known_to_the_next_call(small):
    with ChatServer(a_small_model) as moved:
        workflow = a_workflow(small)
        execute(workflow)
        row = Provider.objects.get()
        row.base_url = moved.url
        row.save()
        execute(workflow)
    assert (len(small.requests), len(moved.requests)) == (1, 1)


def test_what_was_forgotten_is_still_there_for_whoever_may_not_wait():
    loaded = iter(range(10))
    remembered = PerProject(lambda project: next(loaded))
    assert (remembered.latest(1), remembered.of(1), remembered.of(1)) == (None, 0, 0)
    remembered.forget(1)
    assert (remembered.latest(1), remembered.of(1), remembered.latest(1)) == (0, 1, 1)


# Several in one workflow.


@pytest.fixture
def mixed(small, large, monkeypatch):
    """Cheap on an endpoint of one's own, frontier on Anthropic's."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", large.url)
    project = a_project(frontier="anthropic:claude-opus-5-5")
    add(project, small)
    return make_workflow(project=project)


LEDGER = ("provider", "model_served", "tier", "input", "cache_read", "output", "cost", "cost_state", "simulated")


def test_each_step_is_asked_and_priced_where_its_tier_is(mixed):
    price(mixed.project, "local", "small-1", input="0.02", output="0.08", cache_read="0.01")
    execution = execute(mixed, "A refund for the lamp")
    assert (execution.status, execution.resolved_by) == ("completed", "frontier")
    assert list(Call.objects.order_by("intended_at").values_list(*LEDGER)) == [
        # 600 × 0.02 + 400 × 0.01 + 100 × 0.08 a million
        ("local", "small-1", "cheap", 600, 400, 100, pico("0.000024"), "priced", False),
        # 1,000 × 4 + 100 × 20 a million
        ("anthropic", "claude-opus-5-5", "frontier", 1_000, 0, 100, pico("0.006"), "priced", False),
    ]
    sources = list(Call.objects.order_by("intended_at").values_list("price_source", flat=True))
    assert sources == ["project", "genai-prices"]
    summary = a_client(mixed.project).get("/api/v1/workflows/refund/costs?since=2020-01-01").json()
    assert (summary["total_cost"], summary["complete"], summary["simulated"]) == ("0.006024", True, False)


def test_what_has_no_price_is_shown_as_unpriced(mixed):
    execution = execute(mixed)
    assert (execution.status, Call.objects.get().cost_state, Call.objects.get().cost) == ("completed", "unpriced", None)
    summary = a_client(mixed.project).get("/api/v1/workflows/refund/costs?since=2020-01-01").json()
    assert (summary["unpriced_calls"], summary["complete"], summary["savings"]) == (1, False, None)


def test_a_public_price_list_is_followed_where_the_row_names_one(small):
    execute(a_workflow(small, all="local:gemini-2.5-flash", price_list="google"))
    assert Call.objects.get().cost == pico("0.000442")  # 600 × 0.30 + 400 × 0.03 + 100 × 2.50 a million


def test_a_refused_way_of_asking_is_one_call_in_the_ledger(small):
    workflow = a_workflow(small)
    small.inject(chat_server.error(400, "Unknown parameter: response_format"), times=2)
    assert execute(workflow).status == "completed"
    assert len(small.requests) == 3
    assert list(Call.objects.values_list("outcome", flat=True)) == ["ok"]
    assert Intent.objects.count() == 1


def test_a_refusal_of_everything_is_a_rejection(small):
    workflow = a_workflow(small)
    small.inject(chat_server.error(400, "Unknown parameters: max_tokens, response_format"), times=9)
    execution = execute(workflow)
    assert (execution.status, execution.error["code"]) == ("failed", "provider_rejected")
    assert list(Call.objects.values_list("outcome", "cost")) == [("rejected", 0)]


# Who may answer.


def test_a_served_alias_is_accepted(small):
    workflow = a_workflow(small, aliases={"small-1": "vendor/small-1-q8"})
    small.inject({**completion(SURE), "model": "vendor/small-1-q8"})
    assert execute(workflow).status == "completed"
    assert Call.objects.get().model_served == "vendor/small-1-q8"


@pytest.mark.parametrize("served", ["vendor/small-1-q8", "vendor/small-2", "small-2"])
def test_nobody_else_may_answer(small, served):
    workflow = a_workflow(small, aliases={"small-2": "vendor/small-1-q8", "small-1": "another"})
    small.inject({**completion(SURE), "model": served})
    execution = execute(workflow)
    assert (execution.status, execution.error["code"]) == ("failed", "model_mismatch")
    assert execution.error["detail"] == f"Asked small-1, answered by {served}."


# What names a provider.


def test_nothing_is_published_or_tried_on_a_provider_that_is_not_there(small):
    project = make_project(tiers=dict.fromkeys(TIERS, "local:small-1"))
    Workflow.objects.create(project=project, name="refund").draft(Examined.of(REFUND, project), "1.0.0", created_by="a")
    client, kind = a_client(project), "application/json"
    said = "The project has no provider any more for its tier cheap, local:small-1."
    published = client.post("/api/v1/workflows/refund/versions/1.0.0/publication", {}, kind)
    assert (published.status_code, published.json()["detail"]) == (409, said)
    trial = client.post("/api/v1/workflows/refund/executions", {"input": {"message": "x"}, "version": "1.0.0"}, kind)
    assert (trial.status_code, trial.json()["detail"]) == (409, said)
    assert not Execution.objects.exists()

    add(project, small)
    assert client.post("/api/v1/workflows/refund/versions/1.0.0/publication", {}, kind).status_code == 201


def test_a_row_that_is_scripted_is_simulated_and_not_mixed_with_real_ones(small):
    project = a_project(all="rehearsal:claude-haiku-5-5")
    Provider.objects.create(project=project, name="rehearsal", protocol="scripted", price_list="any")
    workflow = make_workflow(project=project)
    models_answer({"text": SURE})
    execution = execute(workflow)
    assert (execution.status, execution.simulated, Call.objects.get().simulated) == ("completed", True, True)
    add(workflow.project, small)
    TierModel.objects.filter(tier="frontier").update(provider="local")
    published = a_client(workflow.project).post(
        "/api/v1/workflows/refund/versions/1.0.0/publication", {}, "application/json"
    )
    assert published.status_code == 409
    assert "mixes simulated and real" in published.json()["detail"]


def test_a_baseline_is_of_any_provider_that_the_project_has(mixed):
    client = a_client(mixed.project)

    def state(model):
        body = {"method": "repriced_warm", "model": model}
        return client.put("/api/v1/workflows/refund/baseline", json.dumps(body), content_type="application/json")

    refused = state("nobody:large-1")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["detail"].endswith("anthropic, local, openai, recorded, scripted.")
    assert state("claude-opus-4-5").json()["model"] == "anthropic:claude-opus-4-5"  # of the frontier's provider
    assert state("local:large-1").json()["model"] == "local:large-1"

    price(mixed.project, "local", "large-1", input="1", output="2")
    execute(mixed)
    call = Call.objects.get()
    assert (call.baseline_model, call.baseline_warm) == ("local:large-1", pico("0.0012"))


# A provider that is gone.


def deleted(row):
    """Behind the back of what was published, by another process: no page does it."""
    Provider.objects.filter(pk=row.pk).delete()
    registry._own.clear()


def test_an_execution_waits_for_a_provider_that_is_gone_and_goes_on_when_it_is_back(small):
    workflow = a_workflow(small)
    row = Provider.objects.get()
    deleted(row)
    execution = execute(workflow)
    said = (
        "The project has no provider 'local' any more: make one of this name in the admin, or publish on another model."
    )
    assert (execution.status, execution.waiting_for) == ("waiting", "provider")
    assert execution.error == {"code": "provider", "detail": said}
    assert 500 < (execution.resume_at - timezone.now()).total_seconds() <= 600
    assert not Intent.objects.exists()  # nobody was asked
    add(workflow.project, small)
    go_on(execution)
    assert (execution.status, execution.output) == ("completed", {"kind": "refund"})


REQUEST = Request("small-1", (), "A refund", None, 200)


def planned(small):
    """A call that is about to leave, and its provider's row."""
    project = a_project()
    row = add(project, small)
    price(project, "local", "small-1", input="0.02", output="0.08", cache_read="0.01")
    return gateway.plan("local:small-1", REQUEST, Cause(project.pk, Purpose.STEP)), row


def test_a_call_whose_provider_is_gone_before_it_leaves_costs_nothing(small):
    intent, row = planned(small)
    deleted(row)
    call = gateway.settle(wait_for(gateway.send(intent, REQUEST))).call
    assert (call.outcome, call.cost, call.cost_state) == ("denied", 0, "priced")
    assert small.requests == []


def test_an_answer_that_comes_when_its_provider_is_gone_is_kept(small):
    intent, row = planned(small)
    reply = wait_for(gateway.send(intent, REQUEST))
    deleted(row)
    call = gateway.settle(reply).call
    assert (call.outcome, call.cost) == ("ok", pico("0.000024"))


def test_reports_of_a_provider_that_is_gone_stay(mixed):
    execute(mixed)
    baseline = json.dumps({"method": "repriced_warm", "model": "local:large-1", "from": "2020-01-01T00:00:00Z"})
    client = a_client(mixed.project)
    assert client.put("/api/v1/workflows/refund/baseline", baseline, content_type="application/json").status_code == 200
    deleted(Provider.objects.get())
    summary = client.get("/api/v1/workflows/refund/costs?since=2020-01-01")
    assert summary.status_code == 200
    assert (summary.json()["completed"], summary.json()["if_all_frontier"]) == (1, None)
