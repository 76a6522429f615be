"""The estimate from shadows: strata and their weights, what borrows from what, and a bootstrap that comes out the same again."""

from datetime import date
from fractions import Fraction
from time import process_time

import pytest

from analytics.shadowed import Stratum, estimate, interval, resampled
from shadows.measurements import Measurement

PLAIN, FLAGGED = Stratum(1, False), Stratum(1, True)
LATER = Stratum(2, False)


def shadows(stratum: Stratum, *costs: int) -> list[Measurement]:
    return [Measurement(*stratum, date(2026, 11, 16), "anthropic:opus", cost, None) for cost in costs]


def test_each_stratum_counts_as_often_as_it_completed():
    found = estimate({PLAIN: 90, FLAGGED: 10}, shadows(PLAIN, *[100] * 20) + shadows(FLAGGED, *[700] * 10))
    assert found == (90 * 100 + 10 * 700, 0)


def test_a_sample_that_has_too_many_of_one_kind_is_not_believed_more():
    """Half of the shadows are flagged ones, and a tenth of what completed."""
    found = estimate({PLAIN: 90, FLAGGED: 10}, shadows(PLAIN, *[100] * 15) + shadows(FLAGGED, *[300] * 15))
    assert found.cost / 100 == 120


def test_a_mean_that_is_no_whole_number_stays_exact():
    found = estimate({PLAIN: 1}, shadows(PLAIN, *[1] * 20, *[2] * 10))
    assert found.cost == Fraction(4, 3)


def test_under_thirty_shadows_nothing_is_said():
    assert estimate({PLAIN: 1}, shadows(PLAIN, *[1] * 29)) is None
    assert estimate({PLAIN: 1}, shadows(PLAIN, *[1] * 30)) == (1, 0)


def test_a_stratum_without_shadows_takes_those_of_the_other_of_its_version():
    given = shadows(PLAIN, *[100] * 30) + shadows(LATER, *[900] * 30)
    assert estimate({PLAIN: 90, FLAGGED: 10, LATER: 5}, given) == (100 * 100 + 5 * 900, 10)


def test_a_version_without_shadows_takes_all_there_are():
    given = shadows(PLAIN, *[100] * 20) + shadows(FLAGGED, *[700] * 10)
    assert estimate({PLAIN: 8, LATER: 3}, given) == (8 * 100 + 3 * 300, 3)


def test_shadows_of_a_stratum_in_which_nothing_completed_count_nothing():
    """Feedback rejected what they were of, say."""
    assert estimate({PLAIN: 4}, shadows(PLAIN, *[100] * 30) + shadows(LATER, *[900] * 30)) == (400, 0)


def test_the_same_seed_gives_the_same_resamples_and_another_one_others():
    given = shadows(PLAIN, *range(100, 160))
    one = resampled({PLAIN: 10}, given, "refund")
    assert one == resampled({PLAIN: 10}, given, "refund")
    assert one != resampled({PLAIN: 10}, given, "triage")
    assert len(one) == 2_000


def test_equal_costs_leave_no_doubt():
    given = shadows(PLAIN, *[100] * 30) + shadows(FLAGGED, *[700] * 30)
    assert interval(resampled({PLAIN: 90, FLAGGED: 10}, given, "")) == (16_000, 16_000)


@pytest.mark.parametrize("copies", [1, 20])
def test_the_interval_is_as_wide_as_the_theory_says(copies):
    """Half 0, half 200: the mean is 100 with a standard error of 100 / √n, also where a resample draws fewer than there are."""
    n = 100 * copies
    low, high = interval(resampled({PLAIN: 1_000_000}, shadows(PLAIN, *[0, 200] * (n // 2)), "seed"))
    half = 1.96 * 100 / n**0.5 * 1_000_000
    assert low == pytest.approx(100_000_000 - half, rel=0.02)
    assert high == pytest.approx(100_000_000 + half, rel=0.02)


def test_strata_are_drawn_apart():
    """All of the doubt is in the flagged tenth: as one sample the interval would be wider than everything."""
    given = shadows(PLAIN, *[100] * 500) + shadows(FLAGGED, *[0, 2_000] * 50)
    low, high = interval(resampled({PLAIN: 900, FLAGGED: 100}, given, "seed"))
    assert low == pytest.approx(190_000 - 1.96 * 100 * 1_000 / 10, rel=0.02)
    assert high == pytest.approx(190_000 + 1.96 * 100 * 1_000 / 10, rel=0.02)


def test_a_thousand_shadows_take_a_moment():
    given = shadows(PLAIN, *range(10**10, 10**10 + 1_000))
    began = process_time()
    interval(resampled({PLAIN: 10_000}, given, "seed"))
    assert process_time() - began < 0.3  # a third of that where the machine does nothing else
