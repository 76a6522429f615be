"""What a token costs: a price in USD per million tokens, and the dated public price list (the `genai-prices` package).

The gateway asks it for every call; a project's own prices are made elsewhere and come as the same `Price`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache, lru_cache
from importlib.metadata import version

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from wire.money import PICO

from .types import Usage

KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
BATCH = {"processing": "batch"}
ANY = "any"  # the first of these vendors' lists that knows the model
VENDORS = ("anthropic", "openai", "google", "mistral", "deepseek", "x-ai", "groq", "openrouter")

# Charges that our kinds of tokens cannot express. A model that has one is unpriced: half a price would be a wrong one.
INEXPRESSIBLE = ("requests_kcount", "output_reasoning_mtok", "output_citation_mtok", "input_text_messages_kcount")

# What may follow a written-out id: the date of the snapshot, and a cloud's version (`-v1:0`).
_SNAPSHOT = re.compile(r"([-@](latest|\d{8}|\d{4}-\d{2}-\d{2}|\d{4}))?(-v\d+)?(:\d+)?$")
# A preview of a model, and a build of it (`-001`, a cloud's `-1:0`), cost what it does where the list says nothing else of them.
_BUILD = re.compile(r"(-(preview|exp)(-\d{2}-(\d{2}|\d{4}))?)?(-\d{3})?(-\d:\d)?$")

_PICO_PER_TOKEN = PICO // 1_000_000  # of a price of 1 USD per million tokens
_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)  # wide enough that only the last step rounds, half to even


@dataclass(frozen=True)
class Price:
    """USD per million tokens of each kind; None where nobody states one. `source` and `version` say who stated it."""

    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    source: str = ""
    version: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every token costs whole pico-dollars: then the price of a sum is the sum of the prices."""
        return all(price is None or price * _PICO_PER_TOKEN % 1 == 0 for price in (getattr(self, k) for k in KINDS))

    def cost(self, usage: Usage) -> int | None:
        """Pico-dollars, rounded once, half to even. None (unpriced) where a kind that was used has no price."""
        return _pico([(getattr(usage, kind), getattr(self, kind)) for kind in KINDS])

    def reprice_warm(self, usage: Usage) -> int | None:
        """What this model would have cost with a cache of its own: a kind without a price counts as input."""
        if self.input is None or self.output is None:
            return None
        prices = ((kind, getattr(self, kind)) for kind in KINDS)
        return _pico([(getattr(usage, kind), self.input if price is None else price) for kind, price in prices])

    def reprice_cold(self, usage: Usage) -> int | None:
        """What this model would have cost without any cache: everything read or written counts as input."""
        if self.input is None or self.output is None:
            return None
        return _pico([(usage.prompt, self.input), (usage.output, self.output)])


def listed_price(price_list: str, model: str, at: datetime, prompt_tokens: int, batch: bool = False) -> Price | None:
    """The public price of `model` at that moment, for a prompt of that length.

    None for a model or a list that nobody knows, and for a batch where no batch price is in force: the library would
    answer with the standard price there, as it does for a date before the first one it knows.
    """
    entry = _entry(price_list, model)
    if entry is None:
        return None
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    # Equal keys find a price in the cache: the day is enough where no price knows hours, and the tier for the tokens.
    moment = at if entry.knows_hours else datetime.combine(at.date(), time(), UTC)
    return _price(entry, moment, entry.prompt_class(prompt_tokens), batch)


def is_flat(price_list: str, model: str, least: int, most: int) -> bool:
    """Whether one price holds all day long, for every prompt from `least` to `most` tokens."""
    entry = _entry(price_list, model)
    return entry is None or (not entry.knows_hours and entry.prompt_class(least) == entry.prompt_class(most))


@cache
def models_of(price_list: str) -> tuple[str, ...]:
    """The ids that a list has, each of which is found under itself; none for a list that nobody knows."""
    listed = next((provider for provider in get_snapshot().providers if provider.id == price_list), None)
    ids = [model.id for model in listed.models] if listed else []
    return tuple(one for one in ids if (entry := _entry(price_list, one)) and entry.model.id == one)


def thresholds_of(price_list: str, model: str) -> tuple[int, ...]:
    """Lengths of prompts, in tokens, above which this model has another price."""
    entry = _entry(price_list, model)
    return entry.thresholds if entry else ()


def listed_since(price_list: str, model: str, at: datetime) -> date | None:
    """The first day of the price that the list has in force; None: the list knows no day."""
    entry = _entry(price_list, model)
    if entry is None or isinstance(entry.model.prices, ModelPrice):
        return None
    begins = [
        one.constraint.start_date for one in entry.model.prices if isinstance(one.constraint, StartDateConstraint)
    ]
    return max((day for day in begins if day <= at.date()), default=None)


@cache
def prompt_sizes() -> tuple[int, ...]:
    """The shortest prompts, in tokens, from which on any model of the list has another price."""
    entries = [_read_entry(provider, model) for provider in get_snapshot().providers for model in provider.models]
    return tuple(sorted({start + 1 for entry in entries for start in entry.thresholds}))


