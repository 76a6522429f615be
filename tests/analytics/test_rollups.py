"""Daily cells and what is pending: at every moment, in every window, exactly the ledger."""

from collections import Counter
from datetime import UTC, date, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import transaction

from analytics.baselines import Method
from analytics.costs import Summary, summarise
from analytics.extent import Extent
from analytics.groups import grouped
from analytics.ledger import Ledger
from analytics.models import CallCell, Escalation, ExecutionCell, Pending
from analytics.reading import Reading
from analytics.rollups import fold, fold_batch
from executions import states
from executions.models import Event, Execution, Flag, Status, StepResult
from gateway.models import Call
from projects.models import Project
from wire.money import to_pico

from .histories import TIERED, History
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_execution,
    make_flag,
    make_measured_workflow,
    make_project,
    state_baseline,
)

pytestmark = pytest.mark.django_db

SEEDS = (1, 2, 3)


def day_of(moment):
    return moment.astimezone(UTC).date()


@pytest.fixture
def project():
    return make_project("alice", tiers={"frontier": OPUS, "cheap": HAIKU})


@pytest.fixture
def workflows(project):
    return [make_measured_workflow(name, project=project, design_cost="0.10") for name in ("refund", "triage")]


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("analytics.rollups.BATCH", 7)


def assert_it_is_the_ledger(extent: Extent, method: Method | None = None) -> None:
    cells, truth = summarise(extent, method), summarise(extent, method, Ledger)
    assert exact(cells) == exact(truth)
    assert close(cells.rates.p50_ms, truth.rates.p50_ms)
    assert close(cells.rates.p95_ms, truth.rates.p95_ms)


def exact(summary: Summary) -> dict:
    """Everything but the percentiles, which are of a histogram."""
    said = {**vars(summary), "rates": {**vars(summary.rates)}}
    del said["rates"]["p50_ms"], said["rates"]["p95_ms"]
    return said


def close(found: int | None, truth: int | None) -> bool:
    """Within a step of 2%."""
    return found == truth or (found is not None and truth is not None and abs(found - truth) <= 0.02 * truth + 1)


def windows(random: Random, until: date) -> list[tuple[date | None, date | None]]:
    days = [day_of(NOON) + timedelta(days=n) for n in range((until - day_of(NOON)).days + 2)]
    some = [tuple(sorted(random.sample(days, 2))) for _ in range(2)]
    return [(None, None), (None, random.choice(days)), (random.choice(days), None), *some]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_and_however_far_it_is_folded_a_summary_is_the_ledgers(project, workflows, seed):
    random, history = Random(seed), History(seed, workflows)
    for _ in range(3):
        history.goes_on(40)
        for _ in range(random.randrange(12)):
            fold_batch()
        for workflow in (None, *workflows):
            for since, until in windows(random, day_of(history.now)):
                extent = Extent(project, workflow, random.random() < 0.3, since, until)
                assert_it_is_the_ledger(extent, random.choice(list(Method)))
    assert CallCell.objects.exists()


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_sums_are_those_of_plain_python(project, workflows, seed):
    history = History(seed, workflows)
    history.goes_on(120)
    for _ in range(10):
        fold_batch()
    assert Pending.objects.exists()
    for simulated in (False, True):
        extent = Extent(project, None, simulated, since=day_of(NOON) + timedelta(days=1), until=day_of(history.now))
        summary = summarise(extent)
        assert money_of(summary) == money_in_python(extent)
        assert (summary.rates.executions, summary.rates.finished, summary.rates.escalated) == executions_in_python(
            extent
        )
        assert tokens_of(extent) == tokens_in_python(extent)


def money_of(summary: Summary) -> dict[str, int]:
    said = {
        "in_doubt": summary.balance.in_doubt_cost,
        "design": summary.balance.design_measured,
        "evaluation": summary.balance.evaluation_cost,
        "shadow": summary.balance.shadow_cost,
        "execution": summary.balance.execution_cost,
    }
    return {**{name: to_pico(usd) for name, usd in said.items()}, "unpriced": summary.balance.unpriced_calls}


