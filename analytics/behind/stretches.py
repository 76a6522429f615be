"""Rows behind a figure, newest first, a page at a time. The daily cells say on which days, and of which workflows, there are any:
only those are read, however many others there are."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, TypeVar

from django.db.models import Model, Q, QuerySet

from ..extent import midnight

SIZE = 100  # rows of a page
MOST = 100_000  # rows that are read at once, to find those of a page or to add them up

One = TypeVar("One", bound=Model)


class Place(NamedTuple):
    """What cells say of a day of a workflow: how many rows of a figure there are, and how many have to be read to find them."""

    day: date
    workflow: int | None
    listed: int
    read: int


@dataclass(frozen=True)
class Stretch:
    """Whole days, `until` exclusive. `last`: there is nothing older."""

    since: date
    until: date
    workflows: frozenset[int | None]
    read: int
    last: bool

    def rows(self, moment: str, workflow: str = "workflow") -> Q:
        """By the columns that hold a row's moment and its workflow."""
        known = self.workflows - {None}
        mine = Q(**{f"{workflow}__in": known}) if known else Q(pk__in=[])
        mine = mine | Q(**{workflow: None}) if None in self.workflows else mine
        return mine & Q(**{f"{moment}__gte": midnight(self.since), f"{moment}__lt": midnight(self.until)})


def whole(places: Iterable[Place]) -> Stretch | None:
    """All of them at once; None where nothing is listed."""
    return next(_stretches(places, None, None), None)


def newest(
    places: Iterable[Place], rows: Callable[[Stretch], QuerySet[One]], upto: date | None
) -> tuple[list[One], bool]:
    """A page of rows, and whether there are older ones. `rows`: those of a stretch, newest first. `upto`: the day on which the page
    before ended. A page has fewer rows than there is room for where too many others would have to be read for them."""
    for stretch in _stretches(places, upto, SIZE):
        found = list(rows(stretch)[: SIZE + 1])
        if found:
            return found[:SIZE], len(found) > SIZE or not stretch.last
    return [], False


def _stretches(places: Iterable[Place], upto: date | None, wanted: int | None) -> Iterator[Stretch]:
    """From the newest day to the oldest, each long enough for a page. Without `wanted`, one for all."""
    days = _by_day(places)
    oldest = min((day for day, here in days.items() if _listed(here)), default=None)
    gathered: list[Place] = []
    enough = 0
    for day in sorted(days, reverse=True):
        if oldest is None or day < oldest or (upto and day > upto) or not (gathered or _listed(days[day])):
            continue
        gathered += days[day]
        enough += _listed(days[day]) if day != upto else 0  # of that day the page before may have shown all
        full = wanted is not None and (enough > wanted or sum(one.read for one in gathered) >= MOST)
        if full or day == oldest:
            yield _stretch(gathered, day == oldest)
            gathered, enough = [], 0


def _by_day(places: Iterable[Place]) -> dict[date, list[Place]]:
    days = defaultdict(list)
    for one in places:
        days[one.day].append(one)
    return days


def _listed(here: list[Place]) -> int:
    return sum(one.listed for one in here)


def _stretch(places: list[Place], last: bool) -> Stretch:
    days = [one.day for one in places]
    workflows = frozenset(one.workflow for one in places if one.listed)
    read = sum(one.read for one in places if one.workflow in workflows)
    return Stretch(min(days), max(days) + timedelta(days=1), workflows, read, last)
