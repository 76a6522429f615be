"""Which all-frontier way of doing the task a summary compares with: the methods, what people stated, and the figures.

Only the one call whose answer was used counts, or what a person declared. Repairs, attempts, discarded and in-doubt
calls, and steps that a person answered count 0: our waste is never the baseline's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from gateway.prices import Price
from gateway.types import Usage
from wire.money import to_usd
from workflows.models import Baseline, Workflow

from .extent import Extent, midnight

Method = Baseline.Method


@dataclass
class AllFrontier:
    """Pico-dollars of one day. `unpriced`: used answers, or completed executions, for which there is no figure."""

    pico: int = 0
    unpriced: int = 0

    def add(self, pico: int, unpriced: int = 0) -> None:
        self.pico += pico
        self.unpriced += unpriced

    @property
    def usd(self) -> Decimal | None:
        return None if self.unpriced else to_usd(self.pico)


Days = defaultdict[date, AllFrontier]


def no_days() -> Days:
    return defaultdict(AllFrontier)


def added_up(days: Iterable[AllFrontier]) -> AllFrontier:
    total = AllFrontier()
    for one in days:
        total.add(one.pico, one.unpriced)
    return total


def method_of(workflow: Workflow | None) -> Method:
    """The method that is in force now; for a project as a whole, and where nobody stated one, the same tokens warm."""
    stated = workflow.baseline_at(timezone.now()) if workflow else None
    return Method(stated.method) if stated else Method.REPRICED_WARM


def stated_model(extent: Extent) -> str | None:
    """The model that a person stated to measure these days against, as of their end."""
    if extent.workflow is None:
        return None
    stated = extent.workflow.baselines.exclude(model="").filter(extent.before_end("valid_from"))
    last = stated.filter(valid_from__lte=timezone.now()).order_by("-valid_from", "-pk").first()
    return last.model if last else None


def reprice(price: Price | None, usage: Usage, method: Method) -> int | None:
    if price is None:
        return None
    return price.reprice_warm(usage) if method == Method.REPRICED_WARM else price.reprice_cold(usage)


class Statements:
    """What was stated from which moments on, of one workflow: a model, or a declared cost in pico-dollars."""

    def __init__(self, dated: list[tuple[datetime, object]]) -> None:
        self.dated = dated

    @classmethod
    def by_workflow(cls, extent: Extent, column: str, empty: object) -> dict[int, "Statements"]:
        """A statement without a `column` (of another method) changes none."""
        stated = Baseline.objects.filter(workflow__project=extent.project).exclude(**{column: empty})
        if extent.workflow:
            stated = stated.filter(workflow=extent.workflow)
        dated = defaultdict(list)
        for workflow, moment, value in stated.order_by("valid_from", "pk").values_list(
            "workflow", "valid_from", column
        ):
            dated[workflow].append((moment, value))
        return {workflow: cls(values) for workflow, values in dated.items()}

    @property
    def always(self) -> set[object]:
        """What it says of every moment, but for those of which it says nothing: one value, or none."""
        said = {value for _, value in self.dated}
        return said if len(said) == 1 else set()

    def change_within(self, day: date) -> bool:
        """Whether a day's first and last moments may differ."""
        start, end = midnight(day), midnight(day + timedelta(days=1))
        return any(start < moment < end for moment, _ in self.dated)

    def at(self, moment: datetime, otherwise: object = None) -> object:
        """What is in force then."""
        in_force = [value for since, value in self.dated if since <= moment]
        return in_force[-1] if in_force else otherwise

    def periods(self, field: str) -> Iterator[tuple[Q, object]]:
        """The rows between one statement and the next, with the value that was in force."""
        start, value = Q(), None
        for moment, following in self.dated:
            yield start & Q(**{f"{field}__lt": moment}), value
            start, value = Q(**{f"{field}__gte": moment}), following
        yield start, value
