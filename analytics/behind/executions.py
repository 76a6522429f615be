"""The executions behind a count of a report: as it counts them, by the day they finished, were accepted, or came to wait."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property
from types import MappingProxyType
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from executions.models import Execution, Flag, Status
from gateway.models import Call
from wire.money import to_usd

from ..contributions import Row
from ..exact import Total
from ..extent import UNPRICED, Extent
from ..models import ExecutionCell
from ..reading import Reading
from .calls import Added
from .stretches import MOST, SIZE, Place, Stretch, newest, whole

ENDED = Q(status__in=[Status.COMPLETED, Status.FAILED])
FLAGGED = Q(Exists(Flag.objects.escalating().filter(execution=OuterRef("pk"))))
WRONG = Q(status=Status.COMPLETED, judged_right=False)
WAITING = "waiting"


@dataclass(frozen=True)
class Which:
    """`cells`: how many of a row of cells. `waiting`: that those belong to it too that waited for a person at the end of the days,
    all or those with a flag; they are listed apart."""

    rows: Q
    cells: Callable[[Row], int]
    moment: str = "finished_at"
    waiting: str = ""


OF_EXECUTIONS: dict[str, Which] = {
    "accepted": Which(Q(), lambda row: row["accepted"], "created_at"),
    "completed": Which(Q(status=Status.COMPLETED) & ~WRONG, lambda row: row["completed"]),
    "rejected": Which(WRONG, lambda row: row["rejected"]),
    "failed": Which(Q(status=Status.FAILED), lambda row: row["failed"]),
    "flagged": Which(ENDED & FLAGGED, lambda row: row["flagged"]),
    "escalated": Which(ENDED & FLAGGED, lambda row: row["flagged"], waiting="flagged"),
    "finished": Which(ENDED, lambda row: row["completed"] + row["rejected"] + row["failed"], waiting="all"),
    "reported": Which(Q(), lambda row: row["reported"]),
}
NAMES = (*OF_EXECUTIONS, WAITING)


@dataclass
class Told:
    """What a list says of an execution beside its own row: what its own calls cost so far, and its flags by reason."""

    spent: Added = field(default_factory=lambda: Added(0, to_usd(0)))
    flags: dict[str, int] = field(default_factory=dict)


class Executions:
    """The executions behind one of `NAMES`. `only`: what `version` and `lane` have to be. Use inside a `snapshot`."""

    def __init__(self, extent: Extent, which: str, only: Mapping[str, object] = MappingProxyType({})) -> None:
        self.extent, self.name, self.only = extent, which, dict(only)
        self.which = OF_EXECUTIONS.get(which)
        self.reading = Reading(extent)

    @cached_property
    def by_cells(self) -> int | None:
        """What reports say of it, without those that are listed apart. None: what is accepted has no lane yet."""
        if self.which is None:
            return self.waiting
        if self.name == "accepted" and "lane" in self.only:
            return None
        return sum(place.listed for place in self._places)

    @cached_property
    def waiting(self) -> int:
        """Of those that waited for a person at the end of the days, how many belong to it."""
        wanted = self.which.waiting if self.which else "all"
        if not wanted:
            return 0
        if self.only:
            counts = self.reading.escalated_by(self.extent, tuple(self.only))
            mine = [found for key, found in counts.items() if key == tuple(self.only.values())]
        else:
            mine = [self.reading.escalated(self.extent)]
        return sum(flagged if wanted == "flagged" else count for count, flagged in mine)

    @cached_property
    def by_rows(self) -> int | None:
        """What the rows themselves say. None where there are too many to be read for it."""
        if self.which is None:
            return self._standing()[: MOST + 1].count() if (self.waiting or 0) <= MOST else None
        all_of_them = whole(self._places)
        if all_of_them is None:
            return 0
        return self.rows(all_of_them).count() if all_of_them.read <= MOST else None

    def page(self, after: UUID | None = None) -> tuple[list[Execution], bool]:
        """A page of them, newest first, behind that one; and whether there are more."""
        last = after and self._theirs().filter(pk=after).only("created_at", "finished_at").first()
        if after and last is None:
            return [], False
        moment = self.which.moment if self.which else "created_at"

        def ordered(rows: QuerySet[Execution]) -> QuerySet[Execution]:
            rows = rows.order_by(f"-{moment}", "-pk").select_related("version", "workflow")
            rows = rows.defer("input", "output", "metadata", "tier_map", "version__definition")
            return rows.filter(_behind(moment, last)) if last else rows

        if self.which is None:
            found = list(ordered(self._standing())[: SIZE + 1])
            return found[:SIZE], len(found) > SIZE
        upto = last and getattr(last, moment)
        return newest(self._places, lambda some: ordered(self.rows(some)), upto and upto.astimezone(UTC).date())

    def rows(self, stretch: Stretch) -> QuerySet[Execution]:
        return self._theirs().filter(stretch.rows(self.which.moment), self.which.rows, **self.only)

    def _theirs(self) -> QuerySet[Execution]:
        return self.extent.reported() if self.name == "reported" else self.extent.executions()

    def _standing(self) -> QuerySet[Execution]:
        return self._theirs().filter(self.reading.standing(self.extent), **self.only)

    @cached_property
    def _places(self) -> list[Place]:
        """What is accepted stands in cells without a lane, whatever lane it has been given since."""
        only = {} if self.name == "accepted" else {name: self.only[name] for name in ("lane",) if name in self.only}
        only |= {"version": self.only["version"]} if "version" in self.only else {}
        by = ("workflow", "day", *only)
        return [
            self._place(row, all(row[name] == value for name, value in only.items()))
            for row in self.reading.executions(by, tuple(ExecutionCell.FIGURES))
        ]

    def _place(self, row: Row, is_asked: bool) -> Place:
        ended = row["completed"] + row["rejected"] + row["failed"] + row["reported"]
        read = row["accepted"] if self.name == "accepted" else ended
        return Place(row["day"], row["workflow"], self.which.cells(row) if is_asked else 0, read)


def told(rows: list[Execution]) -> dict[UUID, Told]:
    """Two queries for a page."""
    ids = [row.pk for row in rows]
    found: dict[UUID, Told] = defaultdict(Told)
    spent = Call.objects.filter(execution__among=ids).order_by().values("execution")
    sums = spent.annotate(calls=Count("pk"), total=Total("cost"), unpriced=Count("pk", filter=UNPRICED))
    for execution, calls, total, unpriced in sums.values_list("execution", "calls", "total", "unpriced"):
        found[execution].spent = Added(calls, to_usd(total), unpriced)
    flags = Flag.objects.filter(execution__in=ids).order_by("reason").values("execution", "reason")
    for execution, reason, count in flags.annotate(count=Count("pk")).values_list("execution", "reason", "count"):
        found[execution].flags[reason] = count
    return found


def _behind(moment: str, last: Execution) -> Q:
    at = getattr(last, moment)
    return Q(**{f"{moment}__lte": at}) & (Q(**{f"{moment}__lt": at}) | Q(**{moment: at}, pk__lt=last.pk))
