"""What prompt caching and batches saved, from the prices that the ledger kept. Both can be negative or unknown."""

from collections.abc import Iterable
from decimal import Decimal

from wire.money import PICO, to_usd

PER_TOKENS = 1_000_000  # a stored price is pico-dollars per so many tokens

Priced = tuple[int, int | None, int | None]  # tokens of one kind of equal prices, price as input, price of the kind


def cache_savings(tokens: Iterable[Priced]) -> Decimal | None:
    """Σ read · (p_input − p_read) − write · (p_write − p_input), in USD: the discount on what was read, less the
    surcharge on what was written. None where cached tokens have no price. Whole numbers until the last line."""
    saved = 0
    for count, as_input, as_kind in tokens:
        if count and (as_input is None or as_kind is None):
            return None
        saved += count * (as_input - as_kind) if count else 0
    return Decimal(saved) / (PICO * PER_TOKENS)


def batch_savings(savings: Iterable[int | None]) -> Decimal | None:
    """Σ (standard price − batch price), in USD. None where one of them is not known."""
    known = list(savings)
    return None if None in known else to_usd(sum(known))


def cache_parts(read: Iterable[Priced], written: Iterable[Priced]) -> tuple[Decimal | None, Decimal | None]:
    """(Σ read · (p_input − p_read), Σ write · (p_write − p_input)): `cache_savings` is the first less the second."""
    off, on = cache_savings(read), cache_savings(written)
    return off, None if on is None else -on
