"""The figures of a summary from the daily cells and what is pending: what every report shows."""

from collections import defaultdict
from collections.abc import Iterator
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

KINDS_OF_CALLS = ("day", "purpose", "trial", "doubted", "reported", "batch", *CACHE_PRICES)
CACHED = ("cache_read", "cache_write_5m", "cache_write_1h")
KEPT = {Method.REPRICED_WARM: "warm", Method.REPRICED_COLD: "cold"}
PRICED = ("own", "own_priced", "warm", "warm_priced", "cold", "cold_priced")
# Where a person stated a model: what an answer was asked, to be priced anew.
RESTATED_BY = ("workflow", "day", "by_frontier", "call_day", "baseline_model", "size")
RESTATED = ("answers", *PRICED, *TOKENS, "least_prompt", "most_prompt")

ACCOUNTS = {
    Purpose.DESIGN: "design_measured",
    Purpose.REDESIGN: "design_measured",
    Purpose.EVALUATION: "evaluation_cost",
    Purpose.JUDGE: "evaluation_cost",
    Purpose.SHADOW: "shadow_cost",
}


class Cells:
    """A source of `costs.summarise`: of an extent from the beginning, and of windows at its end. Use inside a `snapshot`."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent
        self.reading = Reading(extent)

    def accounts(self) -> Iterator[tuple[date, str, int, int]]:
        for row in self._calls:
            if not row["reported"]:
                yield row["day"], account_of(row), row["cost"], row["unpriced"]

    def completed(self) -> dict[date, int]:
        return {day: row["completed"] for day, row in self._executions.items() if row["completed"]}

    def completed_strata(self) -> list[Ended]:
        found = []
        for row in self.reading.executions(("workflow", "version", "day"), ("completed", "completed_flagged")):
            with_flag, all_of_them = row["completed_flagged"], row["completed"]
            for flagged, count in ((False, all_of_them - with_flag), (True, with_flag)):
                if count:
                    found.append(Ended(row["day"], row["workflow"], Stratum(row["version"], flagged), count))
        return found

    def all_frontier(self, method: Method, only: Row = MappingProxyType({})) -> Days:
        """`only`: of the answers of one version or step; of what is repriced, and of nothing that is declared."""
        return self._declared() if method == Method.DECLARED else self._repriced(method, only)

    def all_frontier_of_step(self, workflow: int, version: int, step: str) -> AllFrontier:
        """Repriced warm, of all that this version of the workflow ever completed."""
        return added_up(self._repriced(Method.REPRICED_WARM, {"workflow": workflow, "version": version, "step": step}))

    def used(self, window: Extent) -> Used:
        figures = ("answers", "own", "own_priced", *CACHED, "batch_saved", "batch_unknown")
        rows = self.reading.answers(("day", "by_frontier", *CACHE_PRICES), figures)
        rows = [row for row in rows if window.covers(row["day"])]
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
        last_day = max((day for day in self.completed() if window.covers(day)), default=None)
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
        ended = [row for day, row in self._executions.items() if window.covers(day)]
        made = [row for row in self._calls_of(window) if not row["trial"]]
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
        calls = [row for row in self._calls if row["reported"] and window.covers(row["day"])]
        return Reported(
            executions=sum(row["reported"] for day, row in self._executions.items() if window.covers(day)),
            **{figure: sum(row[figure] for row in calls) for figure in ("calls", "cost", "unpriced")},
        )

    def cache_savings(self, window: Extent) -> Decimal | None:
        rows = self._calls_of(window)
        return cache_savings((row[kind], row["price_input"], row[f"price_{kind}"]) for row in rows for kind in CACHED)

    def cache_parts(self, window: Extent) -> tuple[Decimal | None, Decimal | None]:
        """What reading took off, and what writing added."""
        rows = self._calls_of(window)
        priced = {kind: [(row[kind], row["price_input"], row[f"price_{kind}"]) for row in rows] for kind in CACHED}
        return cache_parts(priced["cache_read"], [*priced["cache_write_5m"], *priced["cache_write_1h"]])

    def batch_savings(self, window: Extent) -> Decimal | None:
        rows = self._calls_of(window)
        return batch_savings(None if row["batch_unknown"] else row["batch_saved"] for row in rows)

    @cached_property
    def _calls(self) -> list[Row]:
        return self.reading.calls(
            KINDS_OF_CALLS, ("calls", "unpriced", "cost", *CACHED, "batch_saved", "batch_unknown")
        )

    def _calls_of(self, window: Extent) -> list[Row]:
        return [row for row in self._calls if not row["reported"] and window.covers(row["day"])]

    @cached_property
    def _executions(self) -> dict[date, Row]:
        rows = self.reading.executions(("day",), tuple(ExecutionCell.FIGURES))
        return {row["day"]: row for row in rows}

    def _declared(self) -> Days:
        days = no_days()
        stated = Statements.by_workflow(self.extent, "cost_per_execution", None)
        for row in self.reading.executions(("workflow", "day"), ("completed",)):
            workflow, day, count = row["workflow"], row["day"], row["completed"]
            statements = stated.get(workflow, Statements([]))
            if statements.change_within(day):
                ledger.declare(days, _one_day(self.extent, day).completed().filter(workflow=workflow), statements)
                continue
            cost = statements.at(midnight(day))
            days[day].add(count * (cost or 0), count if cost is None else 0)
        return days

    def _repriced(self, method: Method, only: Row = MappingProxyType({})) -> Days:
        """Where nobody stated a model, the figures that were kept are added up; elsewhere each cell is looked at. `only`: what
        some of their columns have to be."""
        days = no_days()
        stated = Statements.by_workflow(self.extent, "model", "")
        for row in self.reading.answers(("day", "by_frontier"), ("answers", *PRICED), but=list(stated), only=only):
            days[row["day"]].add(*_kept(row, method))
        by_call_day = defaultdict(list)
        for row in self.reading.answers(RESTATED_BY, RESTATED, of=list(stated), only=only) if stated else []:
            by_call_day[row["workflow"], row["call_day"]].append(row)
        for (workflow, call_day), rows in by_call_day.items():
            figures = self._restated(rows, call_day, stated[workflow], method)
            if figures is None:
                ledger.reprice_answers(days, self._answers_of(workflow, call_day, only), method)
            for day, pico, unpriced in figures or ():
                days[day].add(pico, unpriced)
        return days

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


def account_of(row: Row) -> str:
    """Which figure of a balance a call's cost stands in.

    A call in doubt, whatever it was for, stands apart together with the row that corrects it: both add up to the truth.
    What a trial or an evaluation costs is money that tests a version, so it is evaluation: as execution cost it would make
    the published one look dearer than it is, and it completes nothing that all-frontier would have had to pay.
    """
    if row["doubted"]:
        return "in_doubt_cost"
    return ACCOUNTS.get(row["purpose"], "evaluation_cost" if row["trial"] else "execution_cost")


def _kept(row: Row, method: Method) -> tuple[int, int]:
    """(pico-dollars, without a price) as the ledger kept them when the calls were made."""
    figure = "own" if row["by_frontier"] else KEPT[method]
    return row[figure], row["answers"] - row[f"{figure}_priced"]