def counted_calls(extent: Extent) -> list[Call]:
    return [
        call
        for call in Call.objects.filter(project=extent.project.pk)
        if call.simulated == extent.simulated and not call.reported and extent.covers(day_of(call.finished_at))
    ]


def money_in_python(extent: Extent) -> dict[str, int]:
    trials = set(Execution.objects.filter(purpose="trial").values_list("pk", flat=True))
    corrected = set(Call.objects.values_list("corrects", flat=True))
    accounts = {"design": "design", "redesign": "design", "evaluation": "evaluation", "judge": "evaluation"}
    sums = dict.fromkeys(("in_doubt", "design", "evaluation", "shadow", "execution", "unpriced"), 0)
    for call in counted_calls(extent):
        account = accounts.get(call.purpose, "evaluation" if call.execution in trials else "execution")
        if call.purpose == "shadow":
            account = "shadow"
        if call.cost_state == "upper_bound" or call.corrects_id:
            account = "in_doubt"
        sums[account] += call.cost or 0
        sums["unpriced"] += call.cost is None and call.pk not in corrected
    return sums


def executions_in_python(extent: Extent) -> tuple[int, int, int]:
    flagged = set(Flag.objects.values_list("execution", flat=True))
    accepted, finished = 0, set()
    for one in Execution.objects.filter(purpose="production", simulated=extent.simulated):
        accepted += extent.covers(day_of(one.created_at))
        if one.status in ("completed", "failed") and extent.covers(day_of(one.finished_at)):
            finished.add(one.pk)
        before_the_end = [event for event in one.events.order_by("pk") if day_of(event.at) < extent.until]
        if before_the_end and before_the_end[-1].after == "escalated" and extent.covers(day_of(before_the_end[-1].at)):
            finished.add(one.pk)
    return accepted, len(finished), len(finished & flagged)


def tokens_of(extent: Extent) -> dict[str, tuple]:
    return {
        group.key["model"]: (group.calls, group.unpriced_calls, to_pico(group.cost), *group.tokens.values())
        for group in grouped(extent, "model")
    }


