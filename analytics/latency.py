"""Latencies: exact, and as histograms in steps of 2%, which add; a percentile of their sum is off by less than a step."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime

# {lower bound of a bucket in ms, as text: [how many, their sum in ms]}: the sum makes a bucket of equal values exact.
Histogram = dict[str, list[int]]

LONGEST = 10**12  # ms, thirty years


def _bounds() -> list[int]:
    """0, 1, 2 … 51, 52, 53, 54, …: whole milliseconds while 2% are less than one, then 2% more each time."""
    bounds = [0]
    while bounds[-1] < LONGEST:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 102 // 100))
    return bounds


BOUNDS = _bounds()


def record(histogram: Histogram, latency_ms: int, count: int = 1) -> None:
    """Adds a latency; with a count of -1 it is taken away again."""
    bound = str(BOUNDS[max(0, bisect_right(BOUNDS, latency_ms) - 1)])
    merge(histogram, {bound: [count, count * latency_ms]})


def merge(histogram: Histogram, other: Histogram) -> None:
    for bound, (count, total) in other.items():
        mine = histogram.setdefault(bound, [0, 0])
        mine[0] += count
        mine[1] += total
        if mine == [0, 0]:
            del histogram[bound]


def both(one: Histogram, other: Histogram) -> Histogram:
    return merged((one, other))


def merged(histograms: Iterable[Histogram]) -> Histogram:
    result: Histogram = {}
    for histogram in histograms:
        merge(result, histogram)
    return result


def percentile(histogram: Histogram, percent: int) -> int | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank), as the mean of its
    bucket. None of nothing."""
    rank = -(-sum(count for count, _ in histogram.values()) * percent // 100)
    for _, (count, total) in sorted(histogram.items(), key=lambda bucket: int(bucket[0])):
        rank -= count
        if rank <= 0:
            return round(total / count)
    return None


def nearest_rank(ordered: list[int], percent: int) -> int | None:
    """The same, exactly, of the values themselves, shortest first."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)
    return ordered[rank - 1]


def milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
