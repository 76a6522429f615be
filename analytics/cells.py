"""The figures of a summary from the daily cells and what is pending: what every report shows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType

from django.db.models import OuterRef, QuerySet, Subquery

from executions.models import StepResult
from gateway import pricing
from gateway.models import Call
from gateway.types import Purpose, Usage
from workflows.models import Workflow

from . import ledger
from .baselines import AllFrontier, Days, Method, Statements, added_up, no_days, reprice
from .contributions import Row
from .discounts import batch_savings, cache_parts, cache_savings
from .extent import Extent, midnight
from .latency import merged, percentile
from .measuring import Ended
from .models import CACHE_PRICES, TOKENS, ExecutionCell
from .rates import Rates, Reported
from .reading import Reading
from .shadowed import Stratum
from .used import Used, used

KINDS_OF_CALLS = ("purpose", "trial", "reported", "batch", *CACHE_PRICES)
CACHED = ("cache_read", "cache_write_5m", "cache_write_1h")
KEPT = {Method.REPRICED_WARM: "warm", Method.REPRICED_COLD: "cold"}
PRICED = ("own", "own_priced", "warm", "warm_priced", "cold", "cold_priced")
# Where a person stated a model: what an answer was asked, to be priced anew.
RESTATED_BY = ("workflow", "day", "by_frontier", "call_day", "baseline_model", "size")
RESTATED = ("answers", *PRICED, *TOKENS, "least_prompt", "most_prompt")


class Cells:
    """A source of `costs.summarise`: of an extent from the beginning, and of windows of it. Use inside a `snapshot`. What it read
    it keeps, so a page has one. `apart`: it reads workflow by workflow, for `by_workflow` too, and no query more."""

    def __init__(self, extent: Extent, *, apart: bool = False) -> None:
        self.extent = extent
        self.reading = Reading(extent)
        self.by = ("workflow", "day") if apart else ("day",)

    def accounts(self) -> Iterator[tuple[date, str, int, int]]:
        for row in self.paid:
            yield row["day"], row["account"], row["cost"], row["unpriced"]

    def completed(self) -> dict[date, int]:
        days: dict[date, int] = defaultdict(int)
        for row in self.ended:
            if row["completed"]:
                days[row["day"]] += row["completed"]
        return days

    def completed_strata(self) -> list[Ended]:
        return [one for mine in self.strata_by_workflow.values() for one in mine]

    @cached_property
    def strata_by_workflow(self) -> dict[int, list[Ended]]:
        found: dict[int, list[Ended]] = defaultdict(list)
        figures = ("completed", "completed_flagged")
        for row in self.reading.executions(("workflow", "version", "day"), figures):
            with_flag, all_of_them = row["completed_flagged"], row["completed"]
            for flagged, count in ((False, all_of_them - with_flag), (True, with_flag)):
                if count:
                    ended = Ended(row["day"], row["workflow"], Stratum(row["version"], flagged), count)
                    found[row["workflow"]].append(ended)
        return found

    def all_frontier(self, method: Method, only: Row = MappingProxyType({})) -> Days:
        """`only`: of the answers of one version or step; of what is repriced, and of nothing that is declared."""
        days = no_days()
        for mine in self.all_frontier_apart(method, only).values():
            for day, one in mine.items():
                days[day].add(one.pico, one.unpriced)
        return days

    def all_frontier_apart(self, method: Method, only: Row = MappingProxyType({})) -> dict[int | None, Days]:
        """By workflow, where it reads them apart; else all of them as None."""
        if only and method != Method.DECLARED:
            return self._repriced(method, only)
        if method not in self._frontier:
            self._frontier[method] = self._declared() if method == Method.DECLARED else self._repriced(method)
        return self._frontier[method]

    def all_frontier_of_step(self, workflow: int, version: int, step: str) -> AllFrontier:
        """Repriced warm, of all that this version of the workflow ever completed."""
        apart = self._repriced(Method.REPRICED_WARM, {"workflow": workflow, "version": version, "step": step})
        return added_up(one for days in apart.values() for one in days.values())

    def used(self, window: Extent) -> Used:
        figures = ("answers", "own", "own_priced", *CACHED, "batch_saved", "batch_unknown")
        rows = self.reading.answers(("by_frontier", *CACHE_PRICES), figures, window=window)
        ours = [row for row in rows if not row["by_frontier"]]
        return used(
            own=sum(row["own"] for row in rows),
            unpriced=sum(row["answers"] - row["own_priced"] for row in rows),
            cached=((row[kind], row["price_input"], row[f"price_{kind}"]) for row in ours for kind in CACHED),
            batched=sum(row["batch_saved"] for row in ours),
            unknown=sum(row["batch_unknown"] for row in ours),
        )

    def pinned_model(self, window: Extent) -> str | None:
        """The cells say on which day the last one completed: only there it is looked for, workflow by workflow."""
        mine = window.workflow and "workflow" in self.by and window.workflow.pk
        days = (row["day"] for row in self.ended if row["completed"] and (not mine or row["workflow"] == mine))
        last_day = max((day for day in days if window.covers(day)), default=None)
        if last_day is None:
            return None
        completed = _one_day(window, last_day).completed().filter(workflow=OuterRef("pk"))
        completed = completed.order_by("-finished_at", "-pk")
        last = Workflow.objects.filter(pk__in=[workflow.pk for workflow in window.workflows()]).annotate(
            at=Subquery(completed.values("finished_at")[:1]),
            execution=Subquery(completed.values("pk")[:1]),
            model=Subquery(completed.values("baseline_model")[:1]),
        )
        return last.exclude(at=None).order_by("-at", "-execution").values_list("model", flat=True).first()

    def rates(self, window: Extent) -> Rates:
        ended = [row for row in self.ended if window.covers(row["day"])]
        made = [row for row in self._calls(window) if not row["reported"] and not row["trial"]]
        escalated, flagged = self.reading.escalated(window)
        latencies = merged(self.reading.histograms(window).values())
        return Rates(
            executions=sum(row["accepted"] for row in ended),
            finished=sum(row["completed"] + row["rejected"] + row["failed"] for row in ended) + escalated,
            escalated=sum(row["flagged"] for row in ended) + flagged,
            step_calls=sum(row["calls"] for row in made if row["purpose"] == Purpose.STEP),
            repair_calls=sum(row["calls"] for row in made if row["purpose"] == Purpose.REPAIR),
            p50_ms=percentile(latencies, 50),
            p95_ms=percentile(latencies, 95),
        )

    def reported(self, window: Extent) -> Reported:
        calls = [row for row in self._calls(window) if row["reported"]]
        return Reported(
            executions=sum(row["reported"] for row in self.ended if window.covers(row["day"])),
            **{figure: sum(row[figure] for row in calls) for figure in ("calls", "cost", "unpriced")},
        )

    def cache_savings(self, window: Extent) -> Decimal | None:
        rows = [row for row in self._calls(window) if not row["reported"]]
        return cache_savings((row[kind], row["price_input"], row[f"price_{kind}"]) for row in rows for kind in CACHED)

    def cache_parts(self, window: Extent) -> tuple[Decimal | None, Decimal | None]:
        """What reading took off, and what writing added."""
        rows = [row for row in self._calls(window) if not row["reported"]]
        priced = {kind: [(row[kind], row["price_input"], row[f"price_{kind}"]) for row in rows] for kind in CACHED}
        return cache_parts(priced["cache_read"], [*priced["cache_write_5m"], *priced["cache_write_1h"]])

    def batch_savings(self, window: Extent) -> Decimal | None:
        rows = [row for row in self._calls(window) if not row["reported"]]
        return batch_savings(None if row["batch_unknown"] else row["batch_saved"] for row in rows)

    @cached_property
    def paid(self) -> list[Row]:
        """Cost and calls without a price, by day and account."""
        return self.reading.calls((*self.by, "account"), ("cost", "unpriced"), only={"reported": False})

    @cached_property
    def ended(self) -> list[Row]:
        """What became of executions, by day."""
        return self.reading.executions(self.by, tuple(ExecutionCell.FIGURES))

    def _calls(self, window: Extent) -> list[Row]:
        if window not in self._kinds:
            figures = ("calls", "unpriced", "cost", *CACHED, "batch_saved", "batch_unknown")
            self._kinds[window] = self.reading.calls(KINDS_OF_CALLS, figures, window=window)
        return self._kinds[window]

    @cached_property
    def _kinds(self) -> dict[Extent, list[Row]]:
        return {}

    @cached_property
    def _frontier(self) -> dict[Method, dict[int | None, Days]]:
        return {}

    @cached_property
    def _models(self) -> dict[int, Statements]:
        """What was stated of a model, where it may be another one than the calls were written with."""
        stated = Statements.by_workflow(self.extent, "model", "")
        if not stated:
            return {}
        kept: dict[int, set[str]] = defaultdict(set)
        for row in self.reading.answers(("workflow", "baseline_model"), ("answers",), of=list(stated)):
            kept[row["workflow"]].add(row["baseline_model"])
        return {workflow: one for workflow, one in stated.items() if kept[workflow] - one.always}

    @cached_property
    def _restatable(self) -> list[Row]:
        return self._restatable_of({})

    def _restatable_of(self, only: Mapping[str, object]) -> list[Row]:
        """What is looked at again, of the others."""
        models = list(self._models)
        return self.reading.answers(RESTATED_BY, RESTATED, of=models, only=only) if models else []

    def _kept_of(self, method: Method, only: Mapping[str, object]) -> Iterator[tuple[int | None, date, int, int]]:
        """(workflow, day, pico-dollars, without a price) as kept, where nobody stated another model."""
        figure, priced = f"{KEPT[method]}_frontier", f"{KEPT[method]}_frontier_priced"
        for row in self.reading.answers(self.by, ("answers", figure, priced), but=list(self._models), only=only):
            if row["answers"]:
                yield row.get("workflow"), row["day"], row[figure], row["answers"] - row[priced]

    def _key(self, workflow: int | None) -> int | None:
        return workflow if "workflow" in self.by else None

    def _declared(self) -> dict[int | None, Days]:
        apart: dict[int | None, Days] = defaultdict(no_days)
        stated = Statements.by_workflow(self.extent, "cost_per_execution", None)
        for row in self.reading.executions(("workflow", "day"), ("completed",)):
            workflow, day, count = row["workflow"], row["day"], row["completed"]
            if not count:
                continue
            days = apart[self._key(workflow)]
            statements = stated.get(workflow, Statements([]))
            if statements.change_within(day):
                ledger.declare(days, _one_day(self.extent, day).completed().filter(workflow=workflow), statements)
                continue
            cost = statements.at(midnight(day))
            days[day].add(count * (cost or 0), count if cost is None else 0)
        return apart

    def _repriced(self, method: Method, only: Row = MappingProxyType({})) -> dict[int | None, Days]:
        """Where nobody stated a model, the figures that were kept are added up; elsewhere each cell is looked at. `only`: what
        some of their columns have to be."""
        apart: dict[int | None, Days] = defaultdict(no_days)
        stated = self._models
        for workflow, day, pico, unpriced in self._kept_of(method, only):
            apart[workflow][day].add(pico, unpriced)
        by_call_day = defaultdict(list)
        for row in self._restatable_of(only) if only else self._restatable:
            by_call_day[row["workflow"], row["call_day"]].append(row)
        for (workflow, call_day), rows in by_call_day.items():
            days = apart[self._key(workflow)]
            figures = self._restated(rows, call_day, stated[workflow], method)
            if figures is None:
                ledger.reprice_answers(days, self._answers_of(workflow, call_day, only), method)
            for day, pico, unpriced in figures or ():
                days[day].add(pico, unpriced)
        return apart

    def _restated(
        self, rows: list[Row], call_day: date, stated: Statements, method: Method
    ) -> list[tuple[date, int, int]] | None:
        """(day, pico-dollars, without a price) of the answers to a workflow's calls of one day. None where their sum
        cannot be repriced exactly: the model changed in the middle of the day, or its price is not the same for all."""
        if stated.change_within(call_day):
            return None
        project, at = self.extent.project.pk, midnight(call_day)
        figures = []
        for row in rows:
            model = stated.at(at, row["baseline_model"])
            if row["by_frontier"] or model == row["baseline_model"]:
                figures.append((row["day"], *_kept(row, method)))
                continue
            price = pricing.price(project, model, at, row["least_prompt"])
            flat = pricing.is_flat(project, model, call_day, row["least_prompt"], row["most_prompt"])
            if not flat or (price and not price.is_whole):
                return None
            pico = reprice(price, Usage(**{kind: row[kind] for kind in TOKENS}), method)
            figures.append((row["day"], pico or 0, row["answers"] if pico is None else 0))
        return figures

    def _answers_of(self, workflow: int, call_day: date, only: Row) -> QuerySet[StepResult]:
        on_that_day = _one_day(self.extent, call_day).within("finished_at")
        calls = Call.objects.filter(on_that_day, project=self.extent.project.pk, workflow=workflow)
        answers = ledger.used_answers(self.extent.completed().filter(workflow=workflow), self.extent, workflow)
        if "version" in only:
            answers = answers.filter(execution__version=only["version"])
        if "step" in only:
            answers = answers.filter(step=only["step"])
        return answers.filter(call__in=calls.values("pk"), execution__in=calls.values("execution"))


def _one_day(extent: Extent, day: date) -> Extent:
    return replace(extent, since=day, until=day + timedelta(days=1))


def _kept(row: Row, method: Method) -> tuple[int, int]:
    """(pico-dollars, without a price) as the ledger kept them when the calls were made."""
    figure = "own" if row["by_frontier"] else KEPT[method]
    return row[figure], row["answers"] - row[f"{figure}_priced"]
