"""What counts of right and wrong answers say, and how surely: intervals, tests, and how many cases a proof needs.

Pure functions on counts, for evaluations, the gate and whatever else reports a share.
"""

from math import comb, floor, sqrt
from statistics import NormalDist
from typing import NamedTuple

# A sum of probabilities is cut where what is left of it cannot change a float of 53 bits any more: each term is smaller than
# the one before, and there are at most 2²⁷ of them.
_BITS = 53 + 27 + 1


class Interval(NamedTuple):
    low: float
    high: float


class McNemar(NamedTuple):
    """Two-sided p-values."""

    exact: float
    mid_p: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval | None:
    """The score interval of a proportion, within 0 and 1; None where there is nothing to count.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22 (1927) 209–212; method 3 of R. G. Newcombe, "Two-sided confidence intervals for the single proportion:
    comparison of seven methods", Statistics in Medicine 17 (1998) 857–872.
    """
    if n == 0:
        return None
    z = _two_sided(confidence)
    middle = 2 * successes + z * z
    half = z * sqrt(z * z + 4 * successes * (n - successes) / n)
    low, high = ((middle + side) / (2 * (n + z * z)) for side in (-half, half))
    return Interval(max(low, 0.0) if successes else 0.0, min(high, 1.0) if successes < n else 1.0)


def newcombe(first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95) -> Interval | None:
    """The interval of p_first − p_second, within −1 and 1, of two independent samples, each (successes, n); None where one of them
    is empty.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998) 873–890: the distances to the limits of Wilson, squared and added.
    """
    one, other = wilson(*first, confidence), wilson(*second, confidence)
    if one is None or other is None:
        return None
    p, q = first[0] / first[1], second[0] / second[1]
    below = _square_and_add(p - one.low, other.high - q, 0.0)
    above = _square_and_add(one.high - p, q - other.low, 0.0)
    return Interval(max(p - q - below, -1.0), min(p - q + above, 1.0))


def newcombe_paired(
    both: int, first_only: int, second_only: int, neither: int, confidence: float = 0.95
) -> Interval | None:
    """The interval of p_first − p_second, within −1 and 1, where both answered the same cases; None where there is no case.

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17 (1998) 2635–2650: the distances to the limits of Wilson, squared and added, less what the
    pairs have in common.
    """
    n = both + first_only + second_only + neither
    first, second = (wilson(both + only, n, confidence) for only in (first_only, second_only))
    if first is None or second is None:
        return None
    p, q = (both + first_only) / n, (both + second_only) / n
    phi = _phi(both, first_only, second_only, neither)
    below = _square_and_add(p - first.low, second.high - q, phi)
    above = _square_and_add(first.high - p, q - second.low, phi)
    return Interval(max(p - q - below, -1.0), min(p - q + above, 1.0))


def _phi(both: int, first_only: int, second_only: int, neither: int) -> float:
    """How much the pairs go together, −1 to 1; with the continuity correction of method 10, which is for what goes together only.
    0 where one of the two is always right, or always wrong."""
    n = both + first_only + second_only + neither
    first, second = both + first_only, both + second_only
    margins = first * (n - first) * second * (n - second)
    together = both * neither - first_only * second_only
    if not margins:
        return 0.0
    return (max(together - n / 2, 0) if together > 0 else together) / sqrt(margins)


def _square_and_add(one: float, other: float, phi: float) -> float:
    return sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))


def mcnemar(first_only: int, second_only: int) -> McNemar:
    """How likely so uneven a split of the pairs that differ is, if neither is better: 1 where no pair differs.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika 12
    (1947) 153–157, by the binomial distribution; the mid-p of M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar test for
    binary matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC Medical Research Methodology 13 (2013)
    91, which counts half of what is exactly as uneven.
    """
    n, fewer = first_only + second_only, min(first_only, second_only)
    if n == 0:
        return McNemar(1.0, 1.0)
    sides = 1 if first_only == second_only else 2
    as_uneven = sides * comb(n, fewer)
    more_uneven = 2 * _ways_below(fewer, n)
    return McNemar((more_uneven + as_uneven) / 2**n, (2 * more_uneven + as_uneven) / 2 ** (n + 1))


def cohen_kappa(both: int, first_only: int, second_only: int, neither: int) -> float | None:
    """How far two agree beyond what chance would make them, −1 to 1, of what both said yes to, one of them, neither. None where
    there is nothing to count, or chance alone would make them agree: both say the same of everything.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960) 37–46. Where
    nearly everything is right it is low although they agree: A. R. Feinstein and D. V. Cicchetti, "High agreement but low kappa:
    I. The problems of two paradoxes", Journal of Clinical Epidemiology 43 (1990) 543–549.
    """
    n = both + first_only + second_only + neither
    first, second = both + first_only, both + second_only
    by_chance = first * second + (n - first) * (n - second)
    return (n * (both + neither) - by_chance) / (n * n - by_chance) if n * n > by_chance else None


def _ways_below(count: int, n: int) -> int:
    """The ways to choose fewer than `count` of n, for a count of at most n / 2: integers, exact but for a last part of less than
    a float can tell."""
    term, total = comb(n, count), 0
    for chosen in range(count, 0, -1):
        term = term * chosen // (n - chosen + 1)
        total += term
        if term.bit_length() + _BITS < total.bit_length():
            break
    return total


def flawless_pairs(margin: float, confidence_one_sided: float = 0.95) -> int:
    """How many cases both have to answer, and both rightly, before the second is proven to be worse by less than `margin`: the
    lower limit of `newcombe_paired` (of twice the risk: 90% two-sided for 95% one-sided) lies above −margin.

    With n of n right, Wilson's lower limit is n / (n + z²) and the upper one is 1, and phi is 0: the limit of the difference is
    −z² / (n + z²). It is above −margin for n > z² (1 − margin) / margin. Raises `ValueError` for a margin that is not above 0.
    """
    if margin <= 0:
        raise ValueError("No number of cases proves a margin that is not above 0.")
    z = NormalDist().inv_cdf(confidence_one_sided)
    return max(floor(z * z * (1 - margin) / margin) + 1, 1)


def _two_sided(confidence: float) -> float:
    """0.95 → 1.96: how many standard deviations around the middle hold that share."""
    return NormalDist().inv_cdf((1 + confidence) / 2)
