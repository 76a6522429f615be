"""What the shadows of a workflow say: how often the frontier came to the same result, and what one execution costs there and here;
in all, by stratum, by version, by step and over time. What is said of money is what the method measured says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from shadows import figures
from shadows.measurements import Measurement, counted, steps
from shadows.models import Shadow, Subject
from wire.money import to_usd
from workflows.models import Version

from .cells import Cells
from .extent import Extent
from .measuring import Measured, Measuring
from .savings import ratio
from .shadowed import FEWEST, Completed, Share, Stratum
from .snapshot import snapshot

WEEKS = 26  # that are told apart; of a longer time, months
Status = Shadow.Status


class Part(NamedTuple):
    """A stratum. `cost`: pico-dollars of all its `shadows`. `lends`: whose mean stands for it where it has none."""

    version: str
    flagged: bool
    completed: int
    shadows: int
    share: Share
    cost: int
    lends: str | None

    @property
    def mean(self) -> Decimal | None:
        return ratio(to_usd(self.cost), self.shadows)


class OfVersion(NamedTuple):
    """`there`: the mean of its shadows; `here`: what executing it cost, for each that completed. In USD."""

    version: str
    share: Share
    there: Decimal | None
    here: Decimal | None


class Period(NamedTuple):
    """A week or a month, by its first day."""

    begins: date
    share: Share


@dataclass(frozen=True)
class Agreement:
    """Of one workflow, subject and kind of money. `drawn`: what became of those that were drawn, by status; `others`: how many were
    drawn of other kinds, which are never put together with these. `here`: as of a version, of all. `stepwise`: of the newest 1,000.
    The newest parts and versions come first, the oldest period."""

    extent: Extent
    measured: Measured
    completed: int
    here: Decimal | None
    drawn: Mapping[str, int]
    others: Mapping[figures.Kind, int]
    parts: list[Part]
    versions: list[OfVersion]
    periods: list[Period]
    monthly: bool
    stepwise: dict[str, Share]

    @property
    def share(self) -> Share:
        return self.measured.share

    @property
    def missing(self) -> int:
        """Shadows, until anything is said."""
        return max(FEWEST - self.measured.n, 0)

    @property
    def there(self) -> Decimal | None:
        """What a completed execution would have cost, in USD."""
        cost = self.measured.cost
        return None if cost is None or self.missing else ratio(to_usd(cost), self.completed)

    @property
    def there_interval(self) -> tuple[Decimal, Decimal] | None:
        ends = self.measured.interval
        if not ends or not self.completed:
            return None
        low, high = (to_usd(end) / self.completed for end in ends)
        return low, high

    @property
    def left_out(self) -> int:
        """That came to an answer, and do not count: without a price, of an answer that was rejected, by another model or prompt."""
        return self.drawn.get(Status.COMPLETED, 0) - self.measured.n


def agreement(extent: Extent, subject: Subject | None = None) -> Agreement:
    """Of an extent of one workflow; without a subject, of the one that its baseline is about."""
    workflow = extent.workflow
    with snapshot():
        source = Cells(extent)
        measuring = Measuring(source, subject, extent)
        measured, completed = measuring.measured(extent), measuring.completed(extent)
        shadows, costs = measuring.shadows(workflow.pk, extent), _costs(source)
        numbers = _numbers({*(stratum.version for stratum in completed), *(one.version for one in shadows)})
        kind = (measured.subject.value, extent.simulated)
        drawn = figures.tally(workflow, extent.since, extent.until)
        found = steps(_those(extent, measured)) if shadows else {}
    by_version = _by_version(completed)
    monthly = is_monthly(shadows)
    return Agreement(
        extent=extent,
        measured=measured,
        completed=sum(completed.values()),
        here=_each(sum(costs.values()) if None not in costs.values() else None, sum(completed.values())),
        drawn=drawn.get(kind, {}),
        others={other: sum(counts.values()) for other, counts in drawn.items() if other != kind},
        parts=parts(completed, shadows, numbers),
        versions=[
            OfVersion(numbers[pk], share(mine), _mean(mine), _each(costs.get(pk, 0), by_version[pk]))
            for pk, mine in sorted(_grouped(shadows).items(), reverse=True)
        ],
        periods=periods(shadows, monthly),
        monthly=monthly,
        stepwise={step: Share(*counts) for step, counts in found.items()},
    )


def disagreements(found: Agreement) -> QuerySet[Shadow]:
    """The newest first."""
    differ = _those(found.extent, found.measured).filter(same=False).select_related("version__workflow", "past")
    wanted = ("day", "flagged", "said", "steps", "execution", "version__number", "version__workflow__name")
    return differ.order_by("-day", "-pk").only(*wanted, "past__purged_at")


def _those(extent: Extent, measured: Measured) -> QuerySet[Shadow]:
    days = {"since": extent.since, "until": extent.until}
    found = counted(extent.workflow.pk, measured.subject, simulated=extent.simulated, **days)
    return found.filter(model=measured.model or "")


def parts(completed: Completed, shadows: Sequence[Measurement], numbers: Mapping[int, str]) -> list[Part]:
    """The strata in which anything completed or was shadowed."""
    by: dict[Stratum, list[Measurement]] = defaultdict(list)
    for one in shadows:
        by[Stratum(one.version, one.flagged)].append(one)
    found = []
    for stratum in sorted({*completed, *by}, key=lambda one: (-one.version, one.flagged)):
        mine, version = by.get(stratum, ()), numbers[stratum.version]
        lends = None if mine else _lends(stratum, by)
        cost = sum(one.cost for one in mine)
        found.append(Part(version, stratum.flagged, completed.get(stratum, 0), len(mine), share(mine), cost, lends))
    return found


def _lends(stratum: Stratum, by: Mapping[Stratum, object]) -> str | None:
    """As `shadowed.estimate` borrows."""
    if stratum._replace(flagged=not stratum.flagged) in by:
        return "the others of this version"
    return "all the others" if by else None


def share(shadows: Iterable[Measurement]) -> Share:
    said = [one.same for one in shadows if one.same is not None]
    return Share(sum(said), len(said))


def is_monthly(shadows: Sequence[Measurement]) -> bool:
    """They come by their days."""
    return bool(shadows) and shadows[-1].day - shadows[0].day > timedelta(weeks=WEEKS)


def periods(shadows: Iterable[Measurement], monthly: bool) -> list[Period]:
    """Those in which something was compared."""
    by: dict[date, list[Measurement]] = defaultdict(list)
    for one in shadows:
        if one.same is not None:
            by[one.day.replace(day=1) if monthly else one.day - timedelta(days=one.day.weekday())].append(one)
    return [Period(begins, share(mine)) for begins, mine in sorted(by.items())]


def _grouped(shadows: Iterable[Measurement]) -> dict[int, list[Measurement]]:
    by: dict[int, list[Measurement]] = defaultdict(list)
    for one in shadows:
        by[one.version].append(one)
    return by


def _mean(shadows: Sequence[Measurement]) -> Decimal | None:
    return ratio(to_usd(sum(one.cost for one in shadows)), len(shadows))


def _each(pico: int | None, count: int) -> Decimal | None:
    return None if pico is None else ratio(to_usd(pico), count)


def _by_version(completed: Completed) -> dict[int, int]:
    by: dict[int, int] = defaultdict(int)
    for stratum, count in completed.items():
        by[stratum.version] += count
    return by


def _costs(source: Cells) -> dict[int, int | None]:
    """Version → pico-dollars of executing it. None: a call has no price."""
    found: dict[int, int | None] = {}
    for row in source.reading.calls(("version", "account", "reported"), ("cost", "unpriced")):
        if row["reported"] or row["account"] != "execution_cost":
            continue
        so_far = found.get(row["version"], 0)
        found[row["version"]] = None if so_far is None or row["unpriced"] else so_far + row["cost"]
    return found


def _numbers(versions: set[int]) -> dict[int, str]:
    return dict(Version.objects.filter(pk__in=versions).values_list("pk", "number"))
