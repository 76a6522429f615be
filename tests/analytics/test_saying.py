"""What a summary of costs says in sentences."""

from dataclasses import replace
from decimal import Decimal

import pytest

from analytics.baselines import Method
from analytics.costs import Lacking, Summary
from analytics.extent import Extent
from analytics.pages.saying import said
from analytics.rates import Rates
from analytics.savings import Balance
from projects.models import Project
from wire.money import rounded


def summary(method=Method.REPRICED_WARM, *, simulated=False, unproven=False, **balance):
    amounts = {name: Decimal(value) if isinstance(value, str) else value for name, value in balance.items()}
    both = {"balance": Balance(**amounts), "to_date": Balance(**amounts)}
    rates = Rates(executions=0, finished=0, escalated=0, step_calls=0, repair_calls=0, p50_ms=None, p95_ms=None)
    nothing = {
        "paid_back_on": None,
        "baseline_unpriced": 0,
        "reported": 0,
        "overridden": [],
        "cache_savings": None,
        "batch_savings": None,
        "days": {},
    }
    return Summary(
        Extent(Project(), None, simulated), method, "opus", **both, rates=rates, unproven=unproven, **nothing
    )


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "0.00 USD"),
        ("1234.5678", "1,234.57 USD"),
        ("0.84", "0.84 USD"),
        ("0.123456", "0.12 USD"),
        ("0.0123456", "0.012 USD"),
        ("0.00012345", "0.00012 USD"),
        ("-0.0123", "-0.012 USD"),
        ("0.000000003", "less than 0.00001 USD"),
    ],
)
def test_money_is_as_short_as_it_can_be(usd, text):
    assert rounded(Decimal(usd)) == text


def test_what_was_saved_says_against_what():
    told = said(summary(execution_cost="2.50", design_declared="5.00", if_all_frontier="75.00", completed=1_500))
    assert told.cost == "7.50 USD (2.50 USD executing, 5.00 USD designing), 1,500 executions completed."
    assert told.savings == "It saved 67.50 USD (90%), against 75.00 USD: the same tokens on opus, with a warm cache."
    assert told.labels == []


def test_what_was_lost_is_said_as_plainly():
    told = said(summary(Method.DECLARED, execution_cost="3.00", if_all_frontier="2.00", completed=4))
    assert told.savings == (
        "It cost 1.00 USD more (50%) than all-frontier would have, against 2.00 USD: "
        "what a person declared for all-frontier."
    )


def test_what_is_not_known_is_not_guessed():
    told = said(summary(unpriced_calls=3, completed=2, if_all_frontier="1.00"))
    assert told.savings.startswith("What it saved is not known")
    assert told.labels == [("incomplete", "3 calls have no price, and are not in the costs")]
    assert said(summary(if_all_frontier=None, completed=2)).savings.startswith("What it saved is not known")


@pytest.mark.parametrize(
    ("method", "balance", "told"),
    [
        (Method.MEASURED, {"if_all_frontier": "75.00", "completed": 9}, "Saved 67.50 USD of 75.00 USD to date (90%)."),
        (
            Method.REPRICED_WARM,
            {"if_all_frontier": "75.00", "completed": 9},
            "Saved 67.50 USD of 75.00 USD to date (90%), estimated.",
        ),
        (
            Method.DECLARED,
            {"if_all_frontier": "5.00", "completed": 9},
            "Cost 2.50 USD more (50%) to date than all-frontier would have, estimated.",
        ),
        (Method.MEASURED, {"if_all_frontier": None, "completed": 9}, "What was saved to date is not known."),
        (Method.MEASURED, {}, "Nothing was completed yet, so nothing was saved."),
    ],
)
def test_it_says_in_a_sentence_what_was_saved_to_date(method, balance, told):
    assert said(summary(method, execution_cost="7.50", **balance)).to_date == told


def test_nothing_completed_saved_nothing():
    assert said(summary(execution_cost="1.00")).savings == "Nothing was completed, so nothing was saved."


def test_one_is_not_several():
    told = said(summary(unpriced_calls=1, completed=1, if_all_frontier="1.00"))
    assert told.labels == [("incomplete", "1 call has no price, and is not in the costs")]
    assert told.cost.endswith("1 execution completed.")


def test_of_a_project_it_says_how_many_workflows_are_unproven():
    found = replace(summary(unproven=True, completed=1, if_all_frontier="1.00"), lacking=Lacking(2, 3))
    assert said(found).labels == [("unproven", "2 of 3 workflows have no evaluation behind what is live")]


def test_a_story_is_labelled_as_one():
    told = said(summary(simulated=True, unproven=True, if_all_frontier="1.00", completed=1))
    assert [word for word, _ in told.labels] == ["simulated", "unproven"]
