"""What caching and batches saved, also where they cost more than they saved."""

import pytest

from gateway.types import Usage

from .ledgers import HAIKU, make_answer, make_call, make_execution, make_measured_workflow, summary_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def execution():
    return make_execution(make_measured_workflow())


@pytest.mark.parametrize(
    ("usage", "saved"),
    [
        (Usage(input=10_000), "0.00"),
        (Usage(cache_read=10_000), "0.009"),  # 1.00 - 0.10 a million
        (Usage(cache_write_5m=10_000), "-0.0025"),  # 1.25 - 1.00
        (Usage(cache_write_1h=10_000), "-0.01"),  # 2.00 - 1.00
        (Usage(cache_read=10_000, cache_write_5m=4_000), "0.008"),
        (Usage(cache_read=1), "0.0000009"),
    ],
)
def test_reading_a_cache_saves_and_writing_it_costs(execution, usage, saved):
    make_answer(execution, usage=usage)
    assert summary_of(execution.workflow)["cache_savings"] == saved


def test_calls_of_several_prices_add_up(execution):
    make_call(execution, HAIKU, Usage(cache_read=10_000))
    make_call(execution, HAIKU, Usage(cache_read=20_000))
    make_call(execution, "anthropic:claude-opus-4-5", Usage(cache_read=10_000))
    assert summary_of(execution.workflow)["cache_savings"] == "0.072"


def test_cached_tokens_without_a_price_make_it_unknown(execution):
    make_call(execution, "anthropic:claude-nobody-1", Usage(cache_read=10_000))
    assert summary_of(execution.workflow)["cache_savings"] is None


def test_a_batch_saves_the_difference_to_the_standard_price(execution):
    model = "anthropic:claude-opus-5-5"  # 4 and 20 a million, half of it in a batch
    make_call(execution, model, Usage(input=10_000, output=1_000), batch=True)
    make_call(execution, model, Usage(input=10_000, output=1_000))
    summary = summary_of(execution.workflow)
    assert (summary["total_cost"], summary["batch_savings"]) == ("0.09", "0.03")


def test_a_batch_without_a_price_makes_it_unknown(execution):
    make_call(execution, "anthropic:claude-nobody-1", batch=True)
    assert summary_of(execution.workflow)["batch_savings"] is None
