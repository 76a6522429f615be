"""The waterfall: from what all-frontier would have cost down to what was paid, lever by lever."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from analytics.baselines import Method
from analytics.waterfall import Part, Waterfall
from shadows.models import Subject
from wire.money import to_usd

from ..numbers import usd
from .chart import Cell, Chart, Key, money
from .drawing import money_axis
from .kinds import Fall, Told, waterfall

NAME = "waterfall"
TITLE = "From all-frontier to what was paid"
COLUMNS = ("Part", "Takes off", "What it is")
KEYS = (Key("theirs", "all-frontier"), Key("off", "takes off"), Key("on", "adds"), Key("ours", "paid"))
# Part → what it is called, and what it is.
PARTS = {
    "fewer_calls": ("fewer calls", "Calls that the baseline needs and the workflow does not."),
    "beyond": (
        "what the frontier used beyond",
        "Shadows cost more than the same tokens repriced: longer answers, colder caches, more calls.",
    ),
    "below": (
        "what the frontier used less",
        "Shadows cost less than the same tokens repriced: shorter answers, warmer caches, fewer calls.",
    ),
    "code": ("code", "Steps that are code now, and asked a model before."),
    "tier": ("cheaper models", "The same tokens on the model that was asked, not on the baseline's."),
    "cache": ("caching", "What reading prompts from the cache took off, beyond what it takes off the baseline."),
    "cache_of_both": ("caching", "What caches took off here, less what they would have taken off the frontier too."),
    "models": ("cheaper models, caches as they were", ""),
    "batch": ("batches", "What the discount of batches took off."),
    "unused_calls": ("calls not used", "Repairs, retries and answers that were thrown away."),
    "in_doubt": ("in doubt", "Calls of which nobody knows whether they were paid, at their upper bound."),
    "design": ("design", "Designing and redesigning, with what people declared for it."),
    "evaluation": ("evaluation", "Proving versions, and trying them out."),
    "shadow": ("shadows", "Running executions again on the frontier, to measure."),
}
Leads = Callable[[str], str]


def falls(found: Waterfall, leads: Leads) -> Chart:
    """`leads`: the address of the rows behind a part, or an empty text."""
    start, total = found.summary.balance.if_all_frontier, found.summary.balance.total_cost
    drawn = _joined(found)
    said = _said(found, drawn, start, total)
    rows = [
        [Cell("all-frontier"), money(start), Cell("What the baseline says.")],
        *(_row(part, _named(found, part), leads(part.name)) for part in found.parts),
        [Cell("paid"), money(total), Cell("Every call of these days, and what people declared for designing.")],
    ]
    if not found.complete or start is None or (not start and not total):
        return Chart(NAME, TITLE, said, None, COLUMNS, rows)
    bars = list(_bars(drawn, start, total))
    top = max(max(bar.begins, bar.ends) for bar in bars)
    picture = waterfall(Told(NAME, TITLE), bars, money_axis(top))
    return Chart(NAME, TITLE, said, picture, COLUMNS, rows, KEYS, unit="USD")


def _named(found: Waterfall, part: Part) -> str:
    """The name in `PARTS` that says what a part is under this baseline."""
    measured = found.summary.measured
    if part.name == "fewer_calls" and part.pico and measured and measured.subject == Subject.WORKFLOW:
        return "beyond" if part.pico > 0 else "below"
    if part.name == "cache" and _is_of_both(found, part):
        return "cache_of_both"
    return part.name


def _is_of_both(found: Waterfall, part: Part) -> bool:
    """Under a warm baseline caching is what it takes off here beyond what it would there: that it is below zero says no more than
    that the frontier's prices are higher, and never that caching adds."""
    return found.summary.method != Method.REPRICED_COLD and part.pico is not None and part.pico < 0


def _joined(found: Waterfall) -> list[Part]:
    """The parts as they are drawn and told. Caching of that kind stands with the models, so that nothing falls below zero."""
    parts = [part._replace(name=_named(found, part)) for part in found.parts]
    known = {part.name: part.pico for part in parts}
    if "cache_of_both" not in known or known.get("tier") is None:
        return parts
    both = Part("models", known["tier"] + known["cache_of_both"])
    return [both if part.name == "tier" else part for part in parts if part.name != "cache_of_both"]


def _bars(parts: list[Part], start: Decimal, total: Decimal) -> Iterator[Fall]:
    """Without the parts that change nothing."""
    yield Fall("all-frontier", 0.0, float(start), "theirs")
    height = start
    for part in parts:
        if part.pico:
            after = height - to_usd(part.pico)
            yield Fall(PARTS[part.name][0], float(height), float(after), "off" if part.pico > 0 else "on")
            height = after
    yield Fall("paid", 0.0, float(total), "ours")


def _row(part: Part, name: str, href: str) -> list[Cell]:
    called, what = PARTS[name]
    return [Cell(called), money(None if part.pico is None else to_usd(part.pico), href), Cell(part.reason or what)]


def _said(found: Waterfall, parts: list[Part], start: Decimal | None, total: Decimal) -> str:
    if start is None:
        return f"{usd(total)} were paid. What all-frontier would have cost is not known, so it cannot be taken apart."
    if not start and not total:
        return "Nothing was paid and nothing was completed in these days."
    if not found.complete:
        return "It does not add up, because a part of it is not known: the table says which, and why."
    known = [part for part in parts if part.pico]
    most = max(known, key=lambda part: part.pico, default=None)
    both = f"All-frontier would have cost {usd(start)}; {usd(total)} were paid."
    if most is None or most.pico <= 0:
        return f"{both} No lever took anything off."
    if most.name == "beyond":
        return (
            f"{both} The largest difference is what the frontier used beyond the same tokens: {usd(to_usd(most.pico))}."
        )
    return f"{both} Most was taken off by {PARTS[most.name][0]}: {usd(to_usd(most.pico))}."
