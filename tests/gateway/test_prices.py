"""Prices: the golden figures, the tiers, what is unpriced, and the one rounding."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.prices import Price, is_flat, listed_price, prompt_sizes, same_entry
from gateway.types import Usage
from wire.money import to_usd

NOVEMBER = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
CACHED = Usage(cache_read=4_500, input=500, output=300)


def listed(model: str, prompt_tokens: int = 1_000, at: datetime = NOVEMBER, batch: bool = False) -> Price:
    price = listed_price("anthropic", model, at, prompt_tokens, batch)
    assert price is not None
    return price


def test_the_cache_golden_on_the_cheap_model():
    assert to_usd(listed("claude-haiku-5-5", 5_000).cost(CACHED)) == Decimal("0.000245")


def test_the_cache_golden_repriced_on_the_frontier():
    frontier = listed("claude-opus-5-5", 5_000)
    assert to_usd(frontier.reprice_warm(CACHED)) == Decimal("0.0089")
    assert to_usd(frontier.reprice_cold(CACHED)) == Decimal("0.0260")


def test_it_names_its_source():
    price = listed("claude-opus-5-5")
    assert price.source == "genai-prices"
    assert price.version.startswith("0.2")


@pytest.mark.parametrize(
    ("prompt_tokens", "expected"),
    [(0, "0.1"), (100_000, "0.1"), (100_001, "0.5"), (900_000, "0.5")],
)
def test_a_long_prompt_is_dearer_from_the_first_token_above_the_threshold(prompt_tokens, expected):
    assert listed("claude-haiku-5-5", prompt_tokens).input == Decimal(expected)


def test_every_kind_of_token_of_a_long_prompt_is_dearer():
    price = listed("claude-haiku-5-5", 100_001)
    kinds = (price.output, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    assert kinds == (Decimal("2.5"), Decimal("0.05"), Decimal("0.625"), Decimal("1"))
    assert to_usd(price.cost(Usage(input=101_000, output=1_000))) == Decimal("0.0530")


def test_the_ticket_of_the_worked_example_costs_three_cents():
    haiku, sonnet = listed("claude-haiku-4-5"), listed("claude-sonnet-4-5")
    assert to_usd(haiku.cost(Usage(input=2_500, output=100))) == Decimal("0.003")
    assert to_usd(sonnet.cost(Usage(input=3_500, output=300))) == Decimal("0.015")
    opus = listed("claude-opus-4-5")
    all_frontier = 5 * opus.reprice_cold(Usage(input=2_500, output=100))
    all_frontier += opus.reprice_cold(Usage(input=3_500, output=300))
    assert to_usd(all_frontier) == Decimal("0.10")


def test_the_declared_example_on_an_old_dated_model():
    price = listed("claude-3-haiku-20240307", 101_111)
    assert (price.input, price.output) == (Decimal("0.25"), Decimal("1.25"))
    calls = 400 * price.cost(Usage(input=101_111, output=2_000)) + 50 * price.cost(Usage(input=101_112, output=2_000))
    assert to_usd(calls) == Decimal("12.5000000")
    frontier = listed("claude-opus-4-20250514", 101_111)
    repriced = 400 * frontier.reprice_cold(Usage(input=101_111, output=2_000))
    repriced += 50 * frontier.reprice_cold(Usage(input=101_112, output=2_000))
    assert to_usd(repriced) == Decimal("750.00")


@pytest.mark.parametrize(
    ("price_list", "model"),
    [
        ("anthropic", "claude-nonsense"),
        ("anthropic", ""),
        ("anthropic", "gpt-5"),
        ("no such list", "claude-opus-5-5"),
        ("anthropic", "claude-haiku-4-5-lite"),  # begins like one that has a price, and is not that one
        ("anthropic", "claude-haiku-4-50"),
        ("anthropic", "claude-3-haiku-99"),
        ("deepseek", "deepseek-r1-distill-llama-70b"),
        ("google", "gemini-2.0-flash-exp:free"),
        ("perplexity", "sonar-pro"),  # also charges for each request, which tokens cannot say
    ],
)
def test_an_unknown_price_is_unpriced(price_list, model):
    assert listed_price(price_list, model, NOVEMBER, 1_000) is None


@pytest.mark.parametrize(
    ("price_list", "model", "input_price"),
    [
        ("anthropic", "claude-haiku-4-5-20251001", "1"),
        ("anthropic", "claude-haiku-4-5-latest", "1"),
        ("anthropic", "claude-haiku-4-5@20251001", "1"),
        ("openai", "gpt-4o-2024-08-06", "2.5"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::1", "3.75"),  # the list has one price for all that are trained on it
        ("google", "gemini-2.5-pro-preview-05-06", "1.25"),
        ("google", "gemini-2.0-flash-001", "0.1"),
        ("aws", "openai.gpt-oss-120b-1:0", "0.15"),
        ("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "1.1"),
    ],
)
def test_a_snapshot_a_preview_and_a_build_cost_what_their_model_does(price_list, model, input_price):
    price = listed_price(price_list, model, NOVEMBER, 1_000)
    assert price and price.input == Decimal(input_price)


def test_a_batch_is_half_price_where_a_batch_price_is_in_force():
    price = listed("claude-opus-5-5", batch=True)
    assert (price.input, price.output, price.cache_read) == (Decimal("2"), Decimal("10"), Decimal("0.1"))


def test_a_batch_without_a_batch_price_is_unpriced_not_full_price():
    before = datetime(2026, 10, 13, 23, 59, tzinfo=UTC)
    assert listed_price("anthropic", "claude-opus-5-5", before, 1_000, batch=True) is None
    assert listed_price("anthropic", "claude-3-haiku-20240307", NOVEMBER, 1_000, batch=True) is None
    assert listed("claude-opus-5-5", at=before).input == Decimal("4")


def test_a_price_that_knows_hours_follows_the_clock():
    def at(hour: int, minute: int) -> Decimal | None:
        moment = datetime(2025, 6, 1, hour, minute, tzinfo=UTC)
        price = listed_price("deepseek", "deepseek-chat", moment, 1_000)
        return price.input if price else None

    assert (at(16, 29), at(16, 31)) == (Decimal("0.27"), Decimal("0.135"))


def test_a_moment_without_a_zone_is_utc():
    naive = datetime(2026, 10, 14, 0, 0)
    assert listed("claude-opus-5-5", at=naive, batch=True).input == Decimal("2")


@pytest.mark.parametrize(
    ("input_price", "tokens", "pico"),
    [
        ("0.0000005", 1, 0),  # exactly half a pico-dollar: to the even neighbour
        ("0.0000015", 1, 2),
        ("0.0000025", 1, 2),
        ("0.0000005", 3, 2),  # one and a half, rounded once over the sum
        ("0.00000050000000000000000000000000000000000001", 1, 1),  # above the half by any amount
    ],
)
def test_it_rounds_once_half_to_even(input_price, tokens, pico):
    assert Price(Decimal(input_price), Decimal(0)).cost(Usage(input=tokens)) == pico


def test_kinds_are_added_before_they_are_rounded():
    half = Decimal("0.0000005")
    price = Price(input=half, output=half)
    assert price.cost(Usage(input=1, output=1)) == 1


def test_a_used_kind_without_a_price_makes_the_call_unpriced():
    price = Price(input=Decimal(1), output=Decimal(5))
    assert price.cost(Usage(input=10, output=1)) == 15_000_000
    assert price.cost(Usage(input=10, cache_read=1, output=1)) is None
    assert price.cost(Usage(input=10, cache_write_1h=1)) is None
    assert Price(input=None, output=Decimal(5)).cost(Usage(input=1)) is None


def test_thinking_is_a_part_of_output_and_not_paid_twice():
    price = Price(input=Decimal(1), output=Decimal(5))
    assert price.cost(Usage(output=100, thinking=60)) == 500_000_000


def test_repricing_counts_a_kind_without_a_price_as_input():
    price = Price(input=Decimal(2), output=Decimal(10), cache_read=Decimal("0.2"))
    usage = Usage(input=100, cache_read=1_000, cache_write_5m=50, cache_write_1h=50, output=10)
    assert price.reprice_warm(usage) == 700_000_000  # (100·2 + 1000·0.2 + 100·2 + 10·10) micro-dollars
    assert price.reprice_cold(usage) == 2_500_000_000  # (1200·2 + 10·10) micro-dollars


def test_repricing_on_a_model_without_prices_is_unknown():
    assert Price(input=None, output=Decimal(1)).reprice_warm(CACHED) is None
    assert Price(input=Decimal(1), output=None).reprice_cold(CACHED) is None


@pytest.mark.parametrize(
    ("price_list", "a", "b", "same"),
    [
        ("anthropic", "claude-sonnet-4-0", "claude-sonnet-4-20250514", True),
        ("anthropic", "claude-haiku-4.5", "claude-haiku-4-5-20251001", True),
        ("openai", "gpt-5.6", "gpt-5.6-sol", True),
        ("openrouter", "anthropic/claude-sonnet-4.5", "anthropic/claude-4.5-sonnet-20250929", True),
        ("anthropic", "claude-haiku-4-5", "claude-opus-4-5", False),
        ("anthropic", "claude-haiku-4-5", "claude-haiku-4-50", False),
        ("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-lite", False),
        ("anthropic", "claude-haiku-4-5-lite", "claude-haiku-4-5", False),
        ("anthropic", "nobody-1", "nobody-2", False),
        ("no such list", "claude-haiku-4-5", "claude-haiku-4-5", False),
    ],
)
def test_two_ids_are_one_entry_only_where_the_list_writes_both_out(price_list, a, b, same):
    assert same_entry(price_list, a, b) is same


@pytest.mark.parametrize(
    ("price_list", "model", "least", "most", "flat"),
    [
        ("anthropic", "claude-haiku-5-5", 1, 100_000, True),
        ("anthropic", "claude-haiku-5-5", 100_000, 100_001, False),
        ("anthropic", "claude-haiku-5-5", 100_001, 900_000, True),
        ("anthropic", "claude-opus-4-5", 1, 900_000, True),
        ("deepseek", "deepseek-chat", 1, 2, False),  # cheaper at night
        ("anthropic", "claude-nobody-1", 1, 900_000, True),  # no price, at any length
    ],
)
def test_one_price_holds_for_prompts_of_these_lengths(price_list, model, least, most, flat):
    assert is_flat(price_list, model, least, most) is flat


def test_the_sizes_of_prompts_are_those_at_which_any_price_changes():
    assert {100_001, 200_001, 272_001} <= set(prompt_sizes())
    assert list(prompt_sizes()) == sorted(prompt_sizes())


@pytest.mark.parametrize(("usd_per_million", "whole"), [("0.000001", True), ("3", True), ("0.0000015", False)])
def test_a_token_costs_whole_pico_dollars(usd_per_million, whole):
    assert Price(input=Decimal(usd_per_million), output=Decimal(5)).is_whole is whole