def same_entry(price_list: str, a: str, b: str) -> bool:
    """Whether the price list names both ids, and as one model.

    It finds many ids by how they begin (`claude-haiku-4-5…`), which also finds `claude-haiku-4-50`. So an id counts
    only where it is written out in the list, up to the date of the snapshot.
    """
    one, other = _entry(price_list, a), _entry(price_list, b)
    if one is None or other is None or one.model is not other.model:
        return False
    return _writes_out(one.model.match, a.lower()) and _writes_out(one.model.match, b.lower())


@dataclass(frozen=True, eq=False)
class _Entry:
    """One model of the price list, and what its price depends on."""

    model: ModelInfo
    is_own: bool  # listed by this provider itself, not borrowed from another one's list
    thresholds: tuple[int, ...]
    knows_hours: bool

    def prompt_class(self, prompt_tokens: int) -> int:
        """The shortest prompt priced like this one: a tier begins above its threshold and holds for every token."""
        return max((start + 1 for start in self.thresholds if prompt_tokens > start), default=0)


@lru_cache(maxsize=4096)
def _entry(price_list: str, model: str) -> _Entry | None:
    if price_list == ANY:
        return next(filter(None, (_entry(vendor, model) for vendor in VENDORS)), None)
    try:
        provider, found = get_snapshot().find_provider_model(model, None, price_list, None)
    except LookupError:
        return None
    return _read_entry(provider, found) if _is_named(found, model.lower()) else None


def price_lists() -> list[str]:
    """The vendors that have one."""
    return sorted(provider.id for provider in get_snapshot().providers)


def _read_entry(provider: Provider, model: ModelInfo) -> _Entry:
    conditional = [] if isinstance(model.prices, ModelPrice) else model.prices
    variants = model.price_variants or []
    standard = [model.prices] if isinstance(model.prices, ModelPrice) else [each.prices for each in conditional]
    constraints = [each.constraint for each in conditional] + [each.constraint for each in variants]
    values = [value for prices in [*standard, *(v.prices for v in variants)] for value in vars(prices).values()]
    starts = {tier.start for value in values if isinstance(value, TieredPrices) for tier in value.tiers}
    return _Entry(
        model=model,
        is_own=any(model is listed for listed in provider.models),
        thresholds=tuple(sorted(starts)),
        knows_hours=any(isinstance(constraint, TimeOfDateConstraint) for constraint in constraints),
    )


@lru_cache(maxsize=4096)
def _price(entry: _Entry, moment: datetime, prompt_tokens: int, batch: bool) -> Price | None:
    if batch and not _has_batch_price(entry, moment):
        return None
    found = entry.model.get_prices(moment, BATCH if batch else None)
    if any(vars(found).get(charge) is not None for charge in INEXPRESSIBLE):
        return None

    def in_force(key: str) -> Decimal | None:
        return _of_tier(vars(found).get(key), prompt_tokens)

    return Price(
        input=in_force("input_mtok"),
        output=in_force("output_mtok"),
        cache_read=in_force("cache_read_mtok"),
        cache_write_5m=in_force("cache_write_mtok"),
        cache_write_1h=in_force("cache_write_1h_mtok"),
        source="genai-prices",
        version=_list_version(),
    )


def _has_batch_price(entry: _Entry, moment: datetime) -> bool:
    return entry.is_own and any(
        variant.when == BATCH and (variant.constraint is None or variant.constraint.active(moment))
        for variant in entry.model.price_variants or []
    )


def _of_tier(price: Decimal | TieredPrices | None, prompt_tokens: int) -> Decimal | None:
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier for tier in price.tiers if prompt_tokens > tier.start]
    return reached[-1].price if reached else price.base


def _is_named(found: ModelInfo, model: str) -> bool:
    """Whether it is this very model, and not one whose id only begins like it, such as `claude-haiku-4-5-lite`: that would have
    another price, and nobody would notice. What is trained on a model (`ft:`) is listed by how it begins, and has a name behind."""
    released = _BUILD.sub("", model)
    as_released = found.match.is_match(released) and _writes_out(found.match, released)
    return as_released or _writes_out(found.match, model) or model.startswith("ft:")


def _writes_out(clause: MatchLogic, model: str) -> bool:
    """Whether this clause of the price list, which matches, names the model up to its snapshot."""
    match clause:
        case ClauseOr(or_=parts) | ClauseAnd(and_=parts):
            return any(_writes_out(part, model) for part in parts if part.is_match(model))
        case ClauseStartsWith(starts_with=text) | ClauseContains(contains=text):
            named = model.find(text.lower()) + len(text)
            return named >= len(_SNAPSHOT.sub("", model))
        case ClauseRegex(regex=pattern):
            return pattern.endswith("$")
        case ClauseEquals() | ClauseEndsWith():
            return True
    return False


def _pico(parts: list[tuple[int, Decimal | None]]) -> int | None:
    """(tokens, price) pairs → their sum in pico-dollars. None where tokens were used that have no price."""
    used = [(tokens, price) for tokens, price in parts if tokens]
    if any(price is None for _, price in used):
        return None
    with localcontext(_EXACT):
        total = sum((tokens * price for tokens, price in used if price is not None), Decimal(0))
        return int((total * _PICO_PER_TOKEN).to_integral_value())


@cache
def _list_version() -> str:
    return version("genai-prices")
