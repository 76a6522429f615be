"""A series, which is an evaluation or a replay, at work: begins executions as there is room for, judges those that have ended, and
closes it behind the last.

Where it stands is in its rows. Every worker does a little of it each round, and goes on where another one ended.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any

from django.db import InterfaceError, OperationalError, models, transaction
from django.db.models import Sum
from django.utils import timezone

from executions import calling, control, queue
from executions.models import STANDING, Execution, Status
from executions.queue import Test
from gateway.models import Call
from projects import audit
from projects.audit import Verb
from wire.ids import new_id
from wire.problems import Conflict, Problem
from workflows.models import Version

from . import asking, figures, judges, judging, replay_figures, replay_judging, replaying
from .asking import Served
from .judging import Hearing
from .models import Evaluation, Replay, ReplayedExecution, Result
from .series import Series

logger = logging.getLogger(__name__)

SECONDS = 0.5  # that a round of the housekeeping gives it
AT_A_TIME = 50  # results judged or begun in one go

Row = Result | ReplayedExecution


@dataclass(frozen=True)
class Kind:
    """What an evaluation and a replay differ in. What a row was judged to be is a dataclass of its columns."""

    name: str
    of_series: Sequence[str]  # what is read with its row
    of_row: Sequence[str]  # what is read with a row of its results
    arm: Callable[[Any], str]  # rows of one arm are served alike
    served: Callable[[Any, str], Served]
    given: Callable[[Any], tuple[object, dict[str, object]]]  # the input, and what is answered in it
    unfit: Callable[[Version, Any], Any]  # what a row is that cannot be executed; None: it can
    refused: Callable[[Problem], Any]
    judge: Callable[[Any, Execution, dict], Any]  # None: it waits for somebody else's word
    concluded: Callable[[Any], Mapping[str, object]]  # columns of the series
    asks: Callable[[Any], bool] = lambda series: False  # asks for such words, and hears them; whether it did anything
    waits: Mapping[str, object] = field(default_factory=dict)  # columns of a row that waits for one
    costs: Sequence[str] = ("cost",)  # columns of a row


def _judged(result: Result, execution: Execution, rules: dict) -> judging.Judged | None:
    hearing = Hearing(judges.heard(result.questions))
    found = judging.judge(result, execution, rules, hearing)
    if not hearing.to_ask:
        return found
    judges.take_up(result.pk, hearing.to_ask)
    return None


def _concluded(evaluation: Evaluation) -> dict[str, object]:
    found = figures.of(evaluation)
    return {"figures": found, "passed": found["verdict"]["passed"] if found["verdict"] else None}


KINDS: dict[type[Series], Kind] = {
    Evaluation: Kind(
        name="evaluation",
        of_series=("version__workflow__project", "incumbent__version__workflow__project"),
        of_row=("case",),
        arm=lambda result: result.arm,
        served=asking.served,
        given=lambda result: (result.case.input, result.case.answers),
        unfit=judging.unfit,
        refused=judging.refused,
        judge=_judged,
        concluded=_concluded,
        asks=judges.advance,
        waits={"asks_judge": True},
        costs=("cost", "judge_cost"),
    ),
    Replay: Kind(
        name="replay",
        of_series=("version__workflow__project",),
        of_row=("past",),
        arm=lambda replayed: "",
        served=replaying.served,
        given=replaying.given,
        unfit=replay_judging.unfit,
        refused=replay_judging.refused,
        judge=replay_judging.compare,
        concluded=lambda replay: {"figures": replay_figures.of(replay)},
    ),
}


def kind_of(series: Series) -> Kind:
    return KINDS[type(series)]


def advance_all() -> None:
    """A worker's duty: again and again while something happens, for a short time."""
    until = time.monotonic() + SECONDS
    judges.settle_the_ended()
    moving = [series for rows in KINDS for series in rows.objects.in_motion().order_by("pk")]
    while moving and time.monotonic() < until:
        moving = [series for series in moving if time.monotonic() < until and _advanced(series, until)]


def _advanced(series: Series, until: float) -> bool:
    """What is wrong with one holds up no other."""
    try:
        return advance(series, until)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("the %s %s could not go on; the next round tries again", kind_of(series).name, series.pk)
        return False


def advance(series: Series, until: float = inf) -> bool:
    """Judges what has ended, begins what there is room for, and closes it where nothing is left; whether it did anything. Safe to
    call twice, from anywhere. `until`: by the monotonic clock, after which it judges no more."""
    asked = kind_of(series).asks(series)
    judged = _judge_ended(series, until)
    begun = _begin_more(series)
    _close(series)
    return asked or judged or begun


def _judge_ended(series: Series, until: float) -> bool:
    """Outside of any lock: two workers may judge the same, and the first to write it down holds."""
    kind = kind_of(series)
    ended = series.results.filter(finished_at=None, execution__status__in=STANDING).order_by("pk")
    ended = ended.exclude(**kind.waits) if kind.waits else ended
    found = list(ended.select_related("execution", *kind.of_row)[:AT_A_TIME])
    for row in found:
        judged = kind.judge(row, row.execution, series.rules)
        if judged is not None:
            _settle(row, judged, kind)
        if time.monotonic() > until:
            break
    return bool(found)


@transaction.atomic
def _settle(row: Row, judged: Any, kind: Kind) -> None:
    """In one: nobody comes by again at what is judged, so what stands before a person would stand for ever."""
    _write(row, judged)
    if row.execution.status == Status.ESCALATED:
        _end(row.execution, kind)


