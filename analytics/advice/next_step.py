"""Which step of a workflow is worth moving to a cheaper tier, or making code: what it would save, and what speaks for it. Pure.

What is said of money is of the tokens that were used, at the prices in force now: on the model that the step has, and on the other.
Two models may count the same text differently, so it is estimated. A model without a price is unknown, never another's price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from analytics.savings import ratio
from evaluations.statistics import Interval, wilson

from .rules import DAYS_OF_MONTH, MIN_DAYS, Do

MOST = 10  # steps that are told
MIN_ANSWERS = 50  # recorded, before they say anything of a rule
MIN_REPEATS = 20  # of them to an input that had come before: without any, every step is a function of its input
MOST_OUTPUTS = 20  # different ones: what has more is written, not decided, and no rule writes it


class Kind(StrEnum):
    MOVE_DOWN = "move_down"
    MAKE_CODE = "make_code"


class Level(StrEnum):
    PRICE_ONLY = "price_only"  # nothing was tested
    AGREEMENT_TESTED = "agreement_tested"  # that step was compared on that model
    GATE_PASSED = "gate_passed"  # what is live, with exactly this moved, passed


# What a saving counts for in the order: one that nothing tested is as likely as not to be had; where the step was compared, the
# whole may still fail; a verdict of the whole is what publication asks for.
WEIGHTS = {Level.PRICE_ONLY: Decimal("0.5"), Level.AGREEMENT_TESTED: Decimal("0.75"), Level.GATE_PASSED: Decimal(1)}


@dataclass(frozen=True)
class Test:
    """What compared the step on the model. `passed` None: it came to no verdict of its own. `source`: where it is read."""

    __test__ = False  # no test of pytest's

    level: Level
    right: int
    n: int
    passed: bool | None
    source: str

    @property
    def failed(self) -> bool:
        return self.passed is False

    @property
    def rate(self) -> Decimal | None:
        return ratio(self.right, self.n)

    @property
    def interval(self) -> Interval | None:
        return wilson(self.right, self.n)


@dataclass(frozen=True)
class Repeats:
    """Of the answers of a step: how many came to an input that had come before, how many of those were the same as before, and how
    many different outputs there are."""

    answers: int
    repeats: int
    same: int
    outputs: int

    @property
    def may_be_a_rule(self) -> bool:
        enough = self.answers >= MIN_ANSWERS and self.repeats >= MIN_REPEATS
        return enough and self.same == self.repeats and self.outputs <= MOST_OUTPUTS


@dataclass(frozen=True)
class Move:
    """A step of what is live. `paid`: what its calls cost in these days; `now`, `then`: their tokens at the prices of today, on the
    model that it has and on the one that it would have. In USD; None where a price is not known."""

    workflow: str
    step: str
    kind: Kind
    tier: str
    model: str
    calls: int
    paid: Decimal | None
    now: Decimal | None
    then: Decimal | None
    observed: int
    to_tier: str | None = None
    to_model: str | None = None
    test: Test | None = None
    repeats: Repeats | None = None

    @property
    def saving(self) -> Decimal | None:
        return None if self.now is None or self.then is None else self.now - self.then

    @property
    def saving_per_month(self) -> Decimal | None:
        """At the present rate; None before there is one."""
        if self.saving is None or self.observed < MIN_DAYS:
            return None
        return self.saving * DAYS_OF_MONTH / self.observed

    @property
    def level(self) -> Level:
        return self.test.level if self.test else Level.PRICE_ONLY

    @property
    def advised(self) -> bool:
        """A saving that is not known is told, and advised by nobody."""
        return self.saving is not None and self.saving > 0 and not (self.test and self.test.failed)

    @property
    def weighed(self) -> Decimal:
        return (self.saving or Decimal(0)) * WEIGHTS[self.level]

    @property
    def reason(self) -> str:
        if self.kind == Kind.MAKE_CODE:
            return _said_of_repeats(self.repeats)
        return f"{_said_of_price(self)} {_said_of_test(self)}"

    @property
    def do(self) -> Do | None:
        """What to do next; None where it is not advised."""
        if not self.advised:
            return None
        path = f"POST workflows/{self.workflow}"
        if self.kind == Kind.MAKE_CODE:
            return Do(f"Ask for a redesign whose note says to make {self.step} code.", f"{path}/redesigns")
        match self.level:
            case Level.PRICE_ONLY:
                return Do(f"Search the tiers of {self.step}.", f"{path}/tier-searches")
            case Level.AGREEMENT_TESTED:
                return Do(f"Evaluate what is live with {self.step} on {self.to_model}.", f"{path}/evaluations")
        return Do(f"Make a version with {self.step} on the tier {self.to_tier}.", f"{path}/versions")


def in_order(moves: Iterable[Move]) -> list[Move]:
    """Those that are advised by what they save × what speaks for it, then those of which that is not known or that failed; none
    that would save nothing."""
    worth = [one for one in moves if one.saving is None or one.saving > 0]
    ordered = sorted(worth, key=lambda one: (not one.advised, -one.weighed, one.step, one.kind, one.to_model or ""))
    return ordered[:MOST]


def best(ordered: Sequence[Move]) -> Move | None:
    return ordered[0] if ordered and ordered[0].advised else None


def _said_of_price(move: Move) -> str:
    going = f"{move.step} on {move.to_model} ({move.to_tier}) instead of {move.model}"
    if move.saving is None:
        return f"What {going} saves is not known: a model has no price for these tokens."
    return f"{going} would cost less for the same tokens."


def _said_of_test(move: Move) -> str:
    test = move.test
    if test is None:
        return "Nothing was tested."
    counted = f"{test.right} of {test.n} right or the same"
    if test.failed:
        return f"It failed its test, and is not advised: {counted}."
    if test.level == Level.GATE_PASSED:
        return f"Exactly this has passed an evaluation: {counted}."
    return f"It was compared on this model: {counted}; the whole has no verdict."


def _said_of_repeats(repeats: Repeats | None) -> str:
    if repeats is None:
        return ""
    same = f"The same input gave the same output in {repeats.same} of {repeats.repeats} repeats"
    return f"A candidate for code. {same}, {repeats.outputs} distinct outputs in {repeats.answers} answers. Nothing was tested."
