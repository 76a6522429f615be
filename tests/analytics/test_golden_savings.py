"""Savings that would be overstated, and are not: each mistake that an auditor looks for, with the ledger that would show it.

Haiku 4.5 costs 1 and 5 USD a million tokens, Opus 4.5 five times that, Opus 4 fifteen times, Opus 5.5 four times; `SHORT` is 1,000
tokens in and 200 out: 0.002, 0.01, 0.03 and 0.008 USD. What is proven elsewhere, and not once more here:

netted with the design    test_seeds.py (design once), test_savings.py; with every other cost test_golden_contract.py
negative savings          test_costs.py (more than it saves, never pays back), test_golden_contract.py
cache tokens              test_seeds.py (the cache golden), test_discounts.py
what was used once        test_baselines.py (our waste, answers not taken), test_engine_ledger.py (written by the engine)
feedback                  test_feedback.py
"""

from datetime import date, timedelta

import pytest

from executions.models import Event, Status, StepResult
from gateway.types import Outcome, Purpose, Usage
from projects.models import TierModel
from tests.cast import envelope, execute, make_project, make_workflow, models_answer

from .auditing import audited, figures
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    make_answer,
    make_call,
    make_execution,
    make_executions,
    make_measured_workflow,
    state_baseline,
    use,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OLD_OPUS = "anthropic:claude-opus-4-20250514"
UNKNOWN = dict.fromkeys(
    ("savings", "savings_percent", "roi_percent", "payback_executions", "paid_back_at", "cost_per_completed")
)


@pytest.fixture
def workflow():
    return make_measured_workflow()


def unknown(summary: dict) -> dict:
    return {name: summary[name] for name in UNKNOWN}


# --- the model is switched


def test_a_cheaper_frontier_makes_later_savings_smaller_and_earlier_ones_stay(workflow):
    """At the old frontier's price throughout it would be 0.60, at the new one's 0.20."""
    make_executions(workflow, 10, HAIKU, SHORT, at=NOON, baseline=OLD_OPUS)
    make_executions(workflow, 10, HAIKU, SHORT, at=NOON + DAY, baseline=OPUS)
    assert figures(audited(workflow), "total_cost", "if_all_frontier", "savings") == ["0.04", "0.40", "0.36"]
    before, after = audited(workflow, until=date(2026, 11, 17)), audited(workflow, since=date(2026, 11, 17))
    assert figures(before, "if_all_frontier", "savings_percent") == ["0.30", "93.33"]
    assert figures(after, "if_all_frontier", "savings_percent") == ["0.10", "80.00"]


def test_an_own_model_that_becomes_cheaper_leaves_what_was_paid(workflow):
    make_executions(workflow, 10, OPUS, SHORT, at=NOON)
    make_executions(workflow, 10, HAIKU, SHORT, at=NOON + DAY)
    named = ("total_cost", "if_all_frontier", "savings", "savings_percent")
    assert figures(audited(workflow), *named) == ["0.12", "0.20", "0.08", "40.00"]
    assert figures(audited(workflow, until=date(2026, 11, 17)), "savings", "savings_percent") == ["0.00", "0.00"]


def test_a_new_tier_map_moves_the_baseline_with_the_next_publication_only():
    """Written by the engine itself: 0.008 on Opus 5.5, 0.01 on Opus 4.5."""
    models_answer({"text": envelope({"kind": "refund"}), "input_tokens": 1_000, "output_tokens": 200})
    workflow = make_workflow()
    execute(workflow)
    TierModel.objects.filter(project=workflow.project, tier="frontier").update(model="claude-opus-4-5")
    execute(workflow)
    assert audited(workflow, simulated=True)["if_all_frontier"] == "0.016"
    workflow.versions.get().publish("alice")
    workflow.refresh_from_db()
    execute(workflow)
    summary = audited(workflow, simulated=True)
    assert figures(summary, "if_all_frontier", "execution_cost", "savings") == ["0.026", "0.0006", "0.0254"]
    assert summary["baseline"]["model"] == "scripted:claude-opus-4-5"


