"""What all-frontier would have cost by the shadows of some executions: pure functions on counts and measurements.

A stratum is a version, with or without a flag. `completed` says how many executions each stands for, the shadows what one of
them costs: the estimate is Σ completed · mean cost of the stratum's shadows. A stratum without shadows takes those of the other of
its version, a version without any takes all there are; `borrowed` counts the completed executions that this concerns.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, sqrt
from random import Random
from typing import NamedTuple

from evaluations.statistics import Interval, wilson
from shadows.measurements import Measurement

from .savings import ratio

FEWEST = 30  # shadows, below which nothing is said
RESAMPLES = 2_000
DRAWS = 1_000  # of all strata together, in each resample
TABLE = 1 << 16


class Share(NamedTuple):
    """So many of those that were compared came to the same result."""

    same: int
    compared: int

    @property
    def rate(self) -> Decimal | None:
        return ratio(self.same, self.compared)

    @property
    def interval(self) -> Interval | None:
        """Wilson's, at 95%."""
        return wilson(self.same, self.compared)

    @property
    def says(self) -> bool:
        """Whether there are enough of them to claim anything: the one rule of whatever shows agreement."""
        return self.compared >= FEWEST


class Stratum(NamedTuple):
    version: int
    flagged: bool


Completed = Mapping[Stratum, int]


class Estimate(NamedTuple):
    """`cost`: pico-dollars of all completed executions, exact."""

    cost: Fraction
    borrowed: int


def estimate(completed: Completed, shadows: Sequence[Measurement]) -> Estimate | None:
    """None under `FEWEST` shadows."""
    if len(shadows) < FEWEST:
        return None
    costs = _by_stratum(shadows)
    weights, borrowed = _weights(completed, costs)
    cost = sum((weights[stratum] * Fraction(sum(some), len(some)) for stratum, some in costs.items()), Fraction(0))
    return Estimate(cost, borrowed)


def resampled(completed: Completed, shadows: Sequence[Measurement], seed: str) -> list[float]:
    """The same, once for each of `RESAMPLES` samples that are drawn with replacement within each stratum. The same figures and the
    same seed always give the same; those of several workflows are added one by one, and their sums are those of the whole."""
    costs = _by_stratum(shadows)
    weights, _ = _weights(completed, costs)
    strata = sorted(costs)
    means = _means(seed, tuple(tuple(costs[stratum]) for stratum in strata))
    columns = [[float(weights[stratum]) * mean for mean in mine] for stratum, mine in zip(strata, means, strict=True)]
    return [sum(row) for row in zip(*columns, strict=True)]


def interval(resamples: Iterable[float]) -> tuple[int, int]:
    """95%, by percentiles, in pico-dollars (B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13)."""
    ordered = sorted(resamples)
    outside = len(ordered) // 40
    return round(ordered[outside - 1]), round(ordered[-outside - 1])


def _by_stratum(shadows: Sequence[Measurement]) -> dict[Stratum, list[int]]:
    costs: dict[Stratum, list[int]] = defaultdict(list)
    for shadow in shadows:
        costs[Stratum(shadow.version, shadow.flagged)].append(shadow.cost)
    return costs


def _weights(completed: Completed, costs: Mapping[Stratum, Sequence[int]]) -> tuple[dict[Stratum, Fraction], int]:
    """For how many executions the shadows of each stratum stand. Those of a version that has none stand for as many of every
    stratum as it has of all shadows, so that they count at the mean of all."""
    weights, borrowed, strangers = dict.fromkeys(costs, Fraction(0)), 0, 0
    for stratum, count in completed.items():
        other = stratum._replace(flagged=not stratum.flagged)
        if stratum in costs:
            weights[stratum] += count
            continue
        borrowed += count
        if other in costs:
            weights[other] += count
        else:
            strangers += count
    shadows = sum(map(len, costs.values()))
    for stratum, some in costs.items():
        weights[stratum] += Fraction(strangers * len(some), shadows)
    return weights, borrowed


@lru_cache(maxsize=32)
def _means(seed: str, costs: tuple[tuple[int, ...], ...]) -> list[array]:
    """Of each stratum the mean of each resample. They change with the shadows, and not with every execution that completes, so
    they are kept: drawing is what takes the time of a page."""
    random, shadows = Random(seed), sum(map(len, costs))
    return [_resampled_means(some, shadows, random) for some in costs]


def _resampled_means(costs: Sequence[int], shadows: int, random: Random) -> array:
    """The mean of each resample of one stratum.

    With more than `DRAWS` shadows in all, a resample draws so many of them in proportion, and its distance from the mean is made
    smaller by √(draws / shadows), as that of as many draws as shadows would be: time stays bounded, the width is the same.
    """
    draws = ceil(len(costs) * min(1, Fraction(DRAWS, shadows)))
    mean, scale = sum(costs) / len(costs), sqrt(draws / len(costs))
    draw = _drawing(costs, draws, random)
    return array("d", (mean + (sum(draw()) / draws - mean) * scale for _ in range(RESAMPLES)))


def _drawing(costs: Sequence[int], draws: int, random: Random) -> Callable[[], Iterable[int]]:
    """How to draw so many with replacement. Of few costs by a table that two random bytes point into, in half the time of
    `choices`: each cost stands in it as often as any other, but for one place."""
    if len(costs) > DRAWS:
        return lambda: random.choices(costs, k=draws)
    table = [costs[place * len(costs) // TABLE] for place in range(TABLE)]
    return lambda: map(table.__getitem__, memoryview(random.randbytes(2 * draws)).cast("H"))
