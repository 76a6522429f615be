"""The answer of a what-if in one sentence."""

from collections.abc import Iterator

from analytics.projection.arithmetic import minus, times
from analytics.projection.arithmetic import percent as percent_of
from analytics.projection.what_if import Found

from ...numbers import count, from_pico, of_percent, usd
from .question import Form

NOTHING_THERE = "No execution completed in these days, so there is nothing to price anew. Choose other days above."


def answered(found: Found, form: Form) -> str:
    """`On claude-haiku-4-5 instead of claude-sonnet-4-5 a completed execution would have cost 0.011 USD instead of 0.026 USD: …`"""
    if not found.n:
        return NOTHING_THERE
    asked = " and ".join(_changes(found, form))
    if found.would is None or found.was is None:
        what = f"{asked[:1].upper()}{asked[1:]}, what" if asked else "What"
        return f"{what} a completed execution would have cost is not known. {' '.join(found.unknown)}"
    begins = f"{asked[:1].upper()}{asked[1:]} a" if asked else "As it was, a"
    return f"{begins} completed execution {_cost(found, bool(asked))}; estimated from {_recorded(found.n)}."


def _cost(found: Found, is_other: bool) -> str:
    was, would, change = found.was, found.would, minus(found.would, found.was)
    a_month = times(change if is_other else would, found.volume)
    at = f" a month at {count(round(found.volume))} executions" if found.volume is not None else ""
    if not is_other:
        return f"costs {usd(from_pico(would))}" + (f", {usd(from_pico(a_month))}{at}" if at else "")
    if not change:
        return f"would have cost the same, {usd(from_pico(was))}"
    said = f"would have cost {usd(from_pico(would))} instead of {usd(from_pico(was))}"
    word, share = ("less" if change < 0 else "more"), percent_of(abs(change), was)
    said += f": {of_percent(share)} {word}" if share is not None else f": {word}"
    return f"{said}, {usd(from_pico(abs(a_month)))}{at}" if at else said


def _recorded(n: int) -> str:
    return f"{count(n)} recorded executions" if n != 1 else "one recorded execution"


def _changes(found: Found, form: Form) -> Iterator[str]:
    """What is asked otherwise, as words that stand before the sentence."""
    models: dict[str, list[str]] = {}
    for before, target in found.moved:
        models.setdefault(_short(target), []).append(_short(before))
    for target, befores in models.items():
        yield f"on {target} instead of {' and '.join(befores)}"
    asked = form.question()
    if asked.prices:
        yield f"at the price stated for {' and '.join(_short(one) for one in asked.prices)}"
    if asked.caching is not None:
        yield "with every stable prompt cached" if asked.caching else "without a cache"
    if asked.batch is not None:
        yield "in batches" if asked.batch else "without batches"


def _short(target: str) -> str:
    return target.partition(":")[2] or target
