"""What the answers that completed executions used were paid for, and what their own models' caches and batches took off."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from .discounts import PER_TOKENS


@dataclass(frozen=True)
class Used:
    """Pico-dollars. `own`: what all of them cost; of them `unpriced` have no cost. The rest is of those that the frontier did not
    give: `cached`, what the tokens of the cache would have cost more as input, at the standard price; `batched`, standard less
    batch price. Both None where a price is not known."""

    own: int = 0
    unpriced: int = 0
    cached: int | None = 0
    batched: int | None = 0


# (tokens of one kind of equal prices, price as input, price of the kind), pico-dollars per million tokens.
Cached = Iterable[tuple[int, int | None, int | None]]


def used(own: int, unpriced: int, cached: Cached, batched: int, unknown: int) -> Used:
    """`unknown`: answers in a batch of which one of the two prices is not known."""
    return Used(own, unpriced, _off(cached), None if unknown else batched)


def _off(cached: Cached) -> int | None:
    """Rounded once, half to even."""
    saved = 0
    for count, as_input, as_kind in cached:
        if count and (as_input is None or as_kind is None):
            return None
        saved += count * (as_input - as_kind) if count else 0
    return round(Fraction(saved, PER_TOKENS))
