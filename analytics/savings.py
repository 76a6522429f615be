"""The arithmetic of a cost summary, and nothing else: pure functions on figures that `costs` collected.

Formulas are those of the contract, section Costs. Nothing is rounded here. Unknown, or divided by zero, is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

ZERO = Decimal(0)


@dataclass(frozen=True)
class Balance:
    """What was paid and what all-frontier would have cost, in USD, over any stretch of time. Balances add.

    With `unpriced_calls` the costs are those of the priced calls alone, and everything that compares them is unknown.
    """

    execution_cost: Decimal = ZERO
    in_doubt_cost: Decimal = ZERO
    design_declared: Decimal = ZERO
    design_measured: Decimal = ZERO
    evaluation_cost: Decimal = ZERO
    shadow_cost: Decimal = ZERO
    if_all_frontier: Decimal | None = ZERO
    completed: int = 0
    unpriced_calls: int = 0

    def __add__(self, other: Balance) -> Balance:
        known = self.if_all_frontier is not None and other.if_all_frontier is not None
        return Balance(
            self.execution_cost + other.execution_cost,
            self.in_doubt_cost + other.in_doubt_cost,
            self.design_declared + other.design_declared,
            self.design_measured + other.design_measured,
            self.evaluation_cost + other.evaluation_cost,
            self.shadow_cost + other.shadow_cost,
            self.if_all_frontier + other.if_all_frontier if known else None,
            self.completed + other.completed,
            self.unpriced_calls + other.unpriced_calls,
        )

    @property
    def complete(self) -> bool:
        return self.unpriced_calls == 0

    @property
    def design_cost(self) -> Decimal:
        """Design and redesign calls + the declared design cost."""
        return self.design_declared + self.design_measured

    @property
    def total_cost(self) -> Decimal:
        """Execution + design + evaluation + shadow + in doubt."""
        return self._investment + self._running_cost

    @property
    def savings(self) -> Decimal | None:
        """if_all_frontier − total_cost. Can be negative."""
        if not self.complete or self.if_all_frontier is None:
            return None
        return self.if_all_frontier - self.total_cost

    def against(self, if_all_frontier: Decimal) -> Balance:
        """The same costs beside another figure, such as an end of its interval."""
        return replace(self, if_all_frontier=if_all_frontier)

    @property
    def savings_percent(self) -> Decimal | None:
        """100 · savings / if_all_frontier."""
        return _percent(self.savings, self.if_all_frontier)

    @property
    def roi_percent(self) -> Decimal | None:
        """100 · savings / total_cost."""
        return _percent(self.savings, self.total_cost)

    @property
    def payback_executions(self) -> int | None:
        """⌈(design + evaluation + shadow) / ((if_all_frontier − execution − in_doubt) / completed)⌉: how many
        executions pay for what came before them. None while an execution saves nothing."""
        if self.savings is None or self.if_all_frontier is None:
            return None
        gain = Fraction(self.if_all_frontier) - Fraction(self._running_cost)
        if gain <= 0 or not self.completed:
            return None
        return math.ceil(Fraction(self._investment) * self.completed / gain)

    @property
    def cost_per_completed(self) -> Decimal | None:
        """total_cost / completed."""
        return ratio(self.total_cost, self.completed) if self.complete else None

    @property
    def _investment(self) -> Decimal:
        return self.design_cost + self.evaluation_cost + self.shadow_cost

    @property
    def _running_cost(self) -> Decimal:
        return self.execution_cost + self.in_doubt_cost


def paid_back_on(days: Mapping[date, Balance]) -> date | None:
    """The last day on which cumulative savings turned from negative to ≥ 0.

    They are followed day by day from the first cost, which itself comes before what its day saved: a workflow that is
    designed and pays on one day is paid back on that day. None where they never turned, or one day is unknown.
    """
    cumulative, paid, negative, found = ZERO, False, False, None
    for day, balance in sorted(days.items()):
        if balance.savings is None:
            return None
        if not paid and balance.total_cost > 0:
            paid, negative = True, cumulative < balance.total_cost
        cumulative += balance.savings
        if negative and cumulative >= 0:
            found = day
        negative = cumulative < 0
    return found


def ratio(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """part / whole; None where there is nothing to divide by."""
    return Decimal(part) / whole if whole else None


def _percent(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return None if part is None or whole is None else ratio(100 * part, whole)
