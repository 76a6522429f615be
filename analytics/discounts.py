"""What prompt caching and batches saved, from the prices that the ledger kept. Both can be negative or unknown."""

from decimal import Decimal

from django.db.models import QuerySet, Sum

from gateway import pricing
from gateway.models import Call
from wire.money import PICO, to_usd

PER_TOKENS = 1_000_000  # a stored price is pico-dollars per so many tokens


def cache_savings(calls: QuerySet[Call]) -> Decimal | None:
    """Σ read · (p_input − p_read) − write · (p_write − p_input), in USD: the discount on what was read, less the
    surcharge on what was written. None where cached tokens have no price.

    Calls of equal prices are added up first, and their tokens priced together: whole numbers until the last line.
    """
    kinds = ("cache_read", "cache_write_5m", "cache_write_1h")
    prices = [f"price_{kind}" for kind in kinds]
    sums = {f"tokens_{kind}": Sum(kind) for kind in kinds}
    saved = 0
    for row in calls.values("price_input", *prices).annotate(**sums).order_by():
        for kind in kinds:
            tokens, price = row[f"tokens_{kind}"], row[f"price_{kind}"]
            if not tokens:
                continue
            if price is None or row["price_input"] is None:
                return None
            saved += tokens * (row["price_input"] - price)
    return Decimal(saved) / (PICO * PER_TOKENS)


def batch_savings(calls: QuerySet[Call]) -> Decimal | None:
    """Σ (standard price − batch price) of the calls that went in a batch, in USD. None where one has no price."""
    saved = 0
    for call in calls.filter(batch=True).iterator():
        target = f"{call.provider}:{call.model_planned}"
        standard = pricing.price(call.project, target, call.finished_at, call.usage.prompt)
        cost = standard.cost(call.usage) if standard else None
        if cost is None or call.cost is None:
            return None
        saved += cost - call.cost
    return to_usd(saved)
