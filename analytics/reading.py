"""Reading: what the daily cells say of an extent, and what the rows say that are not in a cell yet, added up.

A `Reading` is of one moment: it is made and asked inside one `snapshot`.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from types import MappingProxyType

from django.db.models import Count, Q, QuerySet

from executions.models import Execution
from gateway.models import Call

from . import latency
from .accounts import ACCOUNT
from .contributions import COUNTED_AS, Row, added, counted_as, of_asked, of_calls, totals
from .extent import Extent
from .latency import Histogram
from .models import AnswerCell, AskedCell, CallCell, DailyCell, Escalation, ExecutionCell, LatencyCell, Pending
from .standings import Changes, changes, parts

Only = Mapping[str, object]
ALL: Only = MappingProxyType({})


class Reading:
    """The figures of an extent, by columns of a cell's key. `window`: of some of its days only. `only`: what some columns of the
    key, which a row of the ledger or an execution has too, have to be."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent

    def calls(
        self, by: Sequence[str], figures: Sequence[str], only: Only = ALL, *, window: Extent | None = None
    ) -> list[Row]:
        """`batch` has to be among `by` where a figure of batches is asked for. `account`, which is in no key, may be."""
        window = window or self.extent
        here = window.within("finished_at") & Q(simulated=window.simulated)
        mine = Call.objects.filter(here, **only)
        new, corrected = (mine.filter(pk__in=self._pending(column)) for column in ("call", "corrects"))
        cells = self._cells(CallCell, window).filter(**only).annotate(account=ACCOUNT)
        return _together(CallCell, totals(cells, by, figures), of_calls(new, corrected, by), by, figures)

    def executions(self, by: Sequence[str], figures: Sequence[str], only: Only = ALL) -> list[Row]:
        """What is accepted has no lane: with one among `only` it is not there."""
        pending = self._here((row for changed in self._changes for row in changed.executions), self.extent)
        folded = totals(self._cells(ExecutionCell, self.extent).filter(**only), by, figures)
        return _together(ExecutionCell, folded, _those(pending, only), by, figures)

    def answers(
        self,
        by: Sequence[str],
        figures: Sequence[str],
        *,
        of: Container[int] = (),
        but: Container[int] = (),
        only: Only = ALL,
        window: Extent | None = None,
    ) -> list[Row]:
        """Those of some workflows, or of all but some."""
        window = window or self.extent
        cells = self._cells(AnswerCell, window).filter(**only).annotate(**COUNTED_AS)
        cells = cells.filter(workflow__in=of) if of else cells
        folded = totals(cells.exclude(workflow__in=but) if but else cells, by, figures)
        pending = self._here((row for changed in self._changes for row in changed.answers), window)
        wanted = (
            row | counted_as(row)
            for row in _those(pending, only)
            if (not of or row["workflow"] in of) and row["workflow"] not in but
        )
        return _together(AnswerCell, folded, wanted, by, figures)

    def histograms(self, window: Extent) -> dict[date, Histogram]:
        """The latencies of what completed on each day."""
        return {day: histogram for (day,), histogram in self.latencies(window, ("day",)).items()}

    def latencies(self, window: Extent, by: Sequence[str], only: Only = ALL) -> dict[tuple, Histogram]:
        """The same by these columns. A project has cells of its own, which tell no workflows apart."""
        apart = window.workflow is None and not {"workflow", "version"}.isdisjoint((*by, *only))
        cells = self._mine(LatencyCell).filter(window.days("day"), workflow__isnull=not (window.workflow or apart))
        cells = cells.filter(**only)
        found: dict[tuple, Histogram] = {}
        for *key, histogram in cells.values_list(*by, "histogram").iterator():
            latency.merge(found.setdefault(tuple(key), {}), histogram)
        for changed in self._changes:
            for key, histogram in changed.latencies.items():
                row = dict(zip(LatencyCell.KEY, key, strict=True))
                told_apart = row["workflow"] is not None
                if (
                    told_apart == bool(window.workflow or apart)
                    and row["simulated"] == window.simulated
                    and window.covers(row["day"])
                    and _is(row, only)
                ):
                    latency.merge(found.setdefault(tuple([row[name] for name in by]), {}), histogram)
        return found

    def asked(self, by: Sequence[str], only: Only = ALL) -> dict[tuple, tuple[Histogram, Histogram]]:
        """How long answered calls took, and their prefixes."""
        here = self.extent.within("finished_at") & Q(simulated=self.extent.simulated)
        found = of_asked(Call.objects.filter(here, pk__in=self._pending("call"), **only), by)
        cells = self._cells(AskedCell, self.extent).filter(**only)
        for *key, histogram, prefixes in cells.values_list(*by, *AskedCell.HISTOGRAMS).iterator():
            mine = found.setdefault(tuple(key), ({}, {}))
            latency.merge(mine[0], histogram)
            latency.merge(mine[1], prefixes)
        return found

    def escalated(self, window: Extent) -> tuple[int, int]:
        """Executions that came to be escalated in these days and were so at their end, and those of them with a flag."""
        flags = list(self._folded_escalations(window).values_list("flagged", flat=True))
        flags += [one.flagged for one in self._pending_escalations(window)]
        return len(flags), sum(flags)

    def standing(self, window: Extent) -> Q:
        """Those executions themselves."""
        new = {one.execution for one in self._pending_escalations(window)}
        return Q(pk__in=self._folded_escalations(window).values("execution")) | Q(pk__among=new)

    def escalated_by_workflow(self, window: Extent) -> dict[int, tuple[int, int]]:
        """The same for each workflow that has any."""
        folded = self._folded_escalations(window).values("workflow").order_by()
        rows = folded.annotate(count=Count("pk"), with_flag=Count("pk", filter=Q(flagged=True)))
        found = {
            workflow: (count, flagged)
            for workflow, count, flagged in rows.values_list("workflow", "count", "with_flag")
        }
        for one in self._pending_escalations(window):
            count, flagged = found.get(one.workflow, (0, 0))
            found[one.workflow] = (count + 1, flagged + one.flagged)
        return found

    def escalated_by_version(self, window: Extent, only: Only = ALL) -> dict[int, tuple[int, int]]:
        """The same for each version that has any."""
        return {version: counts for (version,), counts in self.escalated_by(window, ("version",), only).items()}

    def escalated_by_day(self, only: Only = ALL) -> dict[tuple[date], tuple[int, int]]:
        """The same for each day by itself: what was escalated at its end, whatever became of it on a later one."""
        kept = (
            self._mine(Escalation).filter(self.extent.days("began")).exclude(execution__in=self._pending("execution"))
        )
        rows = [_stretch(one) for one in kept]
        new = (_stretch(one) for changed in self._changes for one in changed.escalations)
        rows += self._here(new, self.extent)
        if only:
            among = Execution.objects.filter(pk__among={row["execution"] for row in rows}, **only)
            mine = set(among.values_list("pk", flat=True))
            rows = [row for row in rows if row["execution"] in mine]
        found = [(row["day"], row["flagged"]) for row in rows]
        both, flagged = Counter(day for day, _ in found), Counter(day for day, with_flag in found if with_flag)
        return {(day,): (count, flagged[day]) for day, count in both.items()}

    def escalated_by(self, window: Extent, by: Sequence[str], only: Only = ALL) -> dict[tuple, tuple[int, int]]:
        """The same by columns of an execution."""
        pending = list(self._pending_escalations(window))
        found: dict[bool, Counter[tuple]] = {}
        for flagged in (True, False):
            folded = self._folded_escalations(window).filter(flagged=flagged).values("execution")
            new = {one.execution for one in pending if one.flagged == flagged}
            found[flagged] = _counted(Q(pk__in=folded, **only), by) + _counted(Q(pk__among=new, **only), by)
        both = found[True] + found[False]
        return {key: (count, found[True][key]) for key, count in both.items()}

    def _folded_escalations(self, window: Extent) -> QuerySet[Escalation]:
        at_the_end = Q(ended=None) if window.until is None else Q(ended=None) | Q(ended__gte=window.until)
        kept = self._mine(Escalation).filter(window.days("began"), at_the_end)
        return kept.exclude(execution__in=self._pending("execution"))

    def _pending_escalations(self, window: Extent) -> Iterator[Escalation]:
        for changed in self._changes:
            for one in changed.escalations:
                if one.simulated == window.simulated and stands_at_the_end(one, window):
                    yield one

    def exists(self) -> bool:
        """Whether there is a production execution or a call at all."""
        if self._mine(CallCell).exists() or self._mine(ExecutionCell).exists():
            return True
        pending = any(self._here((row for changed in self._changes for row in changed.executions), self.extent))
        return pending or Call.objects.filter(pk__in=self._pending("call"), simulated=self.extent.simulated).exists()

    @cached_property
    def _changes(self) -> list[Changes]:
        """What the executions change that are not folded yet."""
        accepted = {}
        for execution, new in self._pending("execution").values_list("execution", "accepted"):
            accepted[execution] = accepted.get(execution, False) or new
        return [changes(part, {one for one in part if accepted[one]}) for part in parts(list(accepted))]

    def _waiting(self) -> QuerySet[Pending]:
        waiting = Pending.objects.filter(project=self.extent.project.pk)
        return waiting.filter(workflow=self.extent.workflow.pk) if self.extent.workflow else waiting

    def _pending(self, column: str) -> QuerySet[Pending]:
        """The ids of one column; where there are none, the database is not asked."""
        named = self._waiting().filter(**{f"{column}__isnull": False}).values(column)
        return named if self._named[column] else named.none()

    @cached_property
    def _named(self) -> dict[str, int]:
        return self._waiting().aggregate(**{column: Count(column) for column in ("call", "corrects", "execution")})

    def _mine(self, model: type) -> QuerySet:
        mine = model.objects.filter(project=self.extent.project.pk, simulated=self.extent.simulated)
        return mine.filter(workflow=self.extent.workflow.pk) if self.extent.workflow else mine

    def _cells(self, model: type[DailyCell], window: Extent) -> QuerySet:
        return self._mine(model).filter(window.days("day"))

    def _here(self, rows: Iterable[Row], window: Extent) -> Iterator[Row]:
        return (row for row in rows if row["simulated"] == window.simulated and window.covers(row["day"]))


def stands_at_the_end(one: Escalation, window: Extent) -> bool:
    """Whether it came to be escalated in these days, and was so at their end."""
    ends_later = one.ended is None or (window.until is not None and one.ended >= window.until)
    return window.covers(one.began) and ends_later


def _stretch(one: Escalation) -> Row:
    return {"execution": one.execution, "simulated": one.simulated, "day": one.began, "flagged": one.flagged}


def _those(rows: Iterable[Row], only: Only) -> Iterator[Row]:
    return (row for row in rows if _is(row, only))


def _is(row: Row, only: Only) -> bool:
    return all(row[name] == value for name, value in only.items())


def _counted(which: Q, by: Sequence[str]) -> Counter[tuple]:
    rows = Execution.objects.filter(which).order_by().values_list(*by)
    return Counter({tuple(key): count for *key, count in rows.annotate(count=Count("pk"))})


def _together(
    model: type[DailyCell], folded: list[Row], pending: Iterable[Row], by: Sequence[str], figures: Sequence[str]
) -> list[Row]:
    """Where nothing is pending, which is most of the time, the database has added everything up."""
    waiting = list(pending)
    return list(added(model, [*folded, *waiting], by, figures).values()) if waiting or not by else folded
