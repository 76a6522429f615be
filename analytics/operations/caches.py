"""What prompt caching does for a group of calls: what was read and written, and whether the stable part of their prompts is large
enough to be cached at all. Pure but for the table of minima."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.caching import cacheable_minimum

from ..contributions import Row
from ..latency import Histogram, percentile

CACHED = ("cache_read", "cache_write_5m", "cache_write_1h")


@dataclass(frozen=True)
class Caching:
    """`read`, `written`: tokens of the group. The others are of `model` alone, the one that the group asks most (of two the
    first by name): `prefix`, the median of the stable part of its prompts in tokens, within 2%, and `minimum`, below which
    nothing is cached. `cacheable` None: nobody states a minimum, or nothing was answered."""

    read: int = 0
    written: int = 0
    model: str | None = None
    minimum: int | None = None
    prefix: int | None = None
    cacheable: bool | None = None
    said: str | None = None


NOTHING = Caching()


def caching(project: int, rows: Iterable[Row], prefixes: Mapping[str, Histogram]) -> Caching:
    """`rows`: calls by model, with their tokens. `prefixes`: of the answered calls of each model."""
    rows = list(rows)
    read, written = sum(row["cache_read"] for row in rows), sum(_written(row) for row in rows)
    if not prefixes:
        return Caching(read, written)
    model = min(prefixes, key=lambda one: (-_count(prefixes[one]), one))
    of_model = [row for row in rows if f"{row['provider']}:{row['model_planned']}" == model]
    minimum, prefix = cacheable_minimum(project, *model.split(":", 1)), percentile(prefixes[model], 50)
    cacheable, said = judged(
        minimum,
        prefix or 0,
        _count(prefixes[model]),
        sum(row["cache_read"] for row in of_model),
        sum(_written(row) for row in of_model),
    )
    return Caching(read, written, model, minimum, prefix, cacheable, said)


def judged(minimum: int | None, prefix: int, calls: int, read: int, written: int) -> tuple[bool | None, str]:
    """Whether calls of one model could be cached, and a sentence. What was cached could be, whatever the table says."""
    cached = read + written > 0
    if minimum is None:
        return cached or None, "no minimum is known of this model"
    if prefix < minimum and not cached:
        return False, f"not cacheable: {prefix:,} of {minimum:,} tokens"
    if prefix < minimum:
        return True, f"cached in part: half of the calls have at most {prefix:,} of {minimum:,} tokens"
    if read:
        return True, "cacheable, and read"
    seldom = "calls are further apart than the cache lives" if written else "no write was reported"
    return True, f"cacheable, and not read: {'there was one call' if calls == 1 else seldom}"


def _written(row: Row) -> int:
    return row["cache_write_5m"] + row["cache_write_1h"]


def _count(histogram: Histogram) -> int:
    return sum(count for count, _ in histogram.values())
