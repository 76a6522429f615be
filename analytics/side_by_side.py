"""A summary, and beside it what each of the other methods says of the same days: for whoever asks which of them is in force, and
how much depends on that."""

from dataclasses import dataclass, replace
from decimal import Decimal

from shadows.models import Subject
from wire.money import to_usd

from .baselines import Method, added_up
from .cells import Cells
from .costs import Summary, summarise_from
from .extent import Extent
from .measuring import Measured, Measuring
from .savings import Balance
from .snapshot import snapshot


@dataclass(frozen=True)
class Beside:
    """`balance`: the costs of these days, with what all-frontier would have cost by this method. `n`: completed executions, or
    shadows; `unpriced`: used answers (declared: executions, measured: workflows) without a figure."""

    method: Method
    model: str | None
    balance: Balance
    n: int
    unpriced: int
    measured: Measured | None = None


@dataclass(frozen=True)
class SideBySide:
    """`summary`: by the method that is asked for. `cache`: what reading took off, and what writing added."""

    summary: Summary
    methods: list[Beside]
    cache: tuple[Decimal | None, Decimal | None]

    def of(self, method: Method) -> Beside:
        return next(one for one in self.methods if one.method == method)


def side_by_side(extent: Extent, method: Method, subject: Subject | None = None) -> SideBySide:
    """As of one moment."""
    with snapshot():
        source = Cells(extent.to_date)
        summary = summarise_from(extent, method, source, subject)
        methods = [_beside(summary, source, one, subject) for one in Method]
        return SideBySide(summary, methods, source.cache_parts(extent))


def _beside(summary: Summary, source: Cells, method: Method, subject: Subject | None) -> Beside:
    if method == Method.MEASURED:
        return _by_shadows(
            summary, summary.measured or Measuring(source, subject, summary.extent).measured(summary.extent)
        )
    model = None if method == Method.DECLARED else summary.model
    completed, extent = summary.balance.completed, summary.extent
    if method == summary.method:
        return Beside(method, model, summary.balance, completed, summary.baseline_unpriced)
    days = source.all_frontier(method)
    found = added_up(one for day, one in days.items() if extent.covers(day))
    return Beside(method, model, replace(summary.balance, if_all_frontier=found.usd), completed, found.unpriced)


def _by_shadows(summary: Summary, measured: Measured) -> Beside:
    cost = None if measured.cost is None else to_usd(measured.cost)
    balance = replace(summary.balance, if_all_frontier=cost)
    return Beside(Method.MEASURED, measured.model, balance, measured.n, measured.without, measured)
