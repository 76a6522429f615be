"""What a what-if assumed, and what it does not know, in sentences."""

from collections.abc import Iterator
from fractions import Fraction

from .arithmetic import ENOUGH, Pace
from .repricing import Missing, Repricing

UNKNOWN = {
    Missing.RECORDED: "{calls} of {model} had no price when made.",
    Missing.PRICE: "There is no price for {model}: {calls} would be of it.",
    Missing.BATCH_PRICE: "There is no batch price for {model}: {calls} would be of it.",
    Missing.MINIMUM: "From how many tokens on {model} caches a prompt is not known: {calls} would be of it.",
}


def assumptions(done: Repricing, n: int, completed: int, stated: int | None, a_month: Fraction | None) -> Iterator[str]:
    asked = done.question
    if n:
        of = "1 completed execution" if completed == 1 else f"{completed:,} completed executions"
        yield f"{n:,} of {of}, drawn by the hash of their ids, {'stands' if n == 1 else 'stand'} for all of them."
        yield "What executions cost that did not complete is in neither figure."
    if stated is None and a_month is not None:
        yield "As many executions a month as in these days."
    yield from _of_models(done)
    yield from _without_effect(done, n)
    yield from _of_caching(done)
    if asked.batch:
        yield "Every execution may wait for a batch; where somebody waits for the answer, none may."
    elif asked.batch is False:
        yield "Nothing waits for a batch: every call costs the standard price of its time."
    if done.doubted:
        yield f"{_calls(done.doubted)} in doubt, or correcting one, cost what the ledger says."


def _without_effect(done: Repricing, n: int) -> Iterator[str]:
    """What was asked of models that no call is of."""
    for name in sorted(done.question.models.keys() - done.found if n else ()):
        yield f"No call of these executions was of {name}: the model that is asked for it changes nothing."
    for model in done.question.prices:
        if model not in done.priced_as_stated:
            yield f"No call would be of {model}: the price that is stated for it changes nothing."


def _of_models(done: Repricing) -> Iterator[str]:
    if done.moved:
        yield "Another model is asked as often, with as many tokens, is repaired and escalates as often: a shadow would tell."
    for before, target in sorted(done.moved):
        if done.counts_otherwise(before, target):
            yield f"{before} and {target} may count the same text differently; the tokens are those of {before}."
    if todays := sorted({target for _, target in done.moved} - done.question.prices.keys()):
        yield f"At today's prices: {', '.join(todays)}."
    for target in sorted(done.without_cache_price):
        yield f"{target} has no price of its own for some cached tokens: they count as input."


def _of_caching(done: Repricing) -> Iterator[str]:
    if done.question.caching:
        yield (
            "The stable part of a prompt is read from the cache where the same model had answered to the same one in the five "
            "minutes before; else it is written to it, for five minutes."
        )
    elif done.question.caching is False:
        yield "Nothing is cached: all tokens of a prompt count as input."
    for (target, least), calls in sorted(done.below.items()):
        yield f"{target} caches from {least:,} tokens on: the stable part of {_calls(calls)} is shorter, and stays uncached."


def unknowns(done: Repricing, pace: Pace, a_month: Fraction | None) -> Iterator[str]:
    if not pace.completed:
        yield "No execution completed in these days."
    for (missing, model), calls in sorted(done.missing.items()):
        yield UNKNOWN[missing].format(model=model, calls=_calls(calls))
    if a_month is None:
        yield f"A month is not known from fewer than {ENOUGH} completed executions: send volume_per_month."
    if pace.completed and pace.if_all_frontier is None:
        yield "What all-frontier would have cost in these days is not known."


def _calls(count: int) -> str:
    return f"{count:,} call" if count == 1 else f"{count:,} calls"
