"""What a recorded call would have cost otherwise: on another model, at other prices, with or without a cache, in a batch or not.

A call stands as the ledger has it where nothing of it is asked otherwise. What has no price is unknown, and named: never a
fallback.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from executions.lanes import OF_STEP, QUALITY
from gateway import pricing
from gateway.caching import cacheable_minimum
from gateway.models import Call
from gateway.prices import KINDS, Price, same_entry
from gateway.providers.registry import provider_of
from gateway.types import Outcome, Purpose, Usage
from wire.money import PICO

OWN = (Purpose.STEP, Purpose.REPAIR)  # what a step asks itself: not a rung behind it


@dataclass(frozen=True)
class Stated:
    """Prices to try out. `batch` None: a batch has no price."""

    standard: Price
    batch: Price | None


@dataclass(frozen=True)
class Question:
    """`models`: tier, or `steps.ID`, → provider:model. `prices`: by provider:model. None: as it was."""

    models: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Stated] = field(default_factory=dict)
    caching: bool | None = None
    batch: bool | None = None


class Missing(StrEnum):
    """Why a call has no figure."""

    RECORDED = "recorded"  # it had none when it was made
    PRICE = "price"
    BATCH_PRICE = "batch price"
    MINIMUM = "minimum"  # from how many tokens on its prompt is cached


class Repricing:
    """Prices calls anew, one after the other, and remembers what it had to assume, and what it did not know."""

    def __init__(self, project: int, question: Question, now: datetime) -> None:
        self.project, self.question, self.now = project, question, now
        self.moved: Counter[tuple[str, str]] = (
            Counter()
        )  # calls, by the model that they were of and the one that they would be of
        self.found: set[str] = set()  # tiers and steps of the question that a call was of
        self.missing: Counter[tuple[Missing, str]] = Counter()
        self.priced_as_stated: set[str] = set()
        self.without_cache_price: set[str] = set()
        self.below: Counter[tuple[str, int]] = Counter()  # calls too short for the cache, by model and its minimum
        self.doubted = 0

    def cost(self, call: Call, warm: bool) -> int | None:
        """Pico-dollars; None where that is not known. `warm`: its prefix stood in the cache."""
        before = f"{call.provider}:{call.model_planned}"
        lost = call.outcome in (Outcome.IN_DOUBT, Outcome.PROTOCOL)  # its tokens are not known
        if call.corrects_id or lost or call.cost_state == Call.CostState.UPPER_BOUND:
            self.doubted += 1
            return self._as_recorded(call, before)
        if not call.usage.prompt and not call.usage.output and call.cost == 0:
            return 0
        target = self._target(call, before)
        batch = call.batch if self.question.batch is None else self.question.batch
        if self._is_as_it_was(call, before, target, batch):
            return self._as_recorded(call, before)
        usage = self._usage(call, target, warm)
        price = self._price(call, before, target, batch)
        return None if usage is None or price is None else self._figure(price, usage, target)

    def _as_recorded(self, call: Call, before: str) -> int | None:
        if call.cost is None:
            self.missing[Missing.RECORDED, before] += 1
        return call.cost

    def _target(self, call: Call, before: str) -> str:
        models = self.question.models
        own = call.purpose in OWN and call.lane != QUALITY
        names = [f"{OF_STEP}{call.step}", call.tier] if own else [call.tier]
        name = next((name for name in names if name in models), None)
        if name is None:
            return before
        self.found.add(name)
        target = models[name]
        if target != before:
            self.moved[before, target] += 1
        return target

    def _is_as_it_was(self, call: Call, before: str, target: str, batch: bool) -> bool:
        asked = target != before or target in self.question.prices or self.question.caching is not None
        return not asked and batch == call.batch

    def _usage(self, call: Call, target: str, warm: bool) -> Usage | None:
        usage = call.usage
        if self.question.caching is None:
            return self._kept(call, target)
        prefix = min(call.prefix_tokens, usage.prompt) if self.question.caching else 0
        least = cacheable_minimum(self.project, *target.split(":", 1)) if prefix else 0
        if least is None:
            self.missing[Missing.MINIMUM, target] += 1
            return None
        if prefix < least:
            self.below[target, least] += 1
            prefix = 0
        cached = {"cache_read" if warm else "cache_write_5m": prefix}
        return Usage(input=usage.prompt - prefix, output=usage.output, thinking=usage.thinking, **cached)

    def _kept(self, call: Call, target: str) -> Usage:
        """As it was cached; what another model could not cache is read as input."""
        usage = call.usage
        if not usage.cached or target == f"{call.provider}:{call.model_planned}":
            return usage
        least = cacheable_minimum(self.project, *target.split(":", 1)) or 0
        if usage.cached >= least:
            return usage
        self.below[target, least] += 1
        return usage.uncached

    def _price(self, call: Call, before: str, target: str, batch: bool) -> Price | None:
        """Of another model today's; of the same one that of the time of the call, which stands in the ledger."""
        if stated := self.question.prices.get(target):
            self.priced_as_stated.add(target)
            price = stated.batch if batch else stated.standard
        elif target == before and batch == call.batch:
            price = kept_price(call)
        else:
            at = call.finished_at if target == before else self.now
            price = pricing.price(self.project, target, at, call.usage.prompt, batch)
        if price is None or price.input is None or price.output is None:
            self.missing[Missing.BATCH_PRICE if batch else Missing.PRICE, target] += 1
            return None
        return price

    def _figure(self, price: Price, usage: Usage, target: str) -> int | None:
        if any(getattr(usage, kind) and getattr(price, kind) is None for kind in KINDS):
            self.without_cache_price.add(target)
        return price.reprice_warm(usage)

    def counts_otherwise(self, before: str, target: str) -> bool:
        """Whether these two may count the same text differently: no list says which models count tokens alike, but for two
        names of one model."""
        (of, one), (by, other) = (name.partition(":")[::2] for name in (before, target))
        lists = {provider_of(self.project, of).price_list, provider_of(self.project, by).price_list}
        return one != other and not any(same_entry(each, one, other) for each in lists)


def kept_price(call: Call) -> Price | None:
    """In force when it was made."""
    if call.price_input is None:
        return None
    stored = {kind: getattr(call, f"price_{kind}") for kind in KINDS}
    return Price(**{kind: None if price is None else Decimal(price) / PICO for kind, price in stored.items()})