def tokens_in_python(extent: Extent) -> dict[str, tuple]:
    corrected = set(Call.objects.values_list("corrects", flat=True))
    sums: dict[str, Counter] = {}
    for call in counted_calls(extent):
        mine = sums.setdefault(f"{call.provider}:{call.model_planned}", Counter())
        mine["calls"] += call.corrects_id is None
        mine["unpriced"] += call.cost is None and call.pk not in corrected
        for name in ("cost", "input", "cache_read", "cache_write_5m", "cache_write_1h", "output"):
            mine[name] += getattr(call, name) or 0
    names = ("calls", "unpriced", "cost", "input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    return {model: tuple(mine[name] for name in names) for model, mine in sums.items()}


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("model", [TIERED, OPUS, "anthropic:claude-nobody-1"])
def test_a_baseline_that_is_stated_afterwards_reprices_cells_as_it_reprices_calls(project, workflows, seed, model):
    history = History(seed, workflows)
    history.goes_on(100)
    state_baseline(workflows[0], "repriced_cold", model=model, at=NOON + timedelta(days=1))
    state_baseline(workflows[0], "repriced_warm", model=OPUS, at=history.now)
    state_baseline(workflows[1], "declared", cost="0.84", at=NOON + timedelta(hours=30))
    for _ in range(3):
        for workflow in (None, *workflows):
            for method in Method:
                assert_it_is_the_ledger(Extent(project, workflow, simulated=False), method)
        fold(seconds=0.01)


def test_folding_takes_the_pending_rows_away_and_says_how_many(workflows):
    execution = make_execution(workflows[0])
    make_answer(execution)
    assert (Pending.objects.count(), CallCell.objects.count()) == (2, 0)
    assert (fold(), fold()) == (2, 0)
    assert (Pending.objects.count(), CallCell.objects.count()) == (0, 1)
    cells = ExecutionCell.objects.order_by("lane").values_list("lane", "accepted", "completed", "failed")
    assert list(cells) == [("", 1, 0, 0), ("fast", 0, 1, 0)]


def test_a_fold_that_does_not_end_has_not_begun(project, workflows):
    make_answer(make_execution(workflows[0]))
    with pytest.raises(RuntimeError), transaction.atomic():
        fold_batch()
        assert CallCell.objects.exists()
        raise RuntimeError("the plug is pulled")
    assert (Pending.objects.count(), CallCell.objects.count()) == (2, 0)
    assert_it_is_the_ledger(Extent(project, None, simulated=False))


def test_a_retried_execution_is_taken_out_of_the_day_on_which_it_failed(workflows):
    execution = make_execution(workflows[0], status=Status.FAILED)
    fold()
    assert ExecutionCell.objects.get(lane="fast").failed == 1
    states.move(execution.pk, Status.FAILED, Status.QUEUED, actor="rita", finished_at=None)
    fold()
    assert list(ExecutionCell.objects.order_by("lane").values_list("accepted", "failed")) == [(1, 0), (0, 0)]


def test_a_flag_that_comes_after_the_end_is_counted(workflows):
    execution = make_execution(workflows[0])
    fold()
    make_flag(execution)
    make_flag(execution, reason="low_confidence")
    fold()
    assert ExecutionCell.objects.values_list("completed", "flagged").get(lane="fast") == (1, 1)


def test_an_escalation_that_ends_on_its_own_day_leaves_nothing(workflows):
    execution = make_execution(workflows[0], status=Status.ESCALATED)
    fold()
    assert Escalation.objects.get().ended is None
    Execution.objects.filter(pk=execution.pk).update(status=Status.QUEUED)
    Event.objects.create(
        execution=execution,
        kind="status",
        before="escalated",
        after="queued",
        actor="rita",
        at=NOON + timedelta(hours=2),
    )
    fold()
    assert not Escalation.objects.exists()


def test_nothing_of_one_project_is_seen_in_another(workflows):
    make_answer(make_execution(workflows[0]))
    theirs = make_measured_workflow("refund", project=make_project("mallory"))
    make_answer(make_execution(theirs))
    for _ in range(2):
        assert summarise(Extent(theirs.project, None, simulated=False)).rates.executions == 1
        fold()


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_a_sum_beyond_64_bits_stays_exact(project, workflows, monkeypatch, batch):
    """9.2 million USD is where a 64-bit number of pico-dollars ends."""
    monkeypatch.setattr("analytics.rollups.BATCH", batch)
    execution = make_execution(workflows[0])
    for cost in (9 * 10**18 + 1, 9 * 10**18 + 2, 9 * 10**18, -5):
        call = build_call(execution, HAIKU, SHORT)
        call.cost = cost
        call.save(force_insert=True)
    for _ in range(2):
        assert summarise(Extent(project, None, simulated=False)).balance.execution_cost == Decimal(
            "26999999.999999999998"
        )
        while fold():
            pass
    assert CallCell.objects.count() > 1


def test_it_takes_few_queries_however_many_workflows_there_are(project, workflows, django_assert_max_num_queries):
    for number in range(10):
        make_answer(make_execution(make_measured_workflow(f"w{number}", project=project)))
    while fold():
        pass
    with django_assert_max_num_queries(20):
        summarise(Extent(project, None, simulated=False))


def test_a_step_of_a_trial_is_in_no_execution_cell(workflows):
    make_answer(make_execution(workflows[0], purpose=Execution.Purpose.TRIAL, publication=None))
    fold()
    assert not ExecutionCell.objects.exists()
    assert StepResult.objects.count() == 1


def test_a_project_without_anything_has_nothing(project: Project):
    assert not Reading(Extent(project, None, simulated=True)).exists()