# --- the baseline is counted more than once


def test_three_calls_for_one_answer_are_one_baseline(workflow):
    """Counted three times it would be 0.03, and the loss a saving of 0.022."""
    execution = make_execution(workflow)
    for outcome in (Outcome.THROTTLED, Outcome.NOT_SENT):
        make_call(execution, HAIKU, Usage(), outcome=outcome, model_served="")
    make_call(execution, HAIKU, outcome=Outcome.TRUNCATED)
    use(make_call(execution, HAIKU), status=StepResult.Status.REJECTED).save()
    use(make_call(execution, OPUS, purpose=Purpose.REPAIR), attempt=2).save()
    summary = audited(workflow)
    assert figures(summary, "total_cost", "if_all_frontier", "savings") == ["0.014", "0.01", "-0.004"]
    assert summary["retry_rate"] == "0.2500"


def test_an_execution_that_is_retried_after_it_failed_is_one_baseline(workflow):
    """The answer that it kept counts, the one that it lost does not, and both are paid."""
    execution = make_execution(workflow, NOON + DAY)
    Event.objects.create(
        execution=execution, kind="status", before=Status.RUNNING, after=Status.FAILED, actor="worker", at=NOON
    )
    make_answer(execution, step="kept", at=NOON)
    make_call(execution, HAIKU, step="lost", at=NOON)
    make_answer(execution, step="lost", at=NOON + DAY)
    summary = audited(workflow)
    named = ("executions", "finished", "completed", "total_cost", "if_all_frontier")
    assert figures(summary, *named) == [1, 1, 1, "0.006", "0.02"]


def test_a_declared_cost_counts_once_however_many_steps_and_attempts(workflow):
    state_baseline(workflow, "declared", cost="0.84", at=workflow.created_at)
    execution = make_execution(workflow)
    for step in ("read", "decide", "write"):
        make_call(execution, HAIKU, step=step, outcome=Outcome.TRUNCATED)
        make_answer(execution, step=step)
    assert figures(audited(workflow), "total_cost", "if_all_frontier") == ["0.012", "0.84"]


# --- a price that nobody knows


@pytest.mark.parametrize(
    "model",
    [
        "anthropic:claude-nobody-1",
        "openai:gpt-99",
        "openai:claude-haiku-4-5",  # another vendor's model is none of this one's
        "anthropic:gpt-4.1",
        "nobody:claude-haiku-4-5",
        "anthropic:claude-haiku-4-5-lite",  # begins like one that has a price
        "openai:ft:gpt-4.1-2025-04-14:acme::1",  # what is trained on a model is not the model
    ],
)
def test_a_model_without_a_price_is_unpriced_and_compares_with_nothing(workflow, model):
    make_answer(make_execution(workflow))
    make_answer(make_execution(workflow), model=model)
    summary = audited(workflow)
    assert figures(summary, "complete", "unpriced_calls", "total_cost") == [False, 1, "0.002"]
    assert unknown(summary) == UNKNOWN


def test_a_declared_baseline_does_not_hide_a_call_without_a_price(workflow):
    state_baseline(workflow, "declared", cost="0.84", at=workflow.created_at)
    make_answer(make_execution(workflow), model="openai:gpt-99")
    summary = audited(workflow)
    assert figures(summary, "complete", "unpriced_calls", "if_all_frontier", "savings") == [False, 1, "0.84", None]


def test_a_batch_without_a_batch_price_is_not_at_the_standard_price(workflow):
    make_answer(make_execution(workflow), "anthropic:claude-3-haiku-20240307", batch=True)
    assert figures(audited(workflow), "unpriced_calls", "total_cost", "savings") == [1, "0.00", None]


def test_a_day_without_a_price_leaves_the_days_around_it_known(workflow):
    for days, model in enumerate((HAIKU, "openai:gpt-99", HAIKU)):
        make_answer(make_execution(workflow, NOON + days * DAY), model=model)
    day = date(2026, 11, 16)
    told = [audited(workflow, since=day + n * DAY, until=day + (n + 1) * DAY)["savings"] for n in range(3)]
    assert told == ["0.008", None, "0.008"]


