"""What-if: recorded executions priced anew, with ledgers whose every figure can be worked out by hand."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import time_machine

from analytics.projection import recorded
from gateway.models import Call, OwnPrice
from gateway.pricing import to_stored
from gateway.types import Outcome, Purpose, Usage
from projects.models import Provider
from tests.cast import make_project
from wire.money import to_pico

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    REAL,
    SHORT,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_executions,
    make_measured_workflow,
)
from .test_api import client_of

pytestmark = pytest.mark.django_db

SONNET = "anthropic:claude-sonnet-4-5"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
PREFIX = "a" * 64
# A prompt of 6,000 tokens, 5,000 of them stable: longer than what Haiku 4.5 caches at least.
LONG = Usage(input=6_000, output=200)


def asked(workflow, at=NOON, status=200, **body):
    client = client_of(workflow.project, "read")
    with time_machine.travel(at, tick=False):
        response = client.post(f"/api/v1/workflows/{workflow.name}/what-if", body, format="json")
    assert response.status_code == status, response.content
    return response.json()


def costs(said: dict) -> tuple:
    return said["recorded"]["per_completed"], said["what_if"]["per_completed"]


@pytest.fixture
def workflow():
    return make_measured_workflow()


@pytest.fixture
def busy(workflow):
    """40 executions of one cheap call each: 0.002 USD on Haiku 4.5, 0.006 on Sonnet 4.5, 0.01 on Opus 4.5."""
    make_executions(workflow, 40, HAIKU, SHORT, tier="cheap")
    return workflow


def test_it_says_what_another_model_would_have_cost(busy):
    assert asked(busy, models={"cheap": SONNET}) == {
        "workflow": "refund",
        "since": "2026-11-16",
        "until": "2026-11-17",
        "currency": "USD",
        "simulated": False,
        "estimated": True,
        "completed": 40,
        "n": 40,
        "share_of_all": "1.0000",
        "baseline": {"method": "repriced_warm", "model": OPUS},
        "volume_per_month": "1217.50",
        "if_all_frontier": "0.01",
        "recorded": {"per_completed": "0.002", "per_month": "2.435", "saves_per_month": "9.74"},
        "what_if": {"per_completed": "0.006", "per_month": "7.305", "saves_per_month": "4.87"},
        "difference": {"per_completed": "0.004", "per_month": "4.87"},
        "percent": "200.00",
        "by_step": [
            {"step": "step_0", "calls": 40, "recorded": "0.002", "what_if": "0.006", "difference": "0.004"},
        ],
        "assumptions": [
            "40 of 40 completed executions, drawn by the hash of their ids, stand for all of them.",
            "What executions cost that did not complete is in neither figure.",
            "As many executions a month as in these days.",
            "Another model is asked as often, with as many tokens, is repaired and escalates as often: a shadow would tell.",
            "anthropic:claude-haiku-4-5 and anthropic:claude-sonnet-4-5 may count the same text differently; the tokens are "
            "those of anthropic:claude-haiku-4-5.",
            "At today's prices: anthropic:claude-sonnet-4-5.",
        ],
        "unknown": [],
    }


def test_where_nothing_is_asked_the_ledger_stands(busy):
    said = asked(busy)
    assert costs(said) == ("0.002", "0.002")
    assert (said["difference"]["per_completed"], said["percent"]) == ("0.00", "0.00")


def test_a_tier_that_no_call_was_of_is_named(busy):
    said = asked(busy, models={"standard": SONNET})
    assert costs(said) == ("0.002", "0.002")
    sentence = "No call of these executions was of standard: the model that is asked for it changes nothing."
    assert sentence in said["assumptions"]


def test_another_volume_changes_the_month_alone(busy):
    said = asked(busy, volume_per_month=10_000)
    assert (said["volume_per_month"], said["recorded"]) == (
        "10000.00",
        {"per_completed": "0.002", "per_month": "20.00", "saves_per_month": "80.00"},
    )
    assert "As many executions a month as in these days." not in said["assumptions"]


def test_a_month_is_not_known_from_a_few_executions(workflow):
    make_answer(make_execution(workflow))
    said = asked(workflow)
    assert (said["volume_per_month"], said["recorded"]["per_month"]) == (None, None)
    assert said["unknown"] == ["A month is not known from fewer than 30 completed executions: send volume_per_month."]
    assert asked(workflow, volume_per_month=100)["recorded"]["per_month"] == "0.20"


def test_a_step_of_its_own_goes_before_its_tier(workflow):
    execution = make_execution(workflow)
    make_answer(execution, tier="cheap")
    make_answer(execution, tier="cheap", step="draft")
    said = asked(workflow, models={"cheap": SONNET, "steps.classify": OPUS})
    assert {one["step"]: one["what_if"] for one in said["by_step"]} == {"classify": "0.01", "draft": "0.006"}


def test_a_rung_is_of_its_tier_and_not_of_its_step(workflow):
    execution = make_execution(workflow)
    make_answer(execution, tier="cheap")
    make_call(execution, OPUS, tier="frontier", purpose=Purpose.ESCALATION)
    make_call(execution, HAIKU, tier="cheap", purpose=Purpose.REPAIR)
    assert costs(asked(workflow, models={"steps.classify": SONNET})) == ("0.014", "0.022")
    assert costs(asked(workflow, models={"frontier": SONNET})) == ("0.014", "0.01")


def test_everything_that_was_paid_is_priced_anew_and_nothing_of_others(workflow):
    execution = make_execution(workflow)
    make_answer(execution, tier="cheap")
    make_call(execution, HAIKU, tier="cheap", outcome=Outcome.DISCARDED)
    make_call(execution, HAIKU, tier="cheap", purpose=Purpose.EVALUATION)
    make_call(execution, HAIKU, tier="cheap", reported=True)
    make_call(make_execution(workflow, status="failed"), HAIKU, tier="cheap")
    make_call(make_execution(workflow, simulated=True), HAIKU, tier="cheap")
    other = make_measured_workflow("other", project=workflow.project)
    make_answer(make_execution(other), tier="cheap")
    said = asked(workflow, models={"cheap": SONNET})
    assert (said["n"], said["by_step"][0]["calls"], *costs(said)) == (1, 2, "0.004", "0.012")


def test_a_call_in_doubt_stays_as_it_is(workflow):
    execution = make_execution(workflow)
    make_answer(execution, tier="cheap")
    doubted = make_doubted_call(execution, 5 * 10**9)
    make_call(execution, HAIKU, Usage(), corrects=doubted, tier="cheap")
    said = asked(workflow, models={"cheap": SONNET})
    assert costs(said) == ("0.007", "0.011")
    assert "2 calls in doubt, or correcting one, cost what the ledger says." in said["assumptions"]


def test_a_model_without_a_price_leaves_it_unknown_and_is_named(busy):
    said = asked(busy, models={"cheap": "anthropic:nobodys-model"}, volume_per_month=100)
    assert said["what_if"] == {"per_completed": None, "per_month": None, "saves_per_month": None}
    assert said["recorded"]["per_completed"] == "0.002"
    assert (said["difference"], said["percent"]) == ({"per_completed": None, "per_month": None}, None)
    assert said["by_step"][0]["what_if"] is None
    assert said["unknown"] == ["There is no price for anthropic:nobodys-model: 40 calls would be of it."]


def test_recorded_calls_without_a_price_are_named_too(workflow):
    make_answer(make_execution(workflow), "anthropic:nobodys-model", tier="cheap")
    said = asked(workflow, volume_per_month=100)
    assert costs(said) == (None, None)
    assert said["unknown"] == ["1 call of anthropic:nobodys-model had no price when made."]
    said = asked(workflow, volume_per_month=100, models={"cheap": HAIKU})
    assert (costs(said), said["unknown"]) == ((None, "0.002"), [])


def test_a_price_that_is_stated_goes_before_the_list(busy):
    said = asked(busy, prices=[{"model": HAIKU, "input": "0.50", "output": "2.50"}])
    assert costs(said) == ("0.002", "0.001")
    said = asked(busy, models={"cheap": SONNET}, prices=[{"model": SONNET, "input": 1, "output": 5}])
    assert costs(said) == ("0.002", "0.002")
    assert not [one for one in said["assumptions"] if "today" in one]


def test_a_price_of_a_model_that_nobody_asks_changes_nothing_and_says_so(busy):
    said = asked(busy, prices=[{"model": OPUS, "input": "0.50", "output": "2.50"}])
    assert costs(said) == ("0.002", "0.002")
    assert f"No call would be of {OPUS}: the price that is stated for it changes nothing." in said["assumptions"]


def test_a_price_that_changed_in_the_middle_stands_with_each_call():
    """Two calls at the list's price and two at an own one that came between. On the model itself each keeps its own; another
    model is priced as of today."""
    workflow = make_measured_workflow()
    for at in (NOON - DAY, NOON):
        make_answer(make_execution(workflow, at), tier="cheap")
    own = {"project": workflow.project, "provider": "anthropic", "valid_from": (NOON + DAY).date()}
    OwnPrice.objects.create(**own, model="claude-haiku-4-5", input=_price("2"), output=_price("10"))
    OwnPrice.objects.create(**own, model="claude-sonnet-4-5", input=_price("6"), output=_price("30"))
    for at in (NOON + DAY, NOON + 2 * DAY):
        make_answer(make_execution(workflow, at), tier="cheap")
    later = NOON + 2 * DAY
    assert costs(asked(workflow, later)) == ("0.003", "0.003")
    assert costs(asked(workflow, later, caching=False)) == ("0.003", "0.003")
    assert costs(asked(workflow, later, models={"cheap": SONNET})) == ("0.003", "0.012")
    assert costs(asked(workflow, NOON, models={"cheap": SONNET})) == ("0.002", "0.006")


def _price(usd: str) -> int:
    return to_stored(Decimal(usd))


# Caching. Haiku 4.5: 1.00 in, 0.10 read, 1.25 written, 5.00 out.


def cacheable(workflow, at, **fields):
    """6,000 tokens in, 5,000 of them stable, and 200 out: 0.007 USD without a cache."""
    said = {"tier": "cheap", "prefix_hash": PREFIX, "prefix_tokens": 5_000, "intended_at": at - MINUTE / 60}
    return make_answer(make_execution(workflow, at), HAIKU, LONG, **{**said, **fields})


def test_with_a_cache_the_first_prompt_is_written_and_those_that_follow_are_read(workflow):
    for minutes in (0, 3, 6, 30):
        cacheable(workflow, NOON + minutes * MINUTE)
    said = asked(workflow, caching=True)
    # Two are written, 0.00825, and two are read, 0.0025.
    assert costs(said) == ("0.007", "0.005375")


def test_the_cache_is_looked_for_among_all_calls_of_the_workflow_and_not_only_those_drawn(workflow):
    cacheable(workflow, NOON)
    cacheable(workflow, NOON + MINUTE)
    make_call(make_execution(workflow, NOON - MINUTE, "failed"), HAIKU, LONG, at=NOON - MINUTE, prefix_hash=PREFIX)
    assert costs(asked(workflow, caching=True)) == ("0.007", "0.0025")


@pytest.mark.parametrize(
    "fields",
    [{"prefix_hash": "b" * 64}, {"outcome": Outcome.THROTTLED}, {"model": SONNET}, {"at": NOON - 6 * MINUTE}],
    ids=str,
)
def test_what_is_no_answer_to_the_same_prompt_lately_warms_nothing(workflow, fields):
    said = {"model": HAIKU, "at": NOON - MINUTE, "prefix_hash": PREFIX, **fields}
    make_call(make_execution(workflow, said["at"], "failed"), said.pop("model"), LONG, **said)
    cacheable(workflow, NOON)
    assert costs(asked(workflow, caching=True)) == ("0.007", "0.00825")


def test_below_the_minimum_of_a_model_nothing_is_cached(workflow):
    cacheable(workflow, NOON, prefix_tokens=4_095)
    said = asked(workflow, caching=True)
    assert costs(said) == ("0.007", "0.007")
    assert (
        "anthropic:claude-haiku-4-5 caches from 4,096 tokens on: the stable part of 1 call is shorter, and stays uncached."
        in said["assumptions"]
    )
    cached = asked(workflow, caching=True, models={"cheap": SONNET})  # from 1,024 tokens on
    assert costs(cached) == ("0.007", "0.02407125")


def test_where_the_minimum_is_not_known_nothing_is_guessed(workflow):
    cacheable(workflow, NOON)
    said = asked(workflow, caching=True, models={"cheap": "openai:gpt-3.5-turbo"}, volume_per_month=1)
    assert costs(said) == ("0.007", None)
    assert said["unknown"] == [
        "From how many tokens on openai:gpt-3.5-turbo caches a prompt is not known: 1 call would be of it."
    ]


def test_without_a_cache_all_tokens_of_a_prompt_are_input(workflow):
    usage = Usage(input=1_000, cache_read=5_000, output=200)
    make_answer(make_execution(workflow), HAIKU, usage, tier="cheap")
    said = asked(workflow, caching=False)
    assert costs(said) == ("0.0025", "0.007")
    assert "Nothing is cached: all tokens of a prompt count as input." in said["assumptions"]


def test_a_cached_token_without_a_price_of_its_own_counts_as_input_and_says_so(workflow):
    usage = Usage(input=1_000, cache_read=5_000, output=200)
    make_answer(make_execution(workflow), HAIKU, usage, tier="cheap")
    said = asked(workflow, prices=[{"model": HAIKU, "input": "1", "output": "5"}])
    assert costs(said) == ("0.0025", "0.007")
    assert (
        "anthropic:claude-haiku-4-5 has no price of its own for some cached tokens: they count as input."
        in said["assumptions"]
    )


# Batches. Haiku 4.5 in a batch: 0.50 in, 2.50 out.


def test_in_a_batch_everything_costs_the_batch_price(busy):
    said = asked(busy, batch=True)
    assert costs(said) == ("0.002", "0.001")
    assert "Every execution may wait for a batch; where somebody waits for the answer, none may." in said["assumptions"]


def test_outside_a_batch_what_was_in_one_costs_the_standard_price(workflow):
    make_answer(make_execution(workflow), tier="cheap", batch=True)
    assert costs(asked(workflow, batch=False)) == ("0.001", "0.002")
    assert costs(asked(workflow, batch=True)) == ("0.001", "0.001")


def test_a_model_without_a_batch_price_leaves_it_unknown(busy):
    said = asked(busy, batch=True, prices=[{"model": HAIKU, "input": "1", "output": "5"}])
    assert costs(said) == ("0.002", None)
    assert said["unknown"] == ["There is no batch price for anthropic:claude-haiku-4-5: 40 calls would be of it."]
    stated = {"model": HAIKU, "input": "1", "output": "5", "batch": {"input": "0.1", "output": "0.5"}}
    assert costs(asked(busy, batch=True, prices=[stated])) == ("0.002", "0.0002")


# Which executions.


def test_the_sample_is_bounded_and_drawn_by_the_hash_of_ids(workflow, monkeypatch):
    monkeypatch.setattr(recorded, "EXECUTIONS", 2)
    # By the MD5 of their digits: 4 (649a…), 2 (7265…), 1 (e629…), 3 (f035…).
    for number in range(4):
        pk = UUID(int=number + 1)
        make_answer(make_execution(workflow, pk=pk), tier="cheap", usage=Usage(input=1_000 * (number + 1)))
    said = asked(workflow)
    assert (said["n"], said["completed"], said["share_of_all"]) == (2, 4, "0.5000")
    assert said["recorded"]["per_completed"] == "0.003"
    assert said == asked(workflow)
    assert said["assumptions"][0] == (
        "2 of 4 completed executions, drawn by the hash of their ids, stand for all of them."
    )


def test_executions_of_very_many_calls_make_the_sample_smaller(workflow, monkeypatch):
    monkeypatch.setattr(recorded, "CALLS", 5)
    make_executions(workflow, 4, HAIKU, SHORT, steps=3)
    said = asked(workflow)
    assert (said["n"], said["recorded"]["per_completed"]) == (1, "0.006")


def test_without_an_execution_everything_is_unknown(workflow):
    said = asked(workflow, models={"cheap": SONNET}, simulated=False)
    assert (said["n"], said["share_of_all"], said["percent"], *costs(said)) == (0, None, None, None, None)
    assert said["by_step"] == said["assumptions"] == []
    assert said["unknown"][0] == "No execution completed in these days."


def test_the_days_are_those_that_are_asked_for(workflow):
    make_answer(make_execution(workflow, NOON - 3 * DAY), at=NOON - 3 * DAY)
    make_answer(make_execution(workflow, NOON), OPUS)
    assert costs(asked(workflow)) == ("0.006", "0.006")
    assert costs(asked(workflow, since="2026-11-16")) == ("0.01", "0.01")
    assert costs(asked(workflow, until="2026-11-16")) == ("0.002", "0.002")


def test_a_baseline_is_compared_with_and_not_changed(busy):
    said = asked(busy, baseline="repriced_cold", models={"cheap": OPUS})
    assert said["baseline"] == {"method": "repriced_cold", "model": OPUS}
    assert (said["if_all_frontier"], said["what_if"]["saves_per_month"]) == ("0.01", "0.00")


def test_it_asks_no_model_and_keeps_nothing(busy):
    before = Call.objects.count()
    asked(busy, models={"cheap": SONNET}, caching=True, batch=True)
    assert Call.objects.count() == before


# What is refused.


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"volume_per_month": 0}, "/volume_per_month"),
        ({"volume_per_month": -1}, "/volume_per_month"),
        ({"volume_per_month": 10**10}, "/volume_per_month"),
        ({"volume_per_month": 1.5}, "/volume_per_month"),
        ({"volume_per_month": "100"}, "/volume_per_month"),
        ({"models": {"cheapest": SONNET}}, "/models/cheapest"),
        ({"models": {"steps.nobody": SONNET}}, "/models/steps.nobody"),
        ({"models": {"steps.clean": SONNET}}, "/models/steps.clean"),
        ({"models": {"a/b": SONNET}}, "/models/a~1b"),
        ({"models": {"cheap": "nobody:model"}}, "/models/cheap"),
        ({"models": {"cheap": "claude-sonnet-4-5"}}, "/models/cheap"),
        ({"models": {"cheap": "anthropic:"}}, "/models/cheap"),
        ({"models": {"cheap": "anthropic:" + "x" * 300}}, "/models/cheap"),
        ({"models": {"cheap": None}}, "/models/cheap"),
        ({"models": [SONNET]}, "/models"),
        ({"prices": [{"model": HAIKU, "input": "-1", "output": "5"}]}, "/prices/0/input"),
        ({"prices": [{"model": HAIKU, "input": "NaN", "output": "5"}]}, "/prices/0/input"),
        ({"prices": [{"model": HAIKU, "input": "Infinity", "output": "5"}]}, "/prices/0/input"),
        ({"prices": [{"model": HAIKU, "input": "1e3", "output": "5"}]}, "/prices/0/input"),
        ({"prices": [{"model": HAIKU, "input": "1", "output": "1000001"}]}, "/prices/0/output"),
        ({"prices": [{"model": HAIKU, "input": "1"}]}, "/prices/0/output"),
        ({"prices": [{"model": "nobody:x", "input": "1", "output": "5"}]}, "/prices/0/model"),
        ({"prices": [{"model": HAIKU, "input": "1", "output": "5"}] * 2}, "/prices/1/model"),
        (
            {"prices": [{"model": HAIKU, "input": "1", "output": "5", "batch": {"input": "1"}}]},
            "/prices/0/batch/output",
        ),
        ({"prices": [{"model": HAIKU, "input": "1", "output": "5"}] * 101}, "/prices"),
        ({"caching": "yes"}, "/caching"),
        ({"batch": 1}, "/batch"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "2026-11-17", "until": "2026-11-17"}, "/until"),
        ({"baseline": "best"}, "/baseline"),
        ({"colour": "red"}, "/colour"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_with_its_place(workflow, body, where):
    assert asked(workflow, status=422, **body)["errors"][0]["pointer"] == where


def test_a_step_of_an_older_version_may_be_asked_for_while_its_calls_are_there(workflow):
    make_answer(make_execution(workflow), tier="cheap", step="gone")
    assert costs(asked(workflow, models={"steps.gone": SONNET})) == ("0.002", "0.006")


def test_it_needs_the_scope_read(workflow):
    client = client_of(workflow.project, "execute")
    assert client.post("/api/v1/workflows/refund/what-if", {}, format="json").status_code == 403


def test_a_provider_and_a_step_of_another_project_are_none(workflow):
    other = make_project("mallory", REAL)
    Provider.objects.create(project=other, name="theirs", protocol="openai", base_url="https://93.184.215.14/")
    make_answer(make_execution(make_measured_workflow("other", project=other)), step="secret")
    theirs, nobodys = (asked(workflow, status=422, models={"cheap": f"{name}:x"}) for name in ("theirs", "nobodys"))
    assert theirs == nobodys
    theirs, nobodys = (asked(workflow, status=422, models={f"steps.{name}": HAIKU}) for name in ("secret", "nobody"))
    assert theirs["detail"] == nobodys["detail"]


def test_nothing_of_another_project_is_in_it(busy):
    other = make_measured_workflow(project=make_project("mallory", REAL))
    make_executions(other, 30, OPUS, SHORT, tier="cheap")
    assert costs(asked(busy, models={"cheap": SONNET}, caching=True)) == ("0.002", "0.006")
    own = OwnPrice(project=other.project, provider="anthropic", model="claude-sonnet-4-5", valid_from=NOON.date())
    own.input = own.output = to_pico(Decimal(100))
    own.save()
    assert costs(asked(busy, models={"cheap": SONNET})) == ("0.002", "0.006")


def test_what_another_model_could_not_cache_is_read_as_input(workflow):
    usage = Usage(input=100, cache_read=2_000, output=10)
    make_answer(make_execution(workflow), SONNET, usage, prefix_tokens=2_000, tier="cheap")
    said = asked(workflow, models={"cheap": HAIKU})  # from 4,096 tokens on
    assert costs(said) == ("0.00105", "0.00215")
    assert any(one.startswith("anthropic:claude-haiku-4-5 caches from 4,096 tokens on") for one in said["assumptions"])
