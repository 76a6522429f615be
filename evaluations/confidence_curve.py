"""What a `min_confidence` would catch and cost, by the confidences that were recorded. Pure: observed answers in, points out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from wire.money import rate_text, to_usd, usd_text

from .figures import Row, share

MOST_POINTS = 20


@dataclass(frozen=True)
class Answer:
    """A step's own answer. `due`: whether it should have been flagged, because it was wrong or its case is not covered; None:
    not known, because something else stopped it."""

    confidence: float
    due: bool | None


@dataclass(frozen=True)
class StepCost:
    """Pico-dollars of one answer of a step, by its own model and by the frontier; None: not measured, or without a price."""

    own: int | None = None
    frontier: int | None = None

    def of(self, flagged: int, n: int) -> str | None:
        """Expected, in USD, where so many of n go on to the frontier."""
        if self.own is None or self.frontier is None:
            return None
        return usd_text(to_usd(self.own + round(Decimal(self.frontier * flagged) / n)))


def curve(answers: Sequence[Answer], cost: StepCost) -> list[Row]:
    """A point for each confidence that was observed, at most 20, spread over their order. An answer is flagged where it lies
    below: the first point flags next to nothing, and no point flags the surest answers."""
    return [_point(answers, threshold, cost) for threshold in _thresholds(answers)]


def _thresholds(answers: Sequence[Answer]) -> list[Decimal]:
    """With four places, as they are shown: a point is true of the number that somebody copies."""
    seen = sorted({Decimal(rate_text(Decimal(repr(one.confidence)))) for one in answers})
    if len(seen) <= MOST_POINTS:
        return seen
    return [seen[round(n * (len(seen) - 1) / (MOST_POINTS - 1))] for n in range(MOST_POINTS)]


def _point(answers: Sequence[Answer], threshold: Decimal, cost: StepCost) -> Row:
    below = [one for one in answers if one.confidence < float(threshold)]  # as the engine compares
    due, fine = (sum(one.due is side for one in answers) for side in (True, False))
    caught, alarms = (sum(one.due is side for one in below) for side in (True, False))
    return {
        "min_confidence": rate_text(threshold),
        "flagged": share(len(below), len(answers)),
        "recall": share(caught, due),
        "false_escalation": share(alarms, fine),
        "cost_per_case": cost.of(len(below), len(answers)),
    }
