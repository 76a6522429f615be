"""Intervals and tests on counts, against published examples: each value with where it stands."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.statistics import (
    Interval,
    McNemar,
    cohen_kappa,
    flawless_pairs,
    mcnemar,
    newcombe,
    newcombe_paired,
    wilson,
)

COUNT = st.integers(0, 2_000)
CONFIDENCE = st.sampled_from([0.8, 0.9, 0.95, 0.99])


def rounded(interval: Interval | None, digits: int) -> tuple[float, float]:
    return round(interval.low, digits), round(interval.high, digits)


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven methods", Statistics in Medicine
# 17 (1998) 857–872, table I, method 3: the score interval without a continuity correction.
@pytest.mark.parametrize(
    ("successes", "n", "published"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilsons_interval_is_that_of_the_published_examples(successes, n, published):
    assert rounded(wilson(successes, n), 4) == published


def test_wilsons_interval_is_that_of_another_implementation():
    """statsmodels 0.15: proportion_confint(47, 50, alpha=0.1, method="wilson")."""
    assert rounded(wilson(47, 50, confidence=0.90), 10) == (0.8590580535, 0.9757687430)


def test_nothing_counted_has_no_interval():
    assert wilson(0, 0) is None
    assert newcombe_paired(0, 0, 0, 0) is None


@given(st.data(), st.integers(1, 10_000), CONFIDENCE)
def test_wilsons_interval_holds_the_share_and_is_symmetric(data, n, confidence):
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n, confidence)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n, confidence)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((low, high), abs=1e-12)


# R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods", Statistics
# in Medicine 17 (1998) 873–890, table II, method 10: Wilson's limits, without a continuity correction.
@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ],
)
def test_newcombes_interval_of_two_samples_is_that_of_the_published_examples(first, second, published):
    assert rounded(newcombe(first, second), 4) == published


def test_it_takes_two_samples():
    assert newcombe((0, 0), (1, 2)) is None
    assert newcombe((1, 2), (0, 0)) is None


@given(st.data(), st.integers(1, 2_000), st.integers(1, 2_000), CONFIDENCE)
def test_newcombes_interval_of_two_samples_holds_the_difference_and_is_symmetric(data, n, m, confidence):
    first, second = (data.draw(st.integers(0, n)), n), (data.draw(st.integers(0, m)), m)
    low, high = newcombe(first, second, confidence)
    assert -1 <= low <= first[0] / n - second[0] / m <= high <= 1
    exchanged = newcombe(second, first, confidence)
    assert (-exchanged.high, -exchanged.low) == pytest.approx((low, high), abs=1e-12)


# Two published examples of M. W. Fagerland, S. Lydersen, P. Laake, "Recommended tests and confidence intervals for paired binomial
# proportions", Statistics in Medicine 33 (2014) 2850–2875: airway hyper-responsiveness before and after a transplantation (Bentur
# 2009), and complete response before and after a therapy (Cavo 2012, four digits in the tests of their package contingencytables).
# One of D. G. Altman and others, Statistics with Confidence (2000), table 6.2: a thallium test.
@pytest.mark.parametrize(
    ("table", "digits", "published"),
    [
        ((1, 1, 7, 12), 3, (-0.507, -0.026)),
        ((59, 6, 16, 80), 4, (-0.1186, -0.0046)),
        ((14, 5, 0, 22), 3, (0.011, 0.226)),
    ],
)
def test_newcombes_paired_interval_is_that_of_the_published_examples(table, digits, published):
    assert rounded(newcombe_paired(*table), digits) == published


def test_pairs_that_all_agree_and_are_right_leave_what_wilson_leaves():
    """36 of 36 by both: 1 − 36 / (36 + 1.96²) to each side, as nothing is known of how they go together."""
    assert rounded(newcombe_paired(36, 0, 0, 0), 4) == (-0.0964, 0.0964)


@given(COUNT, COUNT, COUNT, COUNT, CONFIDENCE)
def test_newcombes_paired_interval_holds_the_difference_and_is_symmetric(both, first, second, neither, confidence):
    interval = newcombe_paired(both, first, second, neither, confidence)
    n = both + first + second + neither
    if n == 0:
        assert interval is None
        return
    assert -1 <= interval.low <= (first - second) / n <= interval.high <= 1
    exchanged = newcombe_paired(both, second, first, neither, confidence)
    assert (-exchanged.high, -exchanged.low) == pytest.approx(tuple(interval), abs=1e-12)
    right_for_wrong = newcombe_paired(neither, first, second, both, confidence)
    assert tuple(right_for_wrong) == pytest.approx(tuple(interval), abs=1e-12)


# The same paper and package: Bentur 1 and 7, P = 0.070 and 0.039; Cavo 6 and 16, P = 0.0525 and 0.034690; for an even split, the
# 1 − f/2 of Fagerland, Lydersen and Laake (2013): 3 and 3 have f = 20/64.
@pytest.mark.parametrize(
    ("first_only", "second_only", "exact", "mid_p"),
    [(1, 7, 0.070, 0.039), (6, 16, 0.052, 0.035), (3, 3, 1.0, 0.844), (0, 5, 0.062, 0.031), (0, 0, 1.0, 1.0)],
)
def test_mcnemars_test_is_that_of_the_published_examples(first_only, second_only, exact, mid_p):
    found = mcnemar(first_only, second_only)
    assert (round(found.exact, 3), round(found.mid_p, 3)) == (exact, mid_p)
    assert mcnemar(second_only, first_only) == found


def test_mcnemars_test_is_exact_to_the_last_digit():
    """2 · (1 + 22 + … + 74613) / 2²², and half of what is exactly as uneven taken off."""
    assert mcnemar(6, 16) == McNemar(exact=220_112 / 2**22, mid_p=(220_112 - 74_613) / 2**22)


def test_mcnemars_test_of_many_pairs_is_that_of_another_implementation_and_quick():
    """scipy 1.17: 2 * binom.cdf(49000, 100000, 0.5), and less binom.pmf(49000, 100000, 0.5)."""
    began = time.monotonic()
    found = mcnemar(51_000, 49_000)
    assert found.exact == pytest.approx(2.5887160383e-10, rel=1e-9)
    assert found.mid_p == pytest.approx(2.5367694462e-10, rel=1e-9)
    assert mcnemar(100_000, 0) == McNemar(0.0, 0.0)
    assert time.monotonic() - began < 5


@given(COUNT, COUNT)
def test_a_p_value_is_a_probability_and_the_mid_one_is_smaller(first_only, second_only):
    found = mcnemar(first_only, second_only)
    assert 0 <= found.mid_p <= found.exact <= 1


# B. B. Gerstman, Epidemiology Kept Simple: two readers of 19,790 X-rays (illustrative example 10.1), and the two tables of
# Feinstein and Cicchetti (1990), which agree as often and not as far beyond chance (table 10.6).
@pytest.mark.parametrize(
    ("both", "first_only", "second_only", "neither", "kappa"),
    [(1467, 782, 1309, 16232, 0.524), (40, 9, 6, 45, 0.70), (80, 10, 5, 5, 0.32)],
)
def test_kappa_is_that_of_the_published_examples(both, first_only, second_only, neither, kappa):
    found = cohen_kappa(both, first_only, second_only, neither)
    assert round(found, len(str(kappa)) - 2) == kappa
    assert cohen_kappa(neither, second_only, first_only, both) == pytest.approx(found)


def test_kappa_says_nothing_where_chance_alone_makes_them_agree():
    assert cohen_kappa(0, 0, 0, 0) is None
    assert cohen_kappa(7, 0, 0, 0) is None
    assert (cohen_kappa(5, 0, 0, 5), cohen_kappa(0, 5, 5, 0)) == (1.0, -1.0)


@pytest.mark.parametrize(("margin", "pairs"), [(0.01, 268), (0.02, 133), (0.05, 52), (0.10, 25), (0.12, 20), (0.5, 3)])
def test_so_many_flawless_pairs_prove_a_margin_and_one_less_does_not(margin, pairs):
    assert flawless_pairs(margin) == pairs
    assert newcombe_paired(pairs, 0, 0, 0, confidence=0.90).low > -margin
    assert newcombe_paired(pairs - 1, 0, 0, 0, confidence=0.90).low <= -margin


@given(st.floats(0.001, 0.999), st.sampled_from([0.9, 0.95, 0.975]))
def test_the_number_of_flawless_pairs_is_what_the_interval_says(margin, confidence):
    pairs, two_sided = flawless_pairs(margin, confidence), 2 * confidence - 1
    assert newcombe_paired(pairs, 0, 0, 0, two_sided).low > -margin - 1e-12
    fewer = newcombe_paired(pairs - 1, 0, 0, 0, two_sided)
    assert fewer is None or fewer.low <= -margin + 1e-12


def test_no_number_of_pairs_proves_no_margin():
    with pytest.raises(ValueError, match="not above 0"):
        flawless_pairs(0)