def cancel(series: Series, by: str) -> None:
    """Ends it, and what of it is on its way; what was judged stays. Raises `Conflict` where it has ended."""
    kind = kind_of(series)
    with transaction.atomic():
        ended = {"status": Series.Status.CANCELLED, "finished_at": timezone.now()}
        if not _this(series).to_come().update(**ended):
            series.refresh_from_db(fields=["status"])
            raise Conflict(f"This {kind.name} is {series.status}.", state=series.status)
        audit.record(series.project_id, by, Verb.CHANGED, series, state="cancelled")
    for row in series.results.filter(finished_at=None, execution__isnull=False).select_related("execution"):
        _end(row.execution, kind)


def raise_budget(series: Series, budget: int | None, by: str) -> None:
    """Pico-dollars; None: none. What waited for it goes on. Raises `Conflict` where it has ended."""
    with transaction.atomic():
        if not _this(series).to_come().update(budget=budget, status=Series.Status.RUNNING):
            series.refresh_from_db(fields=["status"])
            said = f"This {kind_of(series).name} is {series.status}: it costs nothing any more."
            raise Conflict(said, state=series.status)
        audit.record(series.project_id, by, Verb.CHANGED, series, budget=budget)


def spent(series: Series) -> int:
    """Pico-dollars so far, with what is on its way."""
    sums = series.results.filter(finished_at__isnull=False).aggregate(*map(Sum, kind_of(series).costs))
    judged = sum(one or 0 for one in sums.values())
    moving = series.results.filter(finished_at=None, execution__isnull=False).values_list("execution", flat=True)
    ids = set(moving)
    ids = ids.union(*calling.below(ids).values()) if ids else ids
    return judged + (Call.objects.filter(execution__in=ids).aggregate(sum=Sum("cost"))["sum"] or 0)


def progress(series: Series) -> dict[str, int]:
    """`moving`: executions that are on their way."""
    to_come = series.results.filter(finished_at=None)
    left, moving = to_come.count(), to_come.filter(execution__isnull=False).count()
    return {"done": series.total - left, "moving": moving, "total": series.total}


@transaction.atomic
def _begin_more(series: Series) -> bool:
    """Behind the row of the series: of two workers one begins an execution, and the other comes by again."""
    kind = kind_of(series)
    rows = _this(series).select_for_update(skip_locked=True, of=("self",)).in_motion()
    held = rows.select_related(*kind.of_series).first()
    if held is None:
        return False
    moving = held.results.filter(finished_at=None, execution__isnull=False).count()
    room = min(held.at_once - moving, AT_A_TIME)
    if room <= 0:
        return False
    fitting = _fitting(held, moving, room)
    fresh = held.results.filter(finished_at=None, execution=None).select_related(*kind.of_row).order_by("pk")[:room]
    if fresh and not fitting:
        if not moving:
            _this(held).update(status=Series.Status.WAITING)
        return False
    fresh = fresh[:fitting]
    by_arm: dict[str, list[Row]] = {}
    for row in fresh:
        by_arm.setdefault(kind.arm(row), []).append(row)
    for arm, several in by_arm.items():
        _begin(held, kind, arm, several)
    return bool(fresh)


def _fitting(series: Series, moving: int, room: int) -> int:
    """How many of so many the budget has room for, by what those cost that were executed. Before one of them has ended nobody
    knows, so the first goes alone."""
    if series.budget is None:
        return room
    left = series.budget - spent(series)
    if left <= 0:
        return 0
    costs = kind_of(series).costs
    judged = series.results.filter(finished_at__isnull=False, execution__isnull=False)
    found = list(judged.order_by("-finished_at").values_list(*costs)[:200])
    if not found:
        return min(room, 1 - moving) if moving < 1 else 0
    expected = sum(cost or 0 for row in found for cost in row) // len(found)
    return room if expected == 0 else max(0, min(room, left // expected - moving))


def _begin(series: Series, kind: Kind, arm: str, rows: Sequence[Row]) -> None:
    served = kind.served(series, arm)
    tests, taken = [], []
    for row in rows:
        if (judged := kind.unfit(served.version, row)) is not None:
            _write(row, judged)
            continue
        row.execution_id = new_id()
        tests.append(Test(row.execution_id, *kind.given(row)))
        taken.append(row)
    if not tests:
        return
    named = {"tiers": served.tiers, "lane": served.lane, "actor": kind.name}
    try:
        with transaction.atomic():
            queue.submit_tests(served.version, served.publication, tests, **named)
            type(taken[0]).objects.bulk_update(taken, ["execution"])
    except Problem as problem:
        for row in taken:
            row.execution_id = None
            _write(row, kind.refused(problem))


def _write(row: Row, judged: Any) -> None:
    """Once: the first to judge it holds."""
    columns = {**asdict(judged), "finished_at": timezone.now()}
    type(row).objects.filter(pk=row.pk, finished_at=None).update(**columns)


def _end(execution: Execution, kind: Kind) -> None:
    """Nobody is asked, so it would stand for ever."""
    try:
        control.cancel(execution, kind.name)
    except Conflict:
        logger.info("execution %s of a series has ended by itself", execution.pk)


def _close(series: Series) -> None:
    if series.results.filter(finished_at=None).exists():
        return
    ended = {"status": Series.Status.COMPLETED, "finished_at": timezone.now()}
    _this(series).in_motion().update(**kind_of(series).concluded(series), **ended)


def _this(series: Series) -> models.QuerySet:
    return type(series).objects.filter(pk=series.pk)
