"""From what all-frontier would have cost down to what was paid, in a fixed order: what each lever took off, and what ate of it.

Over the answers that completed executions used, with c and w the baseline cold and warm, c' and w' the own tokens at the own
standard prices cold and warm, and b what was paid: tier = c − c', cache = (c' − w') − (c − w) under a warm baseline and c' − w'
under a cold one, batch = w' − b. An answer that the frontier gave counts at its own cost on both sides, so it is zero in each.
Start less all parts is the total, to the pico-dollar.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from shadows.models import Subject
from wire.money import to_pico, to_usd

from .baselines import AllFrontier, Method, added_up
from .cells import Cells
from .costs import Summary, summarise_from
from .extent import Extent
from .ledger import Ledger
from .moved import saved_by_code
from .snapshot import snapshot
from .used import Used

LEVERS = ("fewer_calls", "code", "tier", "cache", "batch")
PARTS = (*LEVERS, "unused_calls", "in_doubt", "design", "evaluation", "shadow")
NOT_MEASURED = "Not measured: a baseline that reprices what was asked has as many calls as there were."
NO_START = "What all-frontier would have cost is not known."
NO_PRICE = "A used answer has no price: its own, that of the baseline's model, or in a batch the standard one."
NO_STEP_PRICE = "An answer of a step that is code now has no price on the baseline's model."
NO_OWN_PRICE = "A used answer has no price."


class Part(NamedTuple):
    """`pico`: what it takes off, negative where it adds. None: not known, `reason` says why; it counts as nothing."""

    name: str
    pico: int | None
    reason: str | None = None


@dataclass(frozen=True)
class Waterfall:
    """`summary`: the start (`if_all_frontier`), the end (`total_cost`) and the baseline are its figures."""

    summary: Summary
    parts: list[Part]

    @property
    def complete(self) -> bool:
        """Whether start − Σ parts = total. (Fewer calls are never known where the baseline reprices: that leaves no gap.)"""
        known = all(part.pico is not None for part in self.parts if part.reason != NOT_MEASURED)
        return known and self.summary.balance.complete and self.summary.balance.if_all_frontier is not None


def waterfall(
    extent: Extent,
    method: Method,
    source: type[Cells] | type[Ledger] = Cells,
    subject: Subject | None = None,
) -> Waterfall:
    """As of one moment."""
    with snapshot():
        return waterfall_from(extent, method, source(extent.to_date), subject)


def waterfall_from(extent: Extent, method: Method, source: Cells | Ledger, subject: Subject | None = None) -> Waterfall:
    """For whoever has a snapshot and a source of its own: of the extent to date."""
    summary = summarise_from(extent, method, source, subject)
    return Waterfall(summary, _Falls(summary, source).parts())


class _Falls:
    def __init__(self, summary: Summary, source: Cells | Ledger) -> None:
        self.summary, self.source = summary, source
        self.extent, self.method, self.balance = summary.extent, summary.method, summary.balance

    def parts(self) -> list[Part]:
        balance, own = self.balance, self.used.own
        unused = to_pico(balance.execution_cost) - own
        return [
            *self._fewer_calls_and_code(),
            *levers(self.used, self._total(Method.REPRICED_WARM), self._total(Method.REPRICED_COLD), self.method),
            Part("unused_calls", None, NO_OWN_PRICE) if self.used.unpriced else Part("unused_calls", -unused),
            Part("in_doubt", _costs(balance.in_doubt_cost)),
            Part("design", _costs(balance.design_cost)),
            Part("evaluation", _costs(balance.evaluation_cost)),
            Part("shadow", _costs(balance.shadow_cost)),
        ]

    @cached_property
    def used(self) -> Used:
        return self.source.used(self.extent)

    def _fewer_calls_and_code(self) -> list[Part]:
        if self.method in (Method.REPRICED_WARM, Method.REPRICED_COLD):
            return [Part("fewer_calls", None, NOT_MEASURED), Part("code", None, NOT_MEASURED)]
        start, repriced = self.balance.if_all_frontier, self._total(Method.REPRICED_WARM)
        if start is None:
            return [Part("fewer_calls", None, NO_START), Part("code", None, NO_START)]
        code = self._code()
        told = Part("code", code, NO_STEP_PRICE if code is None else None)
        if repriced.unpriced:
            return [Part("fewer_calls", None, NO_PRICE), told]
        return [Part("fewer_calls", to_pico(start) - repriced.pico - (code or 0)), told]

    def _code(self) -> int | None:
        """The same workflow on the frontier has the same steps in code: in what its shadows cost there is nothing of them."""
        if self.summary.measured and self.summary.measured.subject == Subject.WORKFLOW:
            return 0
        to_date = [one for one in self.source.completed_strata() if self.extent.to_date.covers(one.day)]
        window = [one for one in to_date if self.extent.covers(one.day)]
        return saved_by_code(window, to_date, self.source.all_frontier_of_step)

    def _total(self, method: Method) -> AllFrontier:
        return added_up(one for day, one in self.source.all_frontier(method).items() if self.extent.covers(day))


def levers(used: Used, warm: AllFrontier, cold: AllFrontier, method: Method) -> list[Part]:
    """Tier, cache and batch. Tier is what the exact ones leave, so that nothing is lost by rounding."""
    unknown = used.unpriced or warm.unpriced or cold.unpriced or used.cached is None or used.batched is None
    if unknown:
        return [Part(name, None, NO_PRICE) for name in ("tier", "cache", "batch")]
    theirs = 0 if method == Method.REPRICED_COLD else cold.pico - warm.pico
    tier = cold.pico - used.own - used.batched - used.cached
    return [Part("tier", tier), Part("cache", used.cached - theirs), Part("batch", used.batched)]


def _costs(usd: Decimal) -> int:
    return -to_pico(usd)


def rest(found: Waterfall) -> Decimal:
    """Start − Σ parts: the total, where it is complete."""
    start = found.summary.balance.if_all_frontier or Decimal(0)
    return start - to_usd(sum(part.pico or 0 for part in found.parts))
