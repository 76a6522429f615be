"""Pico-dollars in, exact decimal text out."""

from decimal import Decimal

import pytest

from wire.money import percent_text, pico_text, rate_text, to_pico, to_usd, usd_text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("17.7", "17.70"),
        ("12.500000", "12.50"),
        ("0.000245", "0.000245"),
        ("0", "0.00"),
        ("-0.5", "-0.50"),
        ("2340", "2340.00"),
        ("0.000000000001", "0.000000000001"),
    ],
)
def test_money_is_text_with_every_digit_and_at_least_two_places(usd, text):
    assert usd_text(Decimal(usd)) == text
    assert pico_text(int(Decimal(usd) * 10**12)) == text


def test_unknown_money_stays_unknown():
    assert (usd_text(None), pico_text(None), percent_text(None), rate_text(None)) == (None, None, None, None)


@pytest.mark.parametrize(("usd", "pico"), [("0.0000000000005", 0), ("0.0000000000015", 2), ("5.20", 5_200_000_000_000)])
def test_it_is_rounded_once_half_to_even(usd, pico):
    assert to_pico(Decimal(usd)) == pico


def test_a_sum_of_pico_dollars_is_exact():
    assert to_usd(sum([100_000_000_001] * 3)) == Decimal("0.300000000003")


def test_percentages_have_two_places_and_rates_four():
    assert (percent_text(Decimal("99.23504")), percent_text(Decimal("0.125")), rate_text(Decimal("0.06665"))) == (
        "99.24",
        "0.12",
        "0.0666",
    )
