"""The verdict: is the candidate as good as what it is to replace? By non-inferiority: the lower limit of the difference of right
answers has to lie above minus the margin, at one-sided 95%. That nothing was found against it is no evidence for it: too few
cases do not pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from wire.money import percent_text, rate_text

from .statistics import flawless_pairs

if TYPE_CHECKING:
    from .figures import Pairs, _Kept

TWO_SIDED = 0.90  # whose lower limit is the one-sided one at 95%
NAMES = {"frontier": "the frontier", "incumbent": "the incumbent"}


def of(
    pairs: Pairs, kept: _Kept, rules: Mapping[str, object], against: str, not_tried: Sequence[str]
) -> dict[str, object]:
    """`kept`: of the candidate. `not_tried`: why executions of the reference could not be; counted as wrong they would let
    anything pass. `reasons`: why it does not pass, in sentences. `notes`: what was not asked, for there is nothing to ask it
    of."""
    margin, bar = Decimal(str(rules["margin"])), Decimal(str(rules["min_recall"]))
    found = pairs.interval(TWO_SIDED)
    lower = None if found is None else Decimal(repr(found.low))
    reasons = [
        *_quality(pairs, lower, margin, NAMES[against]),
        *_recall(kept, bar),
        *_not_tried([*kept.not_tried, *not_tried]),
    ]
    return {
        "passed": not reasons,
        "reasons": reasons,
        "notes": [] if kept.uncovered else ["There are no uncovered cases: whether it notices one is not known."],
        "against": against,
        "margin": rate_text(margin),
        "lower_limit": rate_text(lower),
        "confidence": "one-sided 95%",
        "min_recall": rate_text(bar),
        "recall": rate_text(Decimal(kept.caught) / kept.uncovered) if kept.uncovered else None,
    }


def _quality(pairs: Pairs, lower: Decimal | None, margin: Decimal, other: str) -> Iterator[str]:
    if lower is None:
        yield "No case has an expected answer: add covered cases."
        return
    if lower > -margin:
        return
    percent = _percent(pairs.difference)
    said = (
        f"It is right in {pairs.both + pairs.candidate_only} of {pairs.n} cases, {other} in "
        f"{pairs.both + pairs.reference_only}: a difference of {percent} points, at worst {_percent(lower)}, and the margin "
        f"allows −{_percent(margin)}."
    )
    needed = flawless_pairs(float(margin))
    if pairs.difference >= 0 and pairs.n < needed:
        said += f" These are too few cases to show it: at least {needed} are needed, if all agree."
    yield said


def _recall(kept: _Kept, bar: Decimal) -> Iterator[str]:
    if kept.uncovered and Decimal(kept.caught) / kept.uncovered < bar:
        yield (
            f"It flags {kept.caught} of {kept.uncovered} cases that it should flag; the bar is {_percent(bar)}%: what it misses "
            "would be answered as if it were covered."
        )


def _not_tried(said: Sequence[str]) -> Iterator[str]:
    if said:
        yield f"{len(said)} executions could not be tried. The first: {said[0]}"


def _percent(value: Decimal) -> str:
    return percent_text(100 * value).replace("-", "−")
