"""The arithmetic of a projection, and nothing else: whole pico-dollars and days in, figures out.

Nothing is rounded before the last step, which rounds half to even. Unknown is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

ENOUGH = 30  # completed executions, before anything is said of days to come
COUNTS = (100, 1_000, 10_000)
HORIZON = timedelta(days=36_525)  # a hundred years
PERIODS = {"day": Fraction(1), "month": Fraction(1461, 48), "year": Fraction(1461, 4)}  # days; a year has 365.25


class Why(StrEnum):
    """Why there is no payback, or no date of it."""

    NOTHING_COMPLETED = "nothing_completed"
    UNPRICED = "unpriced"  # calls without a price
    NO_BASELINE = "no_baseline"  # executions without a figure of what all-frontier would have cost
    SAVES_NOTHING = "saves_nothing"
    TOO_FEW = "too_few"  # completed executions, for a date
    TOO_FAR = "too_far"


@dataclass(frozen=True)
class Pace:
    """What so many whole days brought, in pico-dollars. `running`: execution and in doubt. `testing`: evaluation and shadows."""

    days: int
    completed: int
    running: int | None
    testing: int | None
    if_all_frontier: int | None

    @property
    def gain(self) -> int | None:
        """What the executions saved, before what came before them is paid."""
        return minus(self.if_all_frontier, self.running)

    @property
    def is_enough(self) -> bool:
        return self.days > 0 and self.completed >= ENOUGH

    def each(self, pico: int | None) -> Fraction | None:
        """Per completed execution."""
        return Fraction(pico, self.completed) if pico is not None and self.completed else None


@dataclass(frozen=True)
class Outlook:
    """Whether everything that was paid has come back; else after how many more executions, and on which day."""

    paid_back: bool | None
    executions_left: int | None = None
    on: date | None = None
    why: Why | None = None


def outlook(savings: int | None, is_priced: bool, pace: Pace, today: date) -> Outlook:
    """`savings`: of everything until now; `is_priced`: and so is every call of it.

    The executions to come save what those of `pace` did, and come as often; nothing more is spent on design, evaluation and
    shadows.
    """
    if savings is None:
        return Outlook(None, why=Why.NO_BASELINE if is_priced else Why.UNPRICED)
    if savings >= 0:
        return Outlook(True, 0)
    if why := _why_never(pace):
        return Outlook(False, why=why)
    left = math.ceil(Fraction(-savings * pace.completed, pace.gain))
    if not pace.is_enough:
        return Outlook(False, left, why=Why.TOO_FEW)
    on = _day_after(today, Fraction(left * pace.days, pace.completed))
    return Outlook(False, left, on, None if on else Why.TOO_FAR)


def _why_never(pace: Pace) -> Why | None:
    if not pace.completed or not pace.days:
        return Why.NOTHING_COMPLETED
    if pace.gain is None:
        return Why.UNPRICED if pace.running is None else Why.NO_BASELINE
    return Why.SAVES_NOTHING if pace.gain <= 0 else None


def _day_after(begins: date, days: Fraction) -> date | None:
    """A part of a day is a day. None beyond the horizon."""
    whole = math.ceil(days)
    return None if whole > min(HORIZON.days, (date.max - begins).days) else begins + timedelta(days=whole)


@dataclass(frozen=True)
class Share:
    """Of so many executions, in pico-dollars: what they cost, designed once, and which part of it designing is, in percent."""

    executions: int
    execution_cost: Fraction | None
    cost: Fraction | None
    if_all_frontier: Fraction | None
    savings: Fraction | None
    of_execution_cost: Fraction | None
    of_total: Fraction | None


def shares(design: int | None, pace: Pace, counts: Iterable[int] = COUNTS) -> Iterator[Share]:
    """5%, 0.5%, 0.05%: of what the executions cost, and of what they cost with the design."""
    for count in counts:
        executing = times(pace.each(pace.running), count)
        frontier = times(pace.each(pace.if_all_frontier), count)
        cost = None if executing is None or design is None else executing + design
        yield Share(
            executions=count,
            execution_cost=executing,
            cost=cost,
            if_all_frontier=frontier,
            savings=minus(frontier, cost),
            of_execution_cost=percent(design, executing),
            of_total=percent(design, cost),
        )


@dataclass(frozen=True)
class Period:
    """What a day, a month or a year brings at this pace. `savings` are net of `testing`."""

    name: str
    executions: Fraction | None = None
    running: Fraction | None = None
    testing: Fraction | None = None
    if_all_frontier: Fraction | None = None
    savings: Fraction | None = None


def periods(pace: Pace) -> Iterator[Period]:
    for name, length in PERIODS.items():
        if not pace.is_enough:
            yield Period(name)
            continue
        part = length / pace.days
        spent = None if pace.running is None or pace.testing is None else pace.running + pace.testing
        yield Period(
            name=name,
            executions=pace.completed * part,
            running=times(pace.running, part),
            testing=times(pace.testing, part),
            if_all_frontier=times(pace.if_all_frontier, part),
            savings=times(minus(pace.if_all_frontier, spent), part),
        )


def payback_day(begins: date, executions: int | None, a_month: int | None) -> date | None:
    """The day on which so many executions are through, at so many a month. None where that is not known, or too far."""
    if executions is None or not a_month:
        return None
    return _day_after(begins, executions * PERIODS["month"] / a_month)


def minus(one: int | Fraction | None, other: int | Fraction | None) -> int | Fraction | None:
    return None if one is None or other is None else one - other


def times(one: int | Fraction | None, factor: int | Fraction | None) -> Fraction | None:
    return None if one is None or factor is None else Fraction(one) * factor


def percent(part: int | Fraction | None, whole: int | Fraction | None) -> Fraction | None:
    return None if part is None or not whole else 100 * Fraction(part) / Fraction(whole)
