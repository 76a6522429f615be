"""The results of each export, as documented by who makes it: what they call a token, made the ledger's disjoint kinds.

Anthropic: Usage and Cost Admin API, `GET /v1/organizations/usage_report/messages` and `…/cost_report`. OpenAI: Administration
API, `GET /v1/organization/usage/completions` and `…/costs`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal

from wire.money import to_pico
from wire.problems import Malformed

from .models import UsageImport

EXPECTED = (
    "Expected is JSON as the API answers, all pages of one request: Anthropic's usage_report/messages or cost_report (data, "
    "starting_at, ending_at, results), or OpenAI's usage/completions or costs (data, start_time, end_time, results)."
)
AMOUNT = re.compile(
    r"-?[0-9]{1,30}(\.[0-9]{1,30})?(e-?[0-9]{1,2})?"
)  # Python reads much more, and writes a small one with e
MOST_USD = Decimal(10**6)  # of one result
LONGEST = 200  # characters of a model's id


@dataclass(frozen=True)
class Said:
    """Tokens in disjoint kinds, and pico-dollars."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    cost: int = 0
    other_cost: int = 0

    def __add__(self, other: "Said") -> "Said":
        return Said(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


KINDS = ("input", "cache_read", "cache_write", "output")


def counted(said: object) -> dict[str, int]:
    """The tokens of a `Said`, or of a row that is like it."""
    return {kind: getattr(said, kind) for kind in KINDS}


@dataclass(frozen=True)
class Shape:
    """`read`: a result, and in which bucket it stands → the model it is about, and what it says."""

    kind: UsageImport.Kind
    read: Callable[[dict, str], tuple[str, Said]]


def shape_of(result: dict) -> Shape:
    match result:
        case {"object": "organization.usage.completions.result"}:
            return OPENAI_TOKENS
        case {"object": "organization.costs.result"}:
            return OPENAI_COSTS
        case {"uncached_input_tokens": _}:
            return ANTHROPIC_TOKENS
        case {"amount": _, "currency": _}:
            return ANTHROPIC_COSTS
    raise Malformed(f"A result has no shape that is known. {EXPECTED}")


def _anthropic_tokens(result: dict, where: str) -> tuple[str, Said]:
    written = result.get("cache_creation")
    if not isinstance(written, dict):
        raise Malformed(f"cache_creation is missing in {where}.")
    short, long = (_tokens(written, f"ephemeral_{kept}_input_tokens", where) for kept in ("5m", "1h"))
    return _model(result, where), Said(
        input=_tokens(result, "uncached_input_tokens", where),
        cache_read=_tokens(result, "cache_read_input_tokens", where),
        cache_write=short + long,
        output=_tokens(result, "output_tokens", where),
    )


def _openai_tokens(result: dict, where: str) -> tuple[str, Said]:
    """Their input_tokens include what was cached and what was written to a cache; older answers say neither."""
    read = _tokens(result, "input_tokens", where)
    cached, written = (
        0 if result.get(name) is None else _tokens(result, name, where)
        for name in ("input_cached_tokens", "input_cache_write_tokens")
    )
    if cached + written > read:
        raise Malformed(f"Of {read} input_tokens more than all are cached in {where}.")
    return _model(result, where), Said(
        input=read - cached - written,
        cache_read=cached,
        cache_write=written,
        output=_tokens(result, "output_tokens", where),
    )


def _anthropic_costs(result: dict, where: str) -> tuple[str, Said]:
    """In cents, as text."""
    if not isinstance(result["amount"], str):
        raise Malformed(f"An amount is no decimal string of cents in {where}.")
    _must_be_dollars(result["currency"], where)
    pico = _pico(result["amount"], where, per_usd=100)
    tokens = result.get("cost_type") in (None, "tokens")
    return "", Said(cost=pico) if tokens else Said(other_cost=pico)


def _openai_costs(result: dict, where: str) -> tuple[str, Said]:
    """In dollars, as a number: its shortest text is what was meant."""
    amount = result.get("amount")
    if not isinstance(amount, dict) or type(amount.get("value")) not in (int, float, str):
        raise Malformed(f"An amount has no value in {where}.")
    _must_be_dollars(amount.get("currency"), where)
    return "", Said(cost=_pico(str(amount["value"]), where))


def _model(result: dict, where: str) -> str:
    model = result.get("model")
    if not isinstance(model, str) or not model:
        raise Malformed(f"A result names no model in {where}: export with group_by model.")
    if len(model) > LONGEST or not model.isprintable():
        raise Malformed(f"A result has a model in {where} whose name nobody has: {model[:40]!r}.")
    return model


def _tokens(result: dict, name: str, where: str) -> int:
    value = result.get(name)
    if type(value) is not int or value < 0:
        raise Malformed(f"{name} is no count of tokens in {where}: {str(value)[:40]}.")
    return value


def _must_be_dollars(currency: object, where: str) -> None:
    if not isinstance(currency, str) or currency.upper() != "USD":
        raise Malformed(f"An amount is not in USD in {where}.")


def _pico(text: str, where: str, per_usd: int = 1) -> int:
    usd = Decimal(text) / per_usd if AMOUNT.fullmatch(text) else None
    if usd is None or abs(usd) > MOST_USD:
        raise Malformed(f"An amount is no sum of money in {where}: {text[:40]}.")
    return to_pico(usd)


ANTHROPIC_TOKENS = Shape(UsageImport.Kind.TOKENS, _anthropic_tokens)
ANTHROPIC_COSTS = Shape(UsageImport.Kind.COSTS, _anthropic_costs)
OPENAI_TOKENS = Shape(UsageImport.Kind.TOKENS, _openai_tokens)
OPENAI_COSTS = Shape(UsageImport.Kind.COSTS, _openai_costs)
