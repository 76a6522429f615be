"""The arithmetic of a projection, each rule with the figures that show it."""

from datetime import date
from fractions import Fraction

import pytest

from analytics.projection.arithmetic import Outlook, Pace, Why, outlook, payback_day, periods, shares

USD = 10**12
TODAY = date(2026, 11, 26)
# 30 executions in 10 days, each for a cent instead of eleven.
PACE = Pace(days=10, completed=30, running=30 * USD // 100, testing=0, if_all_frontier=330 * USD // 100)


def pace(**other) -> Pace:
    return Pace(**{**vars(PACE), **other})


def test_what_is_owed_is_paid_by_the_executions_to_come():
    assert outlook(-6 * USD, True, PACE, TODAY) == Outlook(False, 60, date(2026, 12, 16))


def test_a_part_of_an_execution_is_a_whole_one_and_a_part_of_a_day_is_a_day():
    assert outlook(-6 * USD - 1, True, PACE, TODAY) == Outlook(False, 61, date(2026, 12, 17))


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2028, 2, 28), date(2028, 2, 29)),
        (date(2027, 2, 28), date(2027, 3, 1)),
        (date(2026, 12, 31), date(2027, 1, 1)),
        (date(2026, 4, 30), date(2026, 5, 1)),
    ],
)
def test_the_day_follows_the_calendar(today, expected):
    assert outlook(-1, True, PACE, today).on == expected


@pytest.mark.parametrize(
    ("savings", "is_priced", "given", "expected"),
    [
        (0, True, PACE, Outlook(True, 0)),
        (5, True, pace(completed=0), Outlook(True, 0)),
        (None, False, PACE, Outlook(None, why=Why.UNPRICED)),
        (None, True, PACE, Outlook(None, why=Why.NO_BASELINE)),
        (-1, True, pace(completed=0), Outlook(False, why=Why.NOTHING_COMPLETED)),
        (-1, True, pace(days=0), Outlook(False, why=Why.NOTHING_COMPLETED)),
        (-1, True, pace(running=None), Outlook(False, why=Why.UNPRICED)),
        (-1, True, pace(if_all_frontier=None), Outlook(False, why=Why.NO_BASELINE)),
        (-1, True, pace(running=331 * USD // 100), Outlook(False, why=Why.SAVES_NOTHING)),
        (-1, True, pace(running=330 * USD // 100), Outlook(False, why=Why.SAVES_NOTHING)),
        (-6 * USD, True, pace(completed=29), Outlook(False, 58, why=Why.TOO_FEW)),
        (-(10**9) * USD, True, PACE, Outlook(False, 10**10, why=Why.TOO_FAR)),
    ],
)
def test_what_is_not_known_says_why(savings, is_priced, given, expected):
    assert outlook(savings, is_priced, given, TODAY) == expected


def test_design_is_five_percent_of_the_execution_cost_then_half_a_percent_then_a_twentieth():
    found = list(shares(5 * USD, Pace(1, 50, 50 * USD, 0, 5_000 * USD)))
    assert [(one.executions, one.of_execution_cost) for one in found] == [
        (100, 5),
        (1_000, Fraction(1, 2)),
        (10_000, Fraction(1, 20)),
    ]
    assert [one.of_total for one in found] == [Fraction(100, 21), Fraction(100, 201), Fraction(100, 2001)]
    assert [one.savings for one in found] == [9_895 * USD, 98_995 * USD, 989_995 * USD]


def test_shares_of_nothing_are_unknown():
    [first, *_] = shares(5 * USD, pace(completed=0))
    assert (first.execution_cost, first.cost, first.of_execution_cost, first.of_total) == (None, None, None, None)
    [first, *_] = shares(0, pace(running=0))
    assert (first.execution_cost, first.cost, first.of_execution_cost, first.of_total) == (0, 0, None, None)


def test_a_year_has_a_quarter_of_a_day_more_than_365_and_a_month_is_its_twelfth():
    day, month, year = periods(pace(testing=10))
    assert (day.name, day.executions, day.savings) == ("day", 3, Fraction(3 * USD - 10, 10))
    assert (month.name, month.executions) == ("month", Fraction(1461, 16))
    assert month.executions * 12 == year.executions == Fraction(4383, 4)
    assert year.savings == Fraction(3 * USD - 10, 10) * Fraction(1461, 4)


def test_nothing_is_said_of_days_to_come_below_thirty_executions():
    assert {(one.executions, one.running, one.savings) for one in periods(pace(completed=29))} == {(None, None, None)}


def test_a_period_without_a_baseline_says_what_it_costs():
    day = next(periods(pace(if_all_frontier=None)))
    assert (day.running, day.if_all_frontier, day.savings) == (3 * USD // 100, None, None)


@pytest.mark.parametrize(
    ("begins", "executions", "a_month", "expected"),
    [
        (date(2026, 11, 1), 100, 100, date(2026, 12, 2)),  # 30.4375 days
        (date(2028, 1, 31), 2, 2, date(2028, 3, 2)),
        (date(2026, 11, 1), 0, 100, date(2026, 11, 1)),
        (date(2026, 11, 1), None, 100, None),
        (date(2026, 11, 1), 100, None, None),
        (date(2026, 11, 1), 100, 0, None),
        (date(2026, 11, 1), 10**9, 1, None),
        (date(9999, 12, 31), 100, 100, None),
    ],
)
def test_a_design_says_on_which_day_it_is_paid(begins, executions, a_month, expected):
    assert payback_day(begins, executions, a_month) == expected
