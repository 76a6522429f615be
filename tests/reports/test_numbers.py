"""Numbers as a page reads them."""

from decimal import Decimal
from fractions import Fraction

import pytest

from reports.numbers import duration, fine, interval, percent, rate, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.1448", "0.145 USD"),
        ("0.02633450144", "0.0263 USD"),
        ("0.0000001", "0.000000100 USD"),
        ("-0.5", "−0.500 USD"),
        ("0", "0.00 USD"),
        ("12.5", "12.50 USD"),
    ],
)
def test_three_digits_tell_amounts_apart_that_are_close(amount, text):
    assert fine(Decimal(amount)) == text


def test_what_is_not_known_is_a_dash():
    assert fine(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("94.12", "94.1%"),
        ("13120", "13,120.0%"),
        ("99.96", "99.96%"),
        ("99.996", "99.996%"),
        ("0.02", "0.02%"),
        ("-98.29", "−98.3%"),
        ("100", "100.0%"),
        ("0", "0.0%"),
    ],
)
def test_a_percentage_says_all_or_nothing_only_where_it_is(value, text):
    assert percent(Decimal(value)) == text


def test_a_rate_is_rounded_once():
    assert rate(0.9997) == "99.97%"
    assert rate(Fraction(79, 82), (0.8978, 0.98748)) == "96.3% (89.8–98.7)"
    assert interval(0.8978, 0.98748) == "89.8–98.7"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (850, "850 ms"),
        (2_200, "2.2 s"),
        (59_949, "59.9 s"),
        (59_999, "1.0 min"),
        (3_599_999, "1.0 h"),
        (None, "–"),
    ],
)
def test_sixty_of_one_unit_are_one_of_the_next(milliseconds, text):
    assert duration(milliseconds) == text


def test_money_to_be_read_is_rounded_below_a_dollar_too():
    assert usd(Decimal("0.040290553314")) == "0.040 USD"
