"""The answers that completed executions used: what all-frontier is said to have cost is added up over them. A row is the call of an
answer, by the moment at which its execution completed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from types import MappingProxyType
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from executions.models import Execution, StepResult
from gateway import pricing
from gateway.models import Call
from wire.money import to_usd

from ..baselines import Method, Statements, added_up, no_days, reprice
from ..cells import Cells
from ..contributions import Row
from ..exact import Total
from ..extent import Extent
from ..ledger import KEPT_FIGURES, reprice_answers, used_answers
from ..reading import Reading
from .calls import Added
from .stretches import Place, Stretch, newest, whole

OF_ANSWERS = ("used", "if_all_frontier")
OF_CELLS = ("version", "step")  # what the cells of answers know of their calls
MOST = 5_000  # that are added up: each is looked up with its call, and with what was stated for it
MOST_WORKFLOWS = 20  # whose rows are added up, one after the other
FRONTIER = Execution.Resolver.FRONTIER


@dataclass(frozen=True)
class Answer:
    """`warm`, `cold`: its tokens on the baseline's model, in pico-dollars; of the frontier's own answers, what they cost. None
    where that model has no price."""

    call: Call
    answered_by: str
    warm: int | None
    cold: int | None


class Answers:
    """The answers behind one of `OF_ANSWERS`. Use inside a `snapshot`. Only the same tokens repriced are a sum of answers."""

    def __init__(
        self, extent: Extent, figure: str, method: Method, only: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        self.extent, self.name, self.method, self.only = extent, figure, method, dict(only)

    @property
    def is_sum(self) -> bool:
        return self.name == "used" or self.method in KEPT_FIGURES

    @cached_property
    def by_cells(self) -> Added:
        """What reports say of it."""
        if not set(self.only) <= set(OF_CELLS):
            return Added(None, None)
        count = sum(row["answers"] for row in self._cells)
        if self.name == "used":
            own, priced = (sum(row[figure] for row in self._cells) for figure in ("own", "own_priced"))
            return Added(count, to_usd(own), count - priced)
        if not self.is_sum:
            return Added(count, None)
        found = added_up(Cells(self.extent).all_frontier(self.method, self.only).values())
        return Added(count, found.usd, found.unpriced)

    @cached_property
    def by_rows(self) -> Added | None:
        """What the rows themselves say. None where there are too many to be read for it, or where it is no sum."""
        all_of_them = whole(self._places)
        if all_of_them is None:
            return Added(0, to_usd(0)) if self.is_sum else None
        if not self.is_sum or all_of_them.read > MOST or len(all_of_them.workflows) > MOST_WORKFLOWS:
            return None
        count, days, own, priced = 0, no_days(), 0, 0
        for workflow in all_of_them.workflows:
            completed = self.extent.completed().filter(workflow=workflow)
            answers = used_answers(completed, self.extent, workflow)
            answers = answers.filter(self._asked) if self.only else answers
            sums = answers.aggregate(count=Count("pk"), own=Total("own_cost"), priced=Count("own_cost"))
            count, own, priced = count + sums["count"], own + sums["own"], priced + sums["priced"]
            if self.name != "used":
                reprice_answers(days, answers, self.method)
        if self.name == "used":
            return Added(count, to_usd(own), count - priced)
        found = added_up(days.values())
        return Added(count, found.usd, found.unpriced)

    def page(self, after: UUID | None = None) -> tuple[list[Answer], bool]:
        """A page of them, newest first, behind the answer of that call; and whether there are more."""
        last = after and self._answer_of(after)
        if after and not last:
            return [], False

        def rows(stretch: Stretch) -> QuerySet[StepResult]:
            found = self._rows(stretch).order_by("-execution__finished_at", "-execution", "-pk")
            return found.filter(_behind(last)) if last else found

        upto = last and last.execution.finished_at.astimezone(UTC).date()
        found, more = newest(self._places, rows, upto)
        return self._read(found), more

    def _rows(self, stretch: Stretch) -> QuerySet[StepResult]:
        """The days stand there twice: by those of the joined row an index is searched too."""
        completed = self.extent.completed().filter(stretch.rows("finished_at", "workflow_id")).values("pk")
        here = stretch.rows("execution__finished_at", "execution__workflow_id") & Q(execution__in=completed)
        done = StepResult.objects.filter(here, self._asked, status=StepResult.Status.DONE, call__isnull=False)
        return done.only("call", "answered_by", "execution__finished_at").select_related("execution")

    @property
    def _asked(self) -> Q:
        calls = self.extent.ledger().filter(pk=OuterRef("call"), reported=False, **self.only)
        return Q(Exists(calls))

    def _answer_of(self, call: UUID) -> StepResult | None:
        found = self.extent.ledger().filter(pk=call).values("execution")
        return StepResult.objects.filter(execution__in=found, call=call).select_related("execution").first()

    def _read(self, found: list[StepResult]) -> list[Answer]:
        calls = Call.objects.in_bulk([one.call for one in found])
        stated = Statements.by_workflow(self.extent, "model", "")
        return [self._answer(calls[one.call], one.answered_by, stated) for one in found]

    def _answer(self, call: Call, answered_by: str, stated: Mapping[int, Statements]) -> Answer:
        """As `ledger.reprice_answers` counts it."""
        if answered_by == FRONTIER:
            return Answer(call, answered_by, call.cost, call.cost)
        statements = stated.get(call.workflow, Statements([]))
        model = statements.at(call.finished_at, call.baseline_model)
        if model == call.baseline_model:
            return Answer(call, answered_by, call.baseline_warm, call.baseline_cold)
        price = pricing.price(call.project, model, call.finished_at, call.usage.prompt)
        warm, cold = (reprice(price, call.usage, method) for method in KEPT_FIGURES)
        return Answer(call, answered_by, warm, cold)

    @cached_property
    def _cells(self) -> list[Row]:
        only = {name: value for name, value in self.only.items() if name in OF_CELLS}
        return Reading(self.extent).answers(("workflow", "day"), ("answers", "own", "own_priced"), only=only)

    @cached_property
    def _places(self) -> list[Place]:
        return [Place(row["day"], row["workflow"], row["answers"], row["answers"]) for row in self._cells]


def _behind(last: StepResult) -> Q:
    at, execution = last.execution.finished_at, last.execution_id
    same_moment = Q(execution__finished_at=at, execution__lt=execution)
    same_execution = Q(execution=execution, pk__lt=last.pk)
    return Q(execution__finished_at__lt=at) | same_moment | same_execution
