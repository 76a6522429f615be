"""What designing and redesigning a workflow cost by the ledger, for each that came to something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Sum

from designs import spending
from designs.models import Design
from wire.money import to_usd

from ..costs import declared_designs
from ..extent import UNPRICED, Extent
from ..savings import ratio


@dataclass(frozen=True)
class Spent:
    """Of the designs, or the redesigns, that ended in these days. `cost`: in pico-dollars, of all of them, whatever they came to.
    `unpriced`: calls of theirs whose cost nobody knows. `unfinished`: those that have not ended by now; they are in nothing else.
    """

    completed: int
    failed: int
    cancelled: int
    unfinished: int
    cost: int
    unpriced: int

    @property
    def total(self) -> Decimal | None:
        return None if self.unpriced else to_usd(self.cost)

    @property
    def per_completed(self) -> Decimal | None:
        """What one that came to something cost: what others came to nothing for is paid as well."""
        return None if self.total is None else ratio(self.total, self.completed)


@dataclass(frozen=True)
class Designing:
    """`declared`: of how many versions people said what designing cost, and how much that is, in pico-dollars. It is in nothing
    else."""

    design: Spent
    redesign: Spent
    declared: tuple[int, int]

    @property
    def share(self) -> Decimal | None:
        """What a redesign costs, as a part of what a design costs; None where one of them is not known."""
        one, other = self.redesign.per_completed, self.design.per_completed
        return None if one is None or other is None else ratio(one, other)


def designing(extent: Extent) -> Designing:
    """Use inside a `snapshot`."""
    spent = {kind: _spent(extent, kind) for kind in Design.Kind}
    stated = [cost for _, cost in declared_designs(extent)]
    return Designing(spent[Design.Kind.DESIGN], spent[Design.Kind.REDESIGN], (len(stated), sum(stated)))


def _spent(extent: Extent, kind: Design.Kind) -> Spent:
    mine = Design.objects.filter(workflow=extent.workflow, simulated=extent.simulated, kind=kind)
    unfinished = mine.to_come().count()
    ended = mine.filter(extent.within("finished_at"), finished_at__isnull=False)
    statuses = Counter(dict(ended.order_by().values_list("status").annotate(count=Count("pk"))))
    cost, unpriced = _cost(extent, spending.calls_of(ended))
    counts = (statuses[one] for one in (Design.Status.COMPLETED, Design.Status.FAILED, Design.Status.CANCELLED))
    return Spent(*counts, unfinished=unfinished, cost=cost, unpriced=unpriced)


def _cost(extent: Extent, calls: Collection[UUID]) -> tuple[int, int]:
    """Pico-dollars of these calls with what corrects them, and how many have no price."""
    if not calls:
        return 0, 0
    found = (extent.ledger() & spending.rows_of(calls)).aggregate(
        pico=Sum("cost"), unpriced=Count("pk", filter=UNPRICED)
    )
    return found["pico"] or 0, found["unpriced"]
