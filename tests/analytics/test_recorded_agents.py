"""Real customer-service agents, recorded by others with what each call cost them, put through our prices: the same to the last
digit, and their baseline with a warm cache about a third of the cold one.

The record keeps all tokens of a prompt together. How many of them were read from a cache is what its cost says, so there the
proof is another one: they are whole blocks of 128 tokens, as OpenAI caches them, and never more than the prompt.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from gateway import pricing
from gateway.models import OwnPrice
from gateway.types import Usage
from projects.models import Provider
from tests.cast import make_project
from wire.money import to_pico

from .auditing import audited, figures
from .ledgers import REAL, make_answer, make_execution, make_measured_workflow, state_baseline

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "tau2_spans.jsonl.gz"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not RECORDED.exists(), reason="the recorded agents of tau2-bench are not here"),
]

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
BLOCK = 128
MILLION = 1_000_000
# As the record names them, and as a project of ours does.
OURS = {
    "claude-opus-4-6": "anthropic:claude-opus-4-6",
    "claude-sonnet-4-5": "anthropic:claude-sonnet-4-5",
    "gpt-4.1": "openai:gpt-4.1",
    "gpt-4.1-2025-04-14": "openai:gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "openai:gpt-4.1-mini",
    "gpt-4o": "openai:gpt-4o",
    "gpt-5.4": "openai:gpt-5.4",
    "azure/gpt-4o-2024-11-20": "azure:gpt-4o-2024-11-20",
    "ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm": "openai:ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm",
    "ollama_chat/qwen2.5:7b": "ollama:qwen2.5:7b",
    "openai/gpt-oss-120b": "vllm:gpt-oss-120b",  # open weights, on a server of their own
}
# Of a vendor whose prices the record does not take from the public list, in a region that is a tenth dearer.
AZURE = {"input": "2.75", "cache_read": "1.25", "output": "11"}
AGENTS_WITH_A_CACHE = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-5.4")


@cache
def recorded() -> tuple[dict, ...]:
    """Its calls of models."""
    with gzip.open(RECORDED, "rt") as lines:
        spans = [json.loads(line) for line in lines]
    return tuple(span for span in spans if span.get("model"))


@pytest.fixture
def project():
    """One that has a price of its own for what it calls on Azure."""
    project = make_project(tiers=REAL)
    Provider.objects.create(project=project, name="azure", protocol="openai", base_url="http://localhost:1")
    own = {kind: to_pico(Decimal(usd)) for kind, usd in AZURE.items()}
    of = {"provider": "azure", "model": "gpt-4o-2024-11-20", "valid_from": LONG_AGO.date()}
    OwnPrice.objects.create(project=project, **of, **own)
    return project


def at(span: dict) -> datetime:
    return datetime.fromisoformat(span["ts"]).replace(tzinfo=UTC)


def cost(span: dict) -> int:
    """Pico-dollars. The record adds in binary fractions, and has some of their dust behind the twelfth digit."""
    return to_pico(Decimal(repr(span["cost_usd"])))


def usage(span: dict, price: pricing.Price) -> Usage:
    """With as many of the prompt's tokens from the cache as its cost says."""
    uncached = price.cost(Usage(input=span["in_tok"], output=span["out_tok"]))
    discount = (price.input - price.cache_read) * MILLION  # pico-dollars a token
    cached = (uncached - cost(span)) / discount
    assert cached == int(cached) and 0 <= cached <= span["in_tok"]
    return Usage(input=span["in_tok"] - int(cached), cache_read=int(cached), output=span["out_tok"])


def priced(project, roles=("assistant", "user")) -> Iterator[tuple[dict, pricing.Price]]:
    for span in recorded():
        price = pricing.price(project.pk, OURS[span["model"]], at(span), span["in_tok"])
        if price and span["role"] in roles:
            yield span, price


def test_each_recorded_call_costs_by_our_prices_what_it_cost(project):
    calls, cached = defaultdict(int), defaultdict(int)
    for span, price in priced(project):
        tokens = usage(span, price)
        assert price.cost(tokens) == cost(span)
        assert tokens.cache_read % BLOCK == 0
        calls[span["model"]] += 1
        cached[span["model"]] += tokens.cache_read > 0
    assert calls == {
        "claude-opus-4-6": 398,
        "claude-sonnet-4-5": 281,
        "gpt-4.1": 2637,
        "gpt-4.1-2025-04-14": 214,
        "gpt-4.1-mini": 58,
        "gpt-4o": 250,
        "gpt-5.4": 233,
        "azure/gpt-4o-2024-11-20": 395,
    }
    assert {model: count for model, count in cached.items() if not count} == {
        "claude-opus-4-6": 0,
        "claude-sonnet-4-5": 0,
    }


