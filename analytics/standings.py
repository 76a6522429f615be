"""What executions add to the cells: how each one stands now, against what it has added before.

An execution changes after it finished: what failed is retried, what was escalated goes on, a flag comes later. So every
change only says *that* it changed, and whoever folds compares. Doing so twice, or late, or out of order, does no harm.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from executions.models import Event, Execution, Flag, Status

from . import latency
from .contributions import Row, of_answers, sums
from .latency import Histogram
from .models import REJECTED, AnswerCell, Escalation, ExecutionCell, LatencyCell, Standing
from .store import put, put_histograms, save

AT_A_TIME = 10_000  # executions in memory
NOTHING = dict.fromkeys(ExecutionCell.FIGURES, 0)
NO_LANE = ""  # of what is accepted: the design may choose it later, and a cell counts for good
TAKEN_AWAY_AGAIN = set(AnswerCell.FIGURES) - {"least_prompt", "most_prompt"}  # the range of the prompts stays as wide


class Counted(NamedTuple):
    """What is looked at of an execution. `flagged`: it ever had a flag that escalates it: a review of the design does not."""

    id: UUID
    project: int
    workflow: int
    version: int
    simulated: bool
    status: str
    created_at: datetime
    finished_at: datetime | None
    judged_right: bool | None
    lane: str
    flagged: bool


class Stand(NamedTuple):
    """What a finished execution adds to the cells. `ended`: completed, rejected (completed, and the answer was wrong), failed."""

    ended: str
    day: date
    flagged: bool
    latency_ms: int
    lane: str


@dataclass
class Changes:
    """What a number of executions change. `examined`: all of them that count (no trials)."""

    examined: list[UUID] = field(default_factory=list)
    executions: list[Row] = field(default_factory=list)
    latencies: dict[tuple, Histogram] = field(default_factory=lambda: defaultdict(dict))
    answers: list[Row] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)

    def accept(self, execution: Counted) -> None:
        self.executions.append({**_key(execution, _day(execution.created_at), NO_LANE), **NOTHING, "accepted": 1})

    def move(self, execution: Counted, was: Stand | None, now: Stand | None) -> None:
        """Takes away what it was, adds what it is."""
        if was:
            self._count(execution, was, -1)
        if now:
            self._count(execution, now, 1)
            mine = {"execution": execution.id, "project": execution.project, "workflow": execution.workflow}
            self.standings.append(Standing(**mine, **now._asdict()))
        elif was:
            self.gone.append(execution.id)

    def _count(self, execution: Counted, one: Stand, sign: int) -> None:
        figures = {**NOTHING, one.ended: sign, "flagged": sign * one.flagged}
        if one.ended == Status.COMPLETED:
            figures["completed_flagged"] = figures["flagged"]
        self.executions.append({**_key(execution, one.day, one.lane), **figures})
        if one.ended == Status.COMPLETED:
            for workflow, version in ((execution.workflow, execution.version), (None, None)):
                key = (execution.project, workflow, version, execution.simulated, one.lane, one.day)
                latency.record(self.latencies[key], one.latency_ms, sign)


def changes(executions: Iterable[UUID], accepted: Collection[UUID] = ()) -> Changes:
    """`accepted`: those of them that are new. Every execution counts once, however often it is named."""
    rows = counted(Execution.objects.filter(pk__among=set(executions)))
    before = standings(Standing.objects.filter(pk__among=[row.id for row in rows]))
    result = Changes(examined=[row.id for row in rows], escalations=escalations(rows))
    result.executions += reported(Execution.objects.filter(pk__among=accepted)) if accepted else []
    completed: dict[tuple[date, int], list[UUID]] = defaultdict(list)
    for row in rows:
        if row.id in accepted:
            result.accept(row)
        was, now = before.get(row.id), stand(row)
        if was == now:
            continue
        result.move(row, was, now)
        for one, sign in ((was, -1), (now, 1)):
            if one and one.ended == Status.COMPLETED:
                completed[one.day, sign].append(row.id)
    for (day, sign), ids in completed.items():
        result.answers += [_signed(row, sign) for row in of_answers(ids, day)]
    return result


def apply(changed: Changes) -> None:
    """Writes them, inside the transaction of the fold."""
    put(ExecutionCell, changed.executions)
    put(AnswerCell, changed.answers)
    put_histograms(LatencyCell, {key: (one,) for key, one in changed.latencies.items()})
    if changed.gone:
        Standing.objects.filter(pk__among=changed.gone).delete()
    save(changed.standings)
    if changed.examined:
        Escalation.objects.filter(execution__among=changed.examined).delete()
        Escalation.objects.bulk_create(changed.escalations)


def counted(executions: QuerySet[Execution]) -> list[Counted]:
    """The production executions among these."""
    flagged = Exists(Flag.objects.escalating().filter(execution=OuterRef("pk")))
    rows = executions.production().annotate(flagged=flagged).values_list(*Counted._fields)
    return [Counted(*row) for row in rows]


def reported(executions: QuerySet[Execution]) -> list[Row]:
    """What the executions of agents among these add: they never change, so they count once, when they come."""
    by = ("project", "workflow", "version", "simulated", "lane")
    rows = executions.reported().annotate(day=TruncDate("finished_at", tzinfo=UTC))
    return [{**NOTHING, **row} for row in sums(rows.values(*by, "day"), {"reported": Count("pk")})]


def standings(rows: QuerySet[Standing]) -> dict[UUID, Stand]:
    """By execution."""
    return {execution: Stand(*stood) for execution, *stood in rows.values_list("pk", *Stand._fields)}


def stand(execution: Counted) -> Stand | None:
    """How it stands: completed, rejected or failed, or not ended by itself."""
    if execution.status not in (Status.COMPLETED, Status.FAILED) or execution.finished_at is None:
        return None
    took = latency.milliseconds(execution.created_at, execution.finished_at)
    wrong = execution.status == Status.COMPLETED and execution.judged_right is False
    return Stand(
        REJECTED if wrong else execution.status, _day(execution.finished_at), execution.flagged, took, execution.lane
    )


def escalations(executions: Iterable[Counted]) -> list[Escalation]:
    """The stretches over a midnight, or until now, that these stood escalated. A whole day's window sees no others."""
    by_id = {execution.id: execution for execution in executions}
    moves = Event.objects.filter(
        Q(before=Status.ESCALATED) | Q(after=Status.ESCALATED), execution__pk__among=by_id, kind="status"
    )
    standing: dict[UUID, Escalation] = {}
    found = []
    for execution_id, after, at in moves.order_by("pk").values_list("execution", "after", "at"):
        execution = by_id[execution_id]
        if after == Status.ESCALATED:
            standing[execution_id] = _escalation(execution, _day(at))
        elif stretch := standing.pop(execution_id, None):
            # The row says when it completed, its event comes an instant later: perhaps on the next day.
            completed = after == Status.COMPLETED and execution.finished_at
            stretch.ended = _day(completed or at)
            if stretch.ended > stretch.began:
                found.append(stretch)
    return [*found, *standing.values()]


def parts(many: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (many[first : first + AT_A_TIME] for first in range(0, len(many), AT_A_TIME))


def _key(execution: Counted, day: date, lane: str) -> Row:
    return {
        "project": execution.project,
        "workflow": execution.workflow,
        "version": execution.version,
        "simulated": execution.simulated,
        "lane": lane,
        "day": day,
    }


def _escalation(execution: Counted, began: date) -> Escalation:
    return Escalation(
        execution=execution.id,
        project=execution.project,
        workflow=execution.workflow,
        simulated=execution.simulated,
        began=began,
        flagged=execution.flagged,
    )


def _signed(row: Row, sign: int) -> Row:
    return {name: sign * value if name in TAKEN_AWAY_AGAIN else value for name, value in row.items()}


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
