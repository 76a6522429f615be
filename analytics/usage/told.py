"""A comparison in sentences and as JSON, for a terminal and the pages of the admin."""

from collections.abc import Iterator

from wire.money import pico_text

from .comparison import Comparison, CostLine, Doubted, Line
from .shapes import KINDS

WORDS = {"input": "input", "cache_read": "cache read", "cache_write": "cache write", "output": "output"}
ONE_SIDED = {"ledger_only": "the provider's figures have none", "provider_only": "the ledger has none"}


def sentences(found: Comparison) -> Iterator[str]:
    """What differs, then what can explain it, then the verdict."""
    yield from (line_said(line) for line in found.differing)
    yield from (cost_said(line) for line in found.differing_costs)
    yield from explanations(found)
    yield verdict(found)


def line_said(line: Line) -> str:
    ledger, provider = line.ledger, line.provider
    differ = [kind for kind in KINDS if abs(line.difference[kind]) > line.tolerance]
    if ledger is None or provider is None:
        has, owner = (ledger, "the ledger") if provider is None else (provider, "the provider")
        had = ", ".join(f"{has[kind]} {WORDS[kind]}" for kind in differ)
        return f"{line.day} {line.model}: {owner} has {had}, and {ONE_SIDED[line.state]}"
    told = (f"{WORDS[kind]} {ledger[kind]} against {provider[kind]} ({line.difference[kind]:+})" for kind in differ)
    return f"{line.day} {line.model}: ledger against provider, {', '.join(told)}"


def cost_said(line: CostLine) -> str:
    difference = ("+" if line.difference > 0 else "") + pico_text(line.difference)
    return f"{line.day}: the ledger's cost is {pico_text(line.ledger)} USD against {pico_text(line.provider)} ({difference})"


def explanations(found: Comparison) -> list[str]:
    """Facts, whether or not there is a difference that they explain."""
    told = [_doubted(one) for one in found.doubted]
    told += [
        f"{day}: {many(count, 'call')} of the ledger began the day before: the provider may count them there"
        for day, count in found.over_midnight.items()
    ]
    strange = sorted({line.model for line in found.differing if line.ledger is None})
    known = {line.model for line in found.lines if line.ledger is not None}
    told += [
        f"{model}: no call of the ledger in these days was answered by it: somebody else uses the provider's key, or calls "
        "are missing from the ledger"
        for model in strange
        if model not in known
    ]
    for line in found.costs:
        if line.unpriced:
            told.append(f"{line.day}: the ledger has no price of {many(line.unpriced, 'call')}")
        if line.other:
            told.append(f"{line.day}: the provider wants {pico_text(line.other)} USD more for what are no tokens")
    return told


def verdict(found: Comparison) -> str:
    if not found.days:
        return f"{found.provider}: no day of it was imported"
    days = f"{found.provider}, {many(len(found.days), 'day')} from {found.days[0]} to {found.days[-1]}"
    if found.agrees:
        return f"{days}: ledger = provider, {_compared(found)}"
    count = len(found.differing) + len(found.differing_costs)
    until = f"they agree until {found.agreed_until}" if found.agreed_until else "they differ from the first day on"
    return f"{days}: {many(count, 'difference')}; {until}"


def _compared(found: Comparison) -> str:
    return f"tokens of {many(len(found.token_days), 'day')}, costs of {many(len(found.costs), 'day')}"


def _doubted(one: Doubted) -> str:
    bound = "nobody knows at what price" if one.bound is None else f"at most {pico_text(one.bound)} USD"
    return f"{one.day} {one.model}: {many(one.calls, 'call')} in doubt, {bound}, in no figure of the ledger above"


def many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