def test_where_the_record_says_how_many_tokens_were_cached_it_is_as_many(project):
    told = [(span, price) for span, price in priced(project) if "cached_tok_derived" in span]
    told = [(span, price) for span, price in told if not span["model"].startswith("azure")]  # at another price there
    assert len(told) == 3178
    assert all(usage(span, price).cache_read == span["cached_tok_derived"] for span, price in told)


def test_what_is_on_no_list_is_unpriced_though_the_record_has_it_for_nothing(project):
    unpriced = defaultdict(set)
    for span in recorded():
        if pricing.price(project.pk, OURS[span["model"]], at(span), span["in_tok"]) is None:
            unpriced[span["model"]].add(span["cost_usd"])
    assert unpriced == {
        "ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm": {0.0},
        "ollama_chat/qwen2.5:7b": {0.0},
        "openai/gpt-oss-120b": {0.0},
    }


def test_with_a_warm_cache_an_agent_costs_about_a_third_of_what_it_costs_cold(project):
    warm, cold = defaultdict(int), defaultdict(int)
    for span, price in priced(project, roles=("assistant",)):
        if span["model"] in AGENTS_WITH_A_CACHE:
            warm[span["model"]] += price.reprice_warm(usage(span, price))
            cold[span["model"]] += price.reprice_cold(usage(span, price))
    shares = {model: round(Decimal(warm[model]) / cold[model], 4) for model in warm}
    assert shares == {
        "gpt-4.1": Decimal("0.3194"),
        "gpt-4.1-mini": Decimal("0.2938"),
        "gpt-4o": Decimal("0.5327"),  # reads its cache at half price only
        "gpt-5.4": Decimal("0.3250"),
    }
    assert Decimal("0.30") < Decimal(sum(warm.values())) / sum(cold.values()) < Decimal("0.37")
    assert (sum(warm.values()), sum(cold.values())) == (6_024_301_000_000, 17_362_041_800_000)
    told = (settings.BASE / "docs" / "method.md").read_text(encoding="utf-8")
    assert "cost 6.02 USD warm, and would have cost 17.36 cold: 34.70 %, about a third" in told


def test_the_summary_of_recorded_agents_says_what_they_cost(project):
    """Twenty conversations of 217 calls, as executions whose answers are the agent's: 1,045,656 tokens in, 938,240 of them from the
    cache, 16,186 out. On GPT-4.1 (2, 0.50 and 8 USD a million), and compared with Opus 4.6 (5, 0.50 and 25)."""
    conversations = defaultdict(list)
    for span, price in priced(project, roles=("assistant",)):
        if span["model"] == "gpt-4.1":
            conversations[span["trace"]].append((span, price))
    some = sorted(conversations)[:20]
    workflow = make_measured_workflow(project=project, at=LONG_AGO)
    for trace in some:
        ends = max(at(span) for span, _ in conversations[trace])
        execution = make_execution(workflow, ends)
        for span, price in conversations[trace]:
            told = {"step": f"turn_{span['seq']}", "at": at(span), "baseline": "openai:gpt-4.1"}
            make_answer(execution, "openai:gpt-4.1", usage(span, price), **told)
    named = ("completed", "total_cost", "if_all_frontier", "savings", "cache_savings")
    assert sum(cost(span) for trace in some for span, _ in conversations[trace]) == 813_440_000_000
    assert figures(audited(workflow, "repriced_warm"), *named) == [20, "0.81344", "0.81344", "0.00", "1.40736"]
    assert figures(audited(workflow, "repriced_cold"), *named) == [20, "0.81344", "2.2208", "1.40736", "1.40736"]
    state_baseline(workflow, "repriced_warm", model="anthropic:claude-opus-4-6", at=LONG_AGO)
    assert figures(audited(workflow, "repriced_warm"), *named) == [20, "0.81344", "1.41085", "0.59741", "1.40736"]
    assert audited(workflow, "repriced_cold")["if_all_frontier"] == "5.63293"
