"""Numbers as a page reads them."""

from decimal import Decimal

import pytest

from reports.numbers import fine, percent


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


def test_percentages_of_thousands_have_their_commas():
    assert percent(Decimal("6148.71")) == "6,148.7%"
