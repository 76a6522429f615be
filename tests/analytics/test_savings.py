"""The arithmetic: figures in, figures out, and None where nothing can be known."""

from datetime import date
from decimal import Decimal

import pytest

from analytics.savings import Balance, paid_back_on, ratio
from wire.money import percent_text


def balance(**figures: str | int | None) -> Balance:
    return Balance(**{name: Decimal(value) if isinstance(value, str) else value for name, value in figures.items()})


SEED = balance(design_declared="5.20", execution_cost="12.50", if_all_frontier="2340.00", completed=450)


def test_the_total_is_the_five_costs_together():
    spent = balance(
        execution_cost="1",
        in_doubt_cost="0.02",
        design_declared="3",
        design_measured="0.4",
        evaluation_cost="0.05",
        shadow_cost="0.006",
    )
    assert spent.design_cost == Decimal("3.4")
    assert spent.total_cost == Decimal("4.476")


def test_design_once():
    assert SEED.total_cost == Decimal("17.70")
    assert SEED.savings == Decimal("2322.30")
    assert percent_text(SEED.savings_percent) == "99.24"
    assert percent_text(SEED.roi_percent) == "13120.34"
    assert SEED.payback_executions == 2


def test_nothing_is_rounded_before_it_is_shown():
    third = balance(execution_cost="1", if_all_frontier="3", completed=3)
    assert str(third.savings_percent) == "66.66666666666666666666666667"


def test_savings_can_be_negative():
    spent = balance(design_declared="5", execution_cost="1", if_all_frontier="2", completed=10)
    assert spent.savings == Decimal("-4")
    assert spent.savings_percent == Decimal("-200")
    assert percent_text(spent.roi_percent) == "-66.67"


@pytest.mark.parametrize(
    ("figures", "payback"),
    [
        ({"design_declared": "5.00", "if_all_frontier": "10", "completed": 10}, 5),
        ({"design_declared": "5.01", "if_all_frontier": "10", "completed": 10}, 6),
        ({"evaluation_cost": "3", "shadow_cost": "2", "if_all_frontier": "10", "completed": 10}, 5),
        ({"design_declared": "5", "in_doubt_cost": "5", "if_all_frontier": "10", "completed": 10}, 10),
        ({"design_declared": "0.1", "if_all_frontier": "0.3", "completed": 3}, 1),
        ({"if_all_frontier": "10", "completed": 10}, 0),
        ({"design_declared": "5", "execution_cost": "10", "if_all_frontier": "10", "completed": 10}, None),
        ({"design_declared": "5", "execution_cost": "11", "if_all_frontier": "10", "completed": 10}, None),
        ({"design_declared": "5"}, None),
        ({"design_declared": "5", "if_all_frontier": None, "completed": 10}, None),
        ({"design_declared": "5", "if_all_frontier": "10", "completed": 10, "unpriced_calls": 1}, None),
    ],
)
def test_how_many_executions_pay_for_what_came_before(figures, payback):
    assert balance(**figures).payback_executions == payback


def test_an_unpriced_call_makes_every_comparison_unknown():
    spent = balance(execution_cost="1", if_all_frontier="9", completed=3, unpriced_calls=1)
    assert spent.total_cost == Decimal("1")
    assert not spent.complete
    derived = (spent.savings, spent.savings_percent, spent.roi_percent, spent.cost_per_completed)
    assert derived == (None, None, None, None)


def test_nothing_at_all_divides_by_nothing():
    assert Balance().savings == 0
    assert (Balance().savings_percent, Balance().roi_percent, Balance().cost_per_completed) == (None, None, None)
    assert ratio(0, 0) is None
    assert ratio(0, 4) == 0


def test_balances_add_and_what_is_unknown_stays_unknown():
    one = balance(execution_cost="1", if_all_frontier="2", completed=1)
    other = balance(execution_cost="0.5", if_all_frontier=None, completed=2, unpriced_calls=1)
    assert one + one == balance(execution_cost="2", if_all_frontier="4", completed=2)
    assert one + other == balance(execution_cost="1.5", if_all_frontier=None, completed=3, unpriced_calls=1)


def day(number: int) -> date:
    return date(2026, 11, number)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([("5", "0"), ("1", "3"), ("1", "4"), ("1", "9")], day(3)),
        ([("5", "0"), ("1", "6"), ("9", "0"), ("0", "9")], day(4)),
        ([("5", "0"), ("1", "6"), ("9", "0"), ("0", "1")], day(2)),
        ([("5", "7"), ("1", "2")], day(1)),
        ([("0", "7"), ("5", "0")], None),
        ([("5", "1"), ("5", "1")], None),
        ([("0", "1")], None),
        ([("5", "0"), ("0", None), ("0", "9")], None),
        ([], None),
    ],
)
def test_the_day_it_paid_back_is_the_last_turn_to_the_good(days, expected):
    """Of each day its cost and what all-frontier would have cost."""
    balances = {
        day(number): balance(execution_cost=cost, if_all_frontier=frontier)
        for number, (cost, frontier) in enumerate(days, 1)
    }
    assert paid_back_on(balances) == expected
