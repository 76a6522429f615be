"""The escalation rate of each version of a workflow, in the order in which they went live, and whether the last one's is lower."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Min

from evaluations.statistics import Interval, newcombe, wilson
from executions.models import Execution
from workflows.models import Publication

from ..extent import Extent
from ..models import ExecutionCell
from ..reading import ALL, Only, Reading, stands_at_the_end
from ..standings import counted, escalations, stand
from .fixes import Fix, covers

MOST = 50  # versions, those that went live last
ENOUGH = 30  # executions of a version, before anything is said of it

FINISHED = ("completed", "rejected", "failed")


class Verdict(StrEnum):
    """Of the last version against the one before it: `lower` and `higher` where the interval of the difference lies on that side
    of 0."""

    LOWER = "lower"
    HIGHER = "higher"
    UNDECIDED = "undecided"
    TOO_FEW = "too_few"


@dataclass(frozen=True)
class Escalated:
    """Of one version. `moved`: executions that were run again on the version that closed their flags; they are among `finished`
    and `flagged` here, and not there: that version was made for them. `published_at`: first."""

    version: str
    published_at: datetime
    finished: int
    flagged: int
    moved: int

    @property
    def rate(self) -> float | None:
        return self.flagged / self.finished if self.finished else None

    @property
    def interval(self) -> Interval | None:
        return wilson(self.flagged, self.finished)


@dataclass(frozen=True)
class Comparison:
    """The rate of `after` less that of `before`; None where one of them has too few executions to say."""

    before: Escalated
    after: Escalated

    @property
    def enough(self) -> bool:
        return min(self.before.finished, self.after.finished) >= ENOUGH

    @property
    def difference(self) -> float | None:
        return self.after.rate - self.before.rate if self.enough else None

    @property
    def interval(self) -> Interval | None:
        if not self.enough:
            return None
        return newcombe((self.after.flagged, self.after.finished), (self.before.flagged, self.before.finished))

    @property
    def verdict(self) -> Verdict:
        if self.interval is None:
            return Verdict.TOO_FEW
        if self.interval.high < 0:
            return Verdict.LOWER
        return Verdict.HIGHER if self.interval.low > 0 else Verdict.UNDECIDED


def by_version(extent: Extent, fixed: Iterable[Fix], only: Only = ALL, most: int | None = MOST) -> list[Escalated]:
    """Those that went live before the end of these days, the oldest first. `only`: of a lane. Use inside a `snapshot`."""
    finished, flagged = _as_they_stand(extent, only)
    moved = _moved(extent, fixed, only)
    for version, (one_finished, one_flagged) in moved.changes.items():
        finished[version] += one_finished
        flagged[version] += one_flagged
    return [
        Escalated(number, at, finished[pk], flagged[pk], moved.away[pk]) for pk, number, at in _published(extent, most)
    ]


def compared(versions: Sequence[Escalated]) -> Comparison | None:
    """The last two."""
    return Comparison(*versions[-2:]) if len(versions) > 1 else None


def _published(extent: Extent, most: int | None) -> list[tuple[int, str, datetime]]:
    rows = Publication.objects.filter(version__workflow=extent.workflow).values_list("version", "version__number")
    rows = rows.annotate(first=Min("published_at")).filter(extent.before_end("first")).order_by("-first", "-version")
    return list(rows[:most])[::-1]


def _as_they_stand(extent: Extent, only: Only) -> tuple[Counter[int], Counter[int]]:
    """How many finished, and how many of them with a flag, by the id of their version."""
    reading, finished, flagged = Reading(extent), Counter(), Counter()
    for row in reading.executions(("version",), tuple(ExecutionCell.FIGURES), only):
        finished[row["version"]] += sum(row[figure] for figure in FINISHED)
        flagged[row["version"]] += row["flagged"]
    for version, (count, with_flag) in reading.escalated_by_version(extent, only).items():
        finished[version] += count
        flagged[version] += with_flag
    return finished, flagged


@dataclass(frozen=True)
class _Moved:
    """By the id of a version. `changes`: to be added to finished, and to flagged. `away`: executions run again elsewhere."""

    changes: dict[int, tuple[int, int]]
    away: Counter[int]


def _moved(extent: Extent, fixed: Iterable[Fix], only: Only) -> _Moved:
    """Every request counts once, on the version that it came to: what was flagged there and run again on the version that closed
    the flag is cancelled, and would be missing; and there it would make that version look better than new requests find it."""
    successors = {fix.execution: fix.successor for fix in fixed if fix.successor}
    finished, flagged = Counter(), Counter()
    for version, with_flag in _finished(extent, set(successors.values()), only):
        finished[version] -= 1
        flagged[version] -= with_flag
    first = set(successors) - set(successors.values())
    rows = Execution.objects.filter(pk__among=first, **only).values_list("version", "finished_at")
    away = Counter(version for version, ended_at in rows if ended_at and covers(extent, ended_at))
    finished.update(away)
    flagged.update(away)
    return _Moved({version: (finished[version], flagged[version]) for version in {*finished, *flagged}}, away)


def _finished(extent: Extent, ids: set, only: Only) -> Iterable[tuple[int, bool]]:
    """Version, and whether there was a flag, of those that count as finished in these days."""
    rows = {row.id: row for row in counted(Execution.objects.filter(pk__among=ids, **only))} if ids else {}
    for row in rows.values():
        stood = stand(row)
        if stood and extent.covers(stood.day):
            yield row.version, row.flagged
    for one in escalations(rows.values()) if rows else ():
        if stands_at_the_end(one, extent):
            yield rows[one.execution].version, one.flagged
