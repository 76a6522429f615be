"""Proving the reports: ledger = cells + pending = summary = its groups, for every workflow and day, to the last pico-dollar, and
that no id dangles. What differs is named. All about one workflow is read as of one moment, while the service runs.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC
from functools import partial
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from executions.models import Event, Execution, Flag, Status
from gateway.models import Call
from projects.models import Project
from wire.money import to_pico
from workflows.models import Workflow

from . import latency, triggers
from .baselines import method_of
from .contributions import Row, of_asked, sums
from .costs import Summary, summarise
from .dangling import dangling
from .exact import Total
from .extent import UNPRICED, Extent
from .groups import GROUPINGS, Group, Names, grouped
from .latency import Histogram
from .ledger import Ledger, used_answers
from .models import (
    TOKENS,
    AnswerCell,
    AskedCell,
    CallCell,
    DailyCell,
    Escalation,
    ExecutionCell,
    LatencyCell,
    Pending,
    Standing,
)
from .rates import Rates, Reported
from .reading import Reading
from .savings import Balance
from .snapshot import snapshot
from .standings import NO_LANE, counted, escalations, parts, stand, standings
from .waterfall import rest, waterfall

CALLS_BY = (
    *("workflow", "version", "step", "tier", "provider", "model_planned", "purpose", "lane", "outcome"),
    *("reported", "batch", "day"),
)
CALL_FIGURES = ("calls", "unpriced", "cost", *TOKENS)
EXECUTIONS_BY = ("version", "lane", "day")
LATENCIES_BY = ("version", "lane", "day")
EXECUTION_FIGURES = tuple(ExecutionCell.FIGURES)
ANSWER_FIGURES = ("answers", "own", "warm", "cold", *TOKENS)
OF_A_CALL = {"own": "cost", "warm": "baseline_warm", "cold": "baseline_cold", **{kind: kind for kind in TOKENS}}
NOT_EXACT = ("p50_ms", "p95_ms")  # of a histogram
TOLD_TWICE = {"days", "lacking"}  # a balance and `to_date` are the sums of the days; `unproven` says what is lacking


@dataclass(frozen=True)
class Difference:
    """`where`: the table, or the report, that says something else than the ledger. `about`: which row of it."""

    where: str
    about: dict[str, object]
    figure: str
    ledger: object
    found: object


Asked = dict[tuple, tuple[Histogram, Histogram]]
Check = Callable[[], Iterator[Difference]]


def checks(project: Project) -> list[Check]:
    """In this order; each is about a part of the project, and takes a snapshot of its own."""
    workflows = [partial(_in_snapshot, _of_workflow, workflow) for workflow in project.workflows.order_by("name")]
    return [*workflows, partial(_in_snapshot, _of_project, project)]


def missing_triggers() -> list[Difference]:
    return [Difference("trigger", {"name": name}, "installed", True, False) for name in triggers.missing(connection)]


def _in_snapshot(check: Callable, about: Workflow | Project) -> Iterator[Difference]:
    with snapshot():
        yield from check(about)


def _of_workflow(workflow: Workflow) -> Iterator[Difference]:
    for simulated in (False, True):
        extent = Extent(workflow.project, workflow, simulated)
        reading = Reading(extent)
        about = {"project": workflow.project.name, "workflow": workflow.name, "simulated": simulated}
        calls = reading.calls(CALLS_BY, CALL_FIGURES)
        yield from _compare(CallCell, about, CALLS_BY, CALL_FIGURES, _calls(extent.ledger()), calls)
        executions = reading.executions(EXECUTIONS_BY, EXECUTION_FIGURES)
        yield from _compare(ExecutionCell, about, EXECUTIONS_BY, EXECUTION_FIGURES, _executions(extent), executions)
        answers = reading.answers(("day",), ANSWER_FIGURES)
        yield from _compare(AnswerCell, about, ("day",), ANSWER_FIGURES, _answers(extent), answers)
        yield from _latencies(extent, reading, about)
        yield from _asked(about, of_asked(extent.ledger()), reading.asked(AskedCell.KEY))
        yield from _summary(extent, about)
        yield from _groups(extent, about)
    yield from _standings(workflow)


def _of_project(project: Project) -> Iterator[Difference]:
    known = list(project.workflows.values_list("pk", flat=True))
    for simulated in (False, True):
        extent = Extent(project, None, simulated)
        about = {"project": project.name, "simulated": simulated}
        reading, strangers = Reading(extent), extent.ledger().filter(Q(workflow=None) | ~Q(workflow__in=known))
        found = [row for row in reading.calls(CALLS_BY, CALL_FIGURES) if row["workflow"] not in known]
        yield from _compare(CallCell, about, CALLS_BY, CALL_FIGURES, _calls(strangers), found)
        theirs = AskedCell.KEY.index("workflow")
        asked = {key: one for key, one in reading.asked(AskedCell.KEY).items() if key[theirs] not in known}
        yield from _asked(about, of_asked(strangers), asked)
        yield from _latencies(extent, reading, about)
        yield from _summary(extent, about)
        yield from _groups(extent, about)
    for one in dangling(project):
        yield Difference(one.table, {"project": project.name, "row": str(one.row)}, one.column, None, str(one.value))


def _compare(
    model: type[DailyCell],
    about: Row,
    by: Sequence[str],
    figures: Sequence[str],
    ledger: Iterable[Row],
    found: Iterable[Row],
) -> Iterator[Difference]:
    """Row by row, both of them by the same columns. A row of zeros is as good as none."""
    truth = {tuple(row[name] for name in by): row for row in ledger}
    cells = {tuple(row[name] for name in by): row for row in found}
    for key in sorted({*truth, *cells}, key=str):
        for figure in figures:
            said, is_said = (side[key][figure] if key in side else 0 for side in (truth, cells))
            if said != is_said:
                yield Difference(_table(model), {**dict(zip(by, key, strict=True)), **about}, figure, said, is_said)


def _calls(ledger: QuerySet[Call], by: Sequence[str] = CALLS_BY) -> Iterator[Row]:
    figures = {"calls": Count("pk", filter=Q(corrects=None)), "unpriced": Count("pk", filter=UNPRICED)}
    rows = ledger.annotate(day=TruncDate("finished_at", tzinfo=UTC)).values(*by)
    return sums(rows, {**figures, **{name: Total(name) for name in ("cost", *TOKENS)}})


def _executions(extent: Extent) -> list[Row]:
    flagged = Q(Exists(Flag.objects.escalating().filter(execution=OuterRef("pk"))))
    ended = extent.executions().filter(status__in=[Status.COMPLETED, Status.FAILED])
    parts = (
        (extent.executions(), "created_at", {"accepted": Count("pk")}),
        (extent.completed(), "finished_at", {"completed": Count("pk")}),
        (extent.completed().filter(flagged), "finished_at", {"completed_flagged": Count("pk")}),
        (ended.filter(status=Status.COMPLETED, judged_right=False), "finished_at", {"rejected": Count("pk")}),
        (ended.filter(status=Status.FAILED), "finished_at", {"failed": Count("pk")}),
        (ended.filter(flagged), "finished_at", {"flagged": Count("pk")}),
        (extent.reported(), "finished_at", {"reported": Count("pk")}),
    )
    rows: dict[tuple, Row] = defaultdict(lambda: dict.fromkeys(EXECUTION_FIGURES, 0))
    for executions, moment, figure in parts:
        for row in sums(executions.annotate(day=TruncDate(moment, tzinfo=UTC)).values(*EXECUTIONS_BY), figure):
            if "accepted" in row:
                row["lane"] = NO_LANE
            mine = rows[tuple(row[name] for name in EXECUTIONS_BY)]
            mine.update({**row, **{name: mine[name] + row[name] for name in figure}})
    return list(rows.values())


def _answers(extent: Extent) -> Iterator[Row]:
    answers = used_answers(extent.completed(), extent, extent.workflow.pk)
    of_call = {
        name: Subquery(Call.objects.filter(pk=OuterRef("call")).values(column)) for name, column in OF_A_CALL.items()
    }
    figures = {"answers": Count("pk"), **{name: Total(f"of_{name}") for name in OF_A_CALL}}
    return sums(answers.annotate(**{f"of_{name}": one for name, one in of_call.items()}).values("day"), figures)


def _latencies(extent: Extent, reading: Reading, about: Row) -> Iterator[Difference]:
    by = LATENCIES_BY if extent.workflow else LATENCIES_BY[1:]  # a project's own cells tell no versions apart
    truth: dict[tuple, Histogram] = defaultdict(dict)
    moments = extent.completed().annotate(day=TruncDate("finished_at", tzinfo=UTC))
    for *key, accepted, finished in moments.values_list(*by, "created_at", "finished_at").iterator():
        latency.record(truth[tuple(key)], latency.milliseconds(accepted, finished))
    found = reading.latencies(extent, by)
    for key in sorted({*truth, *found}, key=str):
        if (said := truth.get(key, {})) != (is_said := found.get(key, {})):
            where = {**about, **dict(zip(by, key, strict=True))}
            yield Difference(_table(LatencyCell), where, "histogram", said, is_said)


def _asked(about: Row, truth: Asked, found: Asked) -> Iterator[Difference]:
    nothing: tuple[Histogram, ...] = ({}, {})
    for key in sorted({*truth, *found}, key=str):
        pairs = zip(AskedCell.HISTOGRAMS, truth.get(key, nothing), found.get(key, nothing), strict=True)
        for figure, said, is_said in pairs:
            if said != is_said:
                where = {**dict(zip(AskedCell.KEY, key, strict=True)), **about}
                yield Difference(_table(AskedCell), where, figure, said, is_said)


def _summary(extent: Extent, about: Row) -> Iterator[Difference]:
    truth, found = _figures(summarise(extent, source=Ledger)), _figures(summarise(extent))
    for figure, said in truth.items():
        if said != found[figure]:
            yield Difference("summary", about, figure, said, found[figure])
    yield from _waterfall(extent, about)


def _waterfall(extent: Extent, about: Row) -> Iterator[Difference]:
    """By the method in force. Where it is complete, what the parts leave is the total."""
    method = method_of(extent.workflow)
    truth, found = waterfall(extent, method, Ledger), waterfall(extent, method)
    for said, is_said in zip(truth.parts, found.parts, strict=True):
        if said != is_said:
            yield Difference("waterfall", about, said.name, said.pico, is_said.pico)
    total = found.summary.balance.total_cost
    if found.complete and rest(found) != total:
        yield Difference("waterfall", about, "total_cost", total, rest(found))


def _figures(summary: Summary) -> Row:
    """All of them, flat."""
    figures = {}
    for field in fields(summary):
        if field.name in TOLD_TWICE:
            continue
        value = getattr(summary, field.name)
        parts = asdict(value) if isinstance(value, (Balance, Rates, Reported)) else {"": value}
        figures.update({f"{field.name} {part}".strip(): one for part, one in parts.items() if part not in NOT_EXACT})
    return figures


def _groups(extent: Extent, about: Row) -> Iterator[Difference]:
    """What a summary shows taken apart, each group by itself; and all of them together are the costs of the summary."""
    called = Names(extent)
    paid = sum(total for _, _, total, _ in Ledger(extent).accounts())
    for by, columns in GROUPINGS.items():
        ledger = _calls(extent.ledger().filter(reported=False), columns)
        truth = _by_key((called.key(row, by), {name: row[name] for name in CALL_FIGURES}) for row in ledger)
        found = _by_key((one.key, _figures_of(one)) for one in grouped(extent, by))
        for key in sorted({*truth, *found}, key=str):
            for figure in CALL_FIGURES:
                said, is_said = (side[key][figure] if key in side else 0 for side in (truth, found))
                if said != is_said:
                    yield Difference(f"groups by {by}", {**dict(key), **about}, figure, said, is_said)
        if (together := sum(one["cost"] for one in found.values())) != paid:
            yield Difference(f"groups by {by}", about, "cost together", paid, together)


def _by_key(groups: Iterable[tuple[Row, Row]]) -> dict[tuple, Counter]:
    """Those that are called alike added up: what belongs to no workflow that is there has no name."""
    found: dict[tuple, Counter] = defaultdict(Counter)
    for key, figures in groups:
        found[tuple(key.items())].update(figures)
    return found


def _figures_of(group: Group) -> Row:
    return {"calls": group.calls, "unpriced": group.unpriced_calls, "cost": to_pico(group.cost), **group.tokens}


def _standings(workflow: Workflow) -> Iterator[Difference]:
    """What each execution has added to the cells, against how it stands. What is pending is about to be compared."""
    pending = Pending.objects.filter(workflow=workflow.pk, execution__isnull=False)
    waiting = set(pending.values_list("execution", flat=True))
    kept = standings(Standing.objects.filter(workflow=workflow.pk))
    truth = {row.id: stand(row) for row in counted(workflow.executions.all())}
    for execution in {*kept, *truth} - waiting:
        if (said := truth.get(execution)) != (is_said := kept.get(execution)):
            yield Difference(_table(Standing), {"execution": str(execution)}, "stands", str(said), str(is_said))
    yield from _escalations(workflow, waiting)


def _escalations(workflow: Workflow, waiting: set[UUID]) -> Iterator[Difference]:
    moves = Event.objects.filter(kind="status", after=Status.ESCALATED, execution__workflow=workflow)
    rows = counted(Execution.objects.filter(pk__in=moves.values("execution")))
    truth = {_stretch(one) for part in parts(rows) for one in escalations(part)}
    found = {_stretch(one) for one in Escalation.objects.filter(workflow=workflow.pk)}
    for one in sorted(truth ^ found, key=str):
        if one[0] not in waiting:
            about = {"execution": str(one[0])}
            stretch = " ".join(map(str, one[1:]))
            said, is_said = (stretch if one in side else None for side in (truth, found))
            yield Difference(_table(Escalation), about, "stretch", said, is_said)


def _stretch(one: Escalation) -> tuple:
    return one.execution, one.began, one.ended, one.simulated, one.flagged


def _table(model: type[Model]) -> str:
    return model._meta.db_table
