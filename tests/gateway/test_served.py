"""The model that was named is the model that answered, or the step fails."""

from collections import Counter

import pytest

from gateway.served import is_same_model
from tests.gateway.recorded_calls import needs_them, recorded_calls

PRICE_LISTS = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "api.groq.com": "groq",
    "openrouter.ai": "openrouter",
    "traceloop-stg.openai.azure.com": "azure",
}


@pytest.mark.parametrize(
    ("planned", "served"),
    [
        ("claude-haiku-5-5", "claude-haiku-5-5"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4", "gpt-4-0613"),
        ("nobody-has-a-price-for-this", "nobody-has-a-price-for-this-20260101"),
        ("claude-sonnet-4-0", "claude-sonnet-4-20250514"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    ],
)
def test_it_accepts_the_same_model_under_another_id(planned, served):
    assert is_same_model(planned, served, "anthropic", {})


@pytest.mark.parametrize(
    ("planned", "served"),
    [
        ("claude-opus-5-5", "claude-haiku-5-5"),
        ("claude-haiku-4-5", "claude-haiku-5-5"),
        ("claude-haiku-4-5", "claude-haiku-4-50"),
        ("claude-haiku-4-5", "claude-haiku-4-5-lite"),
        ("claude-haiku-4-5", "claude-haiku-4-5-lite-20251001"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001-lite"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001\n"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5-20260301"),
        ("claude-haiku-4-5", ""),
        ("unknown-a", "unknown-b"),
        ("gpt-4", "gpt-4o"),
    ],
)
def test_it_refuses_another_model(planned, served):
    assert not is_same_model(planned, served, "anthropic", {})


def test_a_declared_alias_is_the_same_model_and_only_for_the_id_it_names():
    aliases = {"our-deployment": "gpt-4.1-mini-2025-04-14"}
    assert is_same_model("our-deployment", "gpt-4.1-mini-2025-04-14", "azure", aliases)
    assert not is_same_model("our-deployment", "gpt-35-turbo", "azure", aliases)
    assert not is_same_model("another", "gpt-4.1-mini-2025-04-14", "azure", aliases)


def recorded_pairs() -> Counter[tuple[str, str, str]]:
    """(host, planned id, served id) of every recorded call that has both → how often."""
    pairs: Counter[tuple[str, str, str]] = Counter()
    for call in recorded_calls():
        request, response = call.get("request"), call.get("response")
        if not isinstance(request, dict) or not isinstance(response, dict):
            continue
        planned, served = request.get("model"), response.get("model")
        if isinstance(planned, str) and isinstance(served, str):
            pairs[call["endpoint"].split("/")[0], planned, served] += 1
    return pairs


@needs_them
def test_it_judges_the_recorded_calls_of_others():
    pairs = recorded_pairs()
    refused = {
        (planned, served): count
        for (host, planned, served), count in pairs.items()
        if not is_same_model(planned, served, PRICE_LISTS.get(host, host), {})
    }
    assert pairs.total() == 510
    assert sum(count for (_, planned, served), count in pairs.items() if planned == served) == 153
    assert pairs.total() - sum(refused.values()) == 490
    assert refused == {
        ("google/gemini-2.0-flash-exp:free", "x-ai/grok-4"): 1,  # the one real substitution
        ("openllmetry-testing", "gpt-4.1-mini-2025-04-14"): 16,  # deployments: aliases that their row would declare
        ("openllmetry-testing", "gpt-35-turbo"): 1,
        ("compound-beta", "groq/compound"): 1,
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-4.5-sonnet-20250929"): 1,
    }


@needs_them
def test_the_aliases_of_a_providers_row_let_everything_pass_but_the_substitution():
    """What each of those five would have declared, had it been a row here: an id that was asked, the id that answered."""
    rows = {
        "traceloop-stg.openai.azure.com": {"openllmetry-testing": "gpt-4.1-mini-2025-04-14"},
        "api.groq.com": {"compound-beta": "groq/compound"},
        "openrouter.ai": {"anthropic/claude-sonnet-4-5": "anthropic/claude-4.5-sonnet-20250929"},
    }
    refused = [
        (planned, served)
        for host, planned, served in recorded_pairs()
        if not is_same_model(planned, served, PRICE_LISTS.get(host, host), rows.get(host, {}))
    ]
    assert sorted(refused) == [
        ("google/gemini-2.0-flash-exp:free", "x-ai/grok-4"),
        ("openllmetry-testing", "gpt-35-turbo"),  # one deployment, two models: an alias names one of them
    ]