# --- cached tokens


def test_a_cache_is_read_at_its_own_price_on_both_sides(workflow):
    """At the full rate ours would be 0.0102, and the saving of the warm baseline 0.0408."""
    make_answer(make_execution(workflow), usage=Usage(cache_read=10_000, input=100, output=20))
    named = ("total_cost", "if_all_frontier", "savings", "savings_percent", "cache_savings")
    assert figures(audited(workflow, "repriced_warm"), *named) == ["0.0012", "0.006", "0.0048", "80.00", "0.009"]
    assert figures(audited(workflow, "repriced_cold"), *named) == ["0.0012", "0.051", "0.0498", "97.65", "0.009"]


def test_a_baseline_model_without_a_price_for_writing_writes_at_its_input_price(workflow):
    """GPT-4.1: 2 USD in, 8 out, 0.50 read, and nothing is said of writing."""
    usage = Usage(input=1_000, cache_read=1_000, cache_write_5m=1_000, cache_write_1h=1_000, output=100)
    make_answer(make_execution(workflow), usage=usage, baseline="openai:gpt-4.1")
    assert (
        audited(workflow, "repriced_warm")["if_all_frontier"] == "0.0073"
    )  # (3,000 · 2 + 1,000 · 0.50 + 100 · 8) / 10⁶
    assert audited(workflow, "repriced_cold")["if_all_frontier"] == "0.0088"  # (4,000 · 2 + 100 · 8) / 10⁶


def test_writing_a_cache_that_nobody_reads_is_a_loss(workflow):
    make_answer(make_execution(workflow), usage=Usage(cache_write_1h=10_000))
    assert figures(audited(workflow), "cache_savings", "total_cost") == ["-0.01", "0.02"]


# --- nothing to compare with


def test_without_a_frontier_there_is_no_baseline_and_no_saving(workflow):
    workflow.project.tiers.filter(tier="frontier").delete()
    make_answer(make_execution(workflow, baseline_model=""), baseline="")
    summary = audited(workflow)
    assert figures(summary, "complete", "total_cost", "cost_per_completed") == [True, "0.002", "0.002"]
    assert figures(summary, "if_all_frontier", "savings", "savings_percent", "roi_percent") == [None] * 4
    assert figures(summary, "payback_executions", "paid_back_at") == [None, None]
    assert figures(summary["baseline"], "model", "n", "unpriced") == [None, 1, 1]


def test_a_declared_cost_that_nobody_declared_is_not_zero(workflow):
    make_answer(make_execution(workflow))
    summary = audited(workflow, "declared")
    assert figures(summary, "if_all_frontier", "savings", "payback_executions") == [None, None, None]


def test_what_completed_nothing_saved_nothing_and_has_no_percent(workflow):
    make_answer(make_execution(workflow, status=Status.FAILED))
    summary = audited(workflow)
    assert figures(summary, "if_all_frontier", "savings", "roi_percent") == ["0.00", "-0.002", "-100.00"]
    assert figures(summary, "savings_percent", "payback_executions", "cost_per_completed") == [None, None, None]


# --- rounding


def test_payback_is_rounded_up_and_exact_where_it_comes_out_even():
    """A design of 0.08 at a gain of 0.008 is ten executions; of a pico-dollar more, eleven."""
    for design_cost, payback in (("0.08", 10), ("0.080000000001", 11)):
        workflow = make_measured_workflow(project=make_project(f"at {payback}"), design_cost=design_cost)
        make_executions(workflow, 3, HAIKU, SHORT)
        assert audited(workflow)["payback_executions"] == payback


def test_percentages_and_rates_round_half_to_even(workflow):
    """A saving of 12.345 % and one of 12.355 %."""
    for cost, percent in (("0.87655", "12.34"), ("0.87645", "12.36")):
        other = make_measured_workflow(project=make_project(percent), design_cost=cost)
        state_baseline(other, "declared", cost="1", at=other.created_at)
        make_execution(other)
        assert audited(other)["savings_percent"] == percent
